//! The mover: carries out moves, each after those it depends on, and knows what became of them.
//!
//! Every slot is fenced: a move waits for the last write of its source and for the last write and
//! all reads of its target. Data waits for completions; decisions never do.

mod dispatch;
mod fence;
mod flight;
mod job;
mod queue;

use crate::backend::Backend;
use crate::block::{Place, Tier};
use crate::error::{ErrorKind, Result};
use crate::key::KeySpace;
use crate::order::{Move, Order};
use crate::slots::Slots;
use crate::transfer::{Completion, Fault, RetryPolicy, TransferRequest};
use crate::units::{Bytes, Nanos};
use fence::Fences;
use flight::{Flights, Late};
use job::{Job, Jobs, Seq, Waiting, note_order};
use queue::{Queues, Way};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A slot of one window of one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    window: u16,
    tier: Tier,
    slot: u32,
}

impl Spot {
    pub(crate) fn new(window: u16, place: Place) -> Self {
        Self { window, tier: place.tier, slot: place.slot }
    }
}

/// What transfers did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TransferStats {
    /// Moves asked for.
    pub moves: u64,
    /// Moves done.
    pub done: u64,
    /// Moves that failed for good.
    pub failed: u64,
    /// Requests accepted by the backend.
    pub requests: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Payload bytes of moves done.
    pub bytes: Bytes,
    /// Loads and stores refused because the bytes were wrong.
    pub corrupt: u64,
    /// Transfers given up at their deadline.
    pub timed_out: u64,
    /// Completions of requests unknown or already ended.
    pub strays: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Mover {
    jobs: Jobs,
    fences: Fences,
    queues: Queues,
    /// Jobs that wait for no other any more, and whose way was not looked for yet.
    free: VecDeque<Seq>,
    flights: Flights,
    late: Late,
    /// Slots whose content is that of a failed move.
    wrong: BTreeSet<Spot>,
    now: Nanos,
    completions: Vec<Completion>,
    /// Reused from batch to batch.
    scratch: TransferRequest,
    pub(crate) stats: TransferStats,
}

impl Mover {
    /// Takes an order of a window whose blocks have `pools` parts.
    pub(crate) fn order(&mut self, order: Order, pools: usize) {
        match order {
            Order::Move(moved) => self.enqueue(moved, pools),
            Order::Fresh { window, place } => self.refresh(Spot::new(window, place)),
        }
    }

    fn enqueue(&mut self, moved: Move, pools: usize) {
        let seq = self.jobs.next();
        let source = Spot::new(moved.window, moved.source);
        let target = Spot::new(moved.window, moved.target);
        let brings = self.fences.writer(source).filter(|&writer| !self.jobs[writer].stale);
        let before = self.fences.pass(seq, source, target);
        for &earlier in &before {
            let feeds = brings == Some(earlier);
            self.jobs[earlier].waiting.push(Waiting { seq, feeds });
        }
        let doomed = brings.is_none() && self.wrong.contains(&source);
        note_order(&moved, brings.is_some(), before.len());
        sometimes!(doomed, "a move is doomed before it starts");
        self.jobs.push(Job::new(moved, pools, before.len() as u32, doomed));
        self.stats.moves += 1;
        if before.is_empty() {
            self.make_ready(seq);
        }
    }

    fn make_ready(&mut self, seq: Seq) {
        self.free.push_back(seq);
    }

    /// Lines up what has become free. What can't succeed ends at once, however long its way is: its
    /// content was lost on the way to its source, or one of its slots is out of bounds.
    fn line_up(&mut self) {
        while let Some(seq) = self.free.pop_front() {
            let job = &self.jobs[seq];
            if job.doomed || job.spots().iter().any(|&spot| self.unsafe_now(spot)) {
                sometimes!(!job.doomed, "a move to a slot out of bounds is not sent");
                self.fail(seq, Fault::new(ErrorKind::Unavailable));
            } else {
                let way = job.way();
                self.queues.of(way).ready.push_back(seq);
            }
        }
    }

    /// The slot is to be written anew.
    pub(crate) fn refresh(&mut self, spot: Spot) {
        self.wrong.remove(&spot);
        if let Some(writer) = self.fences.writer(spot) {
            sometimes!("a slot is written anew while a move into it is under way");
            self.jobs[writer].stale = true;
        }
    }

    /// Whether a move still reads or writes the slot.
    pub(crate) fn busy(&self, spot: Spot) -> bool {
        self.fences.busy(spot)
    }

    /// Whether every move has ended, as far as anybody waits for it.
    pub(crate) fn idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether a transfer that was given up may still be at work.
    pub(crate) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// Whether the slot holds what a failed move left.
    pub(crate) fn wrong(&self, spot: Spot) -> bool {
        self.wrong.contains(&spot)
    }

    /// Whether a transfer that was given up may still touch the slot.
    pub(crate) fn unsafe_now(&self, spot: Spot) -> bool {
        self.late.touch(spot)
    }

    /// Whether any slot holds what a failed move left, or may still be touched by one.
    pub(crate) fn has_failures(&self) -> bool {
        !self.wrong.is_empty() || self.is_late()
    }

    /// Takes completions, gives up what is over time, and starts what may start.
    pub(crate) fn step<B: Backend>(
        &mut self,
        backend: &mut B,
        slots: &mut [Slots],
        keys: &KeySpace,
        retry: RetryPolicy,
    ) -> Result<()> {
        if self.idle() && !self.is_late() {
            return Ok(());
        }
        self.now = backend.park(Nanos::ZERO);
        let mut completions = std::mem::take(&mut self.completions);
        let polled = backend.poll(&mut completions);
        for completion in completions.drain(..) {
            self.complete(&completion, slots, retry);
        }
        self.completions = completions;
        polled?;
        self.give_up_overdue(slots, retry);
        self.start(backend, slots, keys, retry);
        Ok(())
    }

    /// Waits for news, at most until the next deadline.
    pub(crate) fn park<B: Backend>(&mut self, backend: &mut B) {
        let next = self.flights.next_deadline().into_iter().chain(self.queues.again_at()).min();
        self.now = backend.park(next.unwrap_or(self.now));
    }

    fn complete(&mut self, completion: &Completion, slots: &mut [Slots], retry: RetryPolicy) {
        if self.late.end(completion.id) {
            sometimes!("a request given up ends late");
            return;
        }
        let Some(flight) = self.flights.land(completion.id) else {
            sometimes!("a completion is of nothing in flight");
            self.stats.strays += 1;
            return;
        };
        self.queues.of(flight.way).parts_in_flight -= flight.owners.len() as u32;
        let faults: BTreeMap<u32, Fault> = completion.faults.iter().copied().collect();
        for (part, seq) in (0..).zip(flight.owners) {
            self.end_part(seq, faults.get(&part).copied(), slots, retry);
        }
    }

    fn give_up_overdue(&mut self, slots: &mut [Slots], retry: RetryPolicy) {
        while let Some(id) = self.flights.overdue(self.now) {
            let Some(flight) = self.flights.land(id) else { return };
            self.queues.of(flight.way).parts_in_flight -= flight.owners.len() as u32;
            sometimes!("a request is given up at its deadline");
            self.stats.timed_out += 1;
            let spots = flight.owners.iter().flat_map(|&seq| self.jobs[seq].spots()).collect();
            self.late.insert(id, spots);
            let (jobs, late) = (&self.jobs, &self.late);
            // What is half on its way ends there.
            let is_out = |seq: Seq| {
                let job = &jobs[seq];
                job.boarded == 0 && job.spots().iter().any(|&spot| late.touch(spot))
            };
            self.queues.withdraw(is_out, &mut self.free);
            for seq in flight.owners {
                self.end_part(seq, Some(Fault::new(ErrorKind::TimedOut)), slots, retry);
            }
        }
    }

    fn end_part(
        &mut self,
        seq: Seq,
        fault: Option<Fault>,
        slots: &mut [Slots],
        retry: RetryPolicy,
    ) {
        let job = &mut self.jobs[seq];
        job.parts_left -= 1;
        // What timed out decides: the slots are not ours to try again.
        let timed_out = fault.filter(|fault| fault.kind == ErrorKind::TimedOut);
        job.fault = timed_out.or(job.fault).or(fault);
        if job.parts_left > 0 {
            sometimes!(fault.is_some(), "a part fails while others of its block are under way");
            return;
        }
        match job.fault.take() {
            Some(fault) if retry.retries(fault, job.attempt) => {
                job.attempt += 1;
                job.give_up_at = None;
                self.stats.retries += 1;
                self.stats.corrupt += u64::from(fault.kind == ErrorKind::Corrupt);
                self.make_ready(seq);
            }
            Some(fault) => self.fail(seq, fault),
            None => {
                sometimes!(job.attempt > 1, "a retry succeeds");
                let moved = &job.moved;
                let slots = &mut slots[usize::from(moved.window)];
                slots.arrived(moved);
                let bytes = (0..job.pools).map(|pool| slots.part(moved, pool).bytes());
                self.stats.bytes += bytes.sum::<Bytes>();
                self.stats.done += 1;
                self.finish(seq, true);
            }
        }
    }

    fn fail(&mut self, seq: Seq, fault: Fault) {
        self.stats.failed += 1;
        self.stats.corrupt += u64::from(fault.kind == ErrorKind::Corrupt);
        self.finish(seq, false);
    }

    /// Ends a job: its slots are free, and what waited for it may go on.
    fn finish(&mut self, seq: Seq, done: bool) {
        let job = &mut self.jobs[seq];
        job.finished = true;
        let stale = job.stale;
        let waiting = std::mem::take(&mut job.waiting);
        let [source, target] = job.spots();
        self.fences.leave(seq, source, target);
        // What lies in a slot is what its last write left.
        if !stale && self.fences.writer(target).is_none() {
            if done {
                let healed = self.wrong.remove(&target);
                sometimes!(healed, "a good write heals a wrong slot");
            } else {
                self.wrong.insert(target);
            }
        }
        sometimes!(stale && !done, "a failed move's slot was to be written anew");
        for later in waiting {
            let job = &mut self.jobs[later.seq];
            sometimes!(later.feeds && !done, "a failure dooms what waits for it");
            job.doomed |= later.feeds && !done;
            job.waits -= 1;
            if job.waits == 0 {
                self.make_ready(later.seq);
            }
        }
        self.jobs.retire();
    }
}
