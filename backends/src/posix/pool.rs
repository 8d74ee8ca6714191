//! Worker threads, and the one completion of every request.

use crate::clock::Clock;
use crate::files::io::Desk;
use crate::files::work::Work;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;
use tierproof_core::{Completion, Error, ErrorKind, Fault, Nanos, Result, TransferId, buggify};

/// Threads that take parts from one bounded queue.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Gone once the pool is being dropped, which ends the threads when the queue is empty.
    jobs: Option<Sender<Job>>,
    ended: Receiver<Ended>,
    workers: Vec<JoinHandle<()>>,
}

/// One part on its way.
#[derive(Debug)]
struct Job {
    work: Work,
    index: u32,
    flight: Arc<Flight>,
}

/// What the parts of one request share. Whoever lets go of it last reports the completion, so it
/// is reported once.
#[derive(Debug)]
struct Flight {
    id: TransferId,
    deadline: Nanos,
    parts: u32,
    outcome: Mutex<Outcome>,
}

#[derive(Debug)]
struct Outcome {
    faults: Vec<(u32, Fault)>,
    /// Parts that are done keep their claims until the whole request is.
    finished: Vec<Work>,
}

/// A request that ended, and how many parts are no longer in flight.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) completion: Completion,
    pub(crate) parts: u32,
}

impl Pool {
    /// `queue` is the most parts that are ever in flight: sending never blocks then.
    pub(crate) fn start(threads: u32, queue: u32, clock: Clock) -> Result<Self> {
        let (jobs, queued) = bounded::<Job>(queue as usize);
        let (report, ended) = unbounded();
        let mut pool = Self { jobs: Some(jobs), ended, workers: Vec::new() };
        for thread in 0..threads {
            let mut desk = Desk::new()?;
            let (queued, report) = (queued.clone(), report.clone());
            let run = move || {
                for job in queued {
                    job.run(&mut desk, clock, &report);
                }
            };
            let worker = Builder::new().name(format!("kv-file-{thread}")).spawn(run);
            pool.workers.push(worker.map_err(|cause| {
                let context = format!("thread {thread} of {threads} did not start: use fewer");
                Error::new(ErrorKind::Exhausted, context).with_source(cause)
            })?);
        }
        Ok(pool)
    }

    /// Queues the parts of one request; there is at least one.
    pub(crate) fn send(&self, id: TransferId, deadline: Nanos, mut works: Vec<Work>) {
        let parts = works.len() as u32;
        let outcome = Outcome { faults: Vec::new(), finished: Vec::with_capacity(works.len()) };
        let outcome = Mutex::new(outcome);
        let flight = Arc::new(Flight { id, deadline, parts, outcome });
        let jobs = self.jobs.as_ref().expect("only drop takes the queue");
        let mut flights = std::iter::repeat_n(flight, works.len());
        let backwards = buggify!("posix: the last part is queued first");
        if backwards {
            works.reverse();
        }
        for (place, work) in (0..).zip(works) {
            let index = if backwards { parts - 1 - place } else { place };
            let flight = flights.next().expect("one for each part");
            jobs.send(Job { work, index, flight }).expect("workers outlive the queue");
        }
    }

    /// A request that ended, if there is one.
    ///
    /// # Errors
    /// `Device` if a worker ended before its time, which only a bug does.
    pub(crate) fn try_ended(&self) -> Result<Option<Ended>> {
        match self.ended.try_recv() {
            Ok(ended) => Ok(Some(ended)),
            Err(TryRecvError::Empty) if !self.workers.iter().any(JoinHandle::is_finished) => {
                Ok(None)
            }
            Err(_) => {
                let context = "a file worker is gone: open a new backend and report the panic";
                Err(Error::new(ErrorKind::Device, context))
            }
        }
    }

    /// Waits for a request to end; `None` as a deadline waits as long as it takes.
    pub(crate) fn wait_ended(&self, until: Option<Instant>) -> Option<Ended> {
        match until {
            Some(until) => self.ended.recv_deadline(until).ok(),
            None => self.ended.recv().ok(),
        }
    }
}

impl Drop for Pool {
    /// Waits for everything in flight: the kernel may still write to its memory.
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so itself.
            let _ = worker.join();
        }
    }
}

impl Job {
    fn run(mut self, desk: &mut Desk, clock: Clock, report: &Sender<Ended>) {
        let result = if clock.now() > self.flight.deadline {
            Err(Fault::new(ErrorKind::TimedOut))
        } else {
            self.work.run(desk)
        };
        let mut outcome = self.flight.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.faults.extend(result.err().map(|fault| (self.index, fault)));
        outcome.finished.push(self.work);
        drop(outcome);
        if let Some(flight) = Arc::into_inner(self.flight) {
            // During drop nobody listens any more.
            let _ = report.send(flight.end(clock.now()));
        }
    }
}

impl Flight {
    fn end(self, at: Nanos) -> Ended {
        let Outcome { mut faults, finished } =
            self.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The claims end before anybody can hear of the completion.
        drop(finished);
        faults.sort_unstable_by_key(|(index, _)| *index);
        Ended { completion: Completion { id: self.id, at, faults }, parts: self.parts }
    }
}
