//! The mover: carries out moves, each after those it depends on, and knows what became of them.
//!
//! Every slot is fenced: a move waits for the last write of its source and for the last write and
//! all reads of its target. Data waits for completions; decisions never do.

mod fence;

use crate::backend::{Backend, Capability};
use crate::block::{Place, Tier};
use crate::error::{ErrorKind, Result};
use crate::key::KeySpace;
use crate::order::{Move, Order};
use crate::slots::Slots;
use crate::transfer::{Completion, Fault, RetryPolicy, TransferId, TransferMode, TransferRequest};
use crate::units::{Bytes, Nanos};
use fence::Fences;
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

/// A refused request is offered again after so long, even if nothing else is on its way.
const PAUSE: Nanos = Nanos::from_millis(1);

/// Numbers jobs in the order of their decisions.
type Seq = u64;

#[derive(Debug)]
struct Job {
    moved: Move,
    /// Unfinished jobs that this one waits for, and those that wait for it.
    waits: u32,
    waiting: Vec<Waiting>,
    attempt: u8,
    /// Parts of the present attempt not yet ended.
    parts_left: u32,
    /// Parts of the present attempt handed to the backend so far, of how many.
    boarded: usize,
    pools: usize,
    fault: Option<Fault>,
    /// Until when the present attempt may be refused; since it was first offered.
    give_up_at: Option<Nanos>,
    /// The content that it is to move was lost before it came here.
    doomed: bool,
    /// Its target is to be written anew, so what becomes of it is no news.
    stale: bool,
    finished: bool,
}

impl Job {
    fn spots(&self) -> [Spot; 2] {
        [self.moved.source, self.moved.target].map(|place| Spot::new(self.moved.window, place))
    }
}

/// A later job that waits for an earlier one.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    seq: Seq,
    /// It moves on what the earlier one brings.
    feeds: bool,
}

/// A request that the backend works on. Every part belongs to a job.
#[derive(Debug)]
struct Flight {
    deadline: Nanos,
    owners: Vec<Seq>,
}

#[derive(Debug, Default)]
pub(crate) struct Mover {
    /// Jobs from number `first` on; finished ones leave at the front.
    jobs: VecDeque<Job>,
    first: Seq,
    fences: Fences,
    ready: VecDeque<Seq>,
    flights: BTreeMap<TransferId, Flight>,
    parts_in_flight: u32,
    /// Given up, but perhaps still at work: their slots are out of bounds.
    late: BTreeMap<TransferId, Vec<Spot>>,
    unsafe_spots: BTreeSet<Spot>,
    /// Slots whose content is that of a failed move.
    wrong: BTreeSet<Spot>,
    now: Nanos,
    /// When a refused request is to be offered again.
    again_at: Option<Nanos>,
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
        let seq = self.first + self.jobs.len() as Seq;
        let source = Spot::new(moved.window, moved.source);
        let target = Spot::new(moved.window, moved.target);
        let brings = self.fences.writer(source).filter(|&writer| !self.job(writer).stale);
        let before = self.fences.pass(seq, source, target);
        let waits = before.len() as u32;
        for &earlier in &before {
            let waiting = Waiting { seq, feeds: brings == Some(earlier) };
            self.job(earlier).waiting.push(waiting);
        }
        self.jobs.push_back(Job {
            moved,
            waits,
            waiting: Vec::new(),
            attempt: 1,
            parts_left: 0,
            boarded: 0,
            pools,
            fault: None,
            give_up_at: None,
            doomed: brings.is_none() && self.wrong.contains(&source),
            stale: false,
            finished: false,
        });
        self.stats.moves += 1;
        if waits == 0 {
            self.ready.push_back(seq);
        }
    }

    fn job(&mut self, seq: Seq) -> &mut Job {
        &mut self.jobs[(seq - self.first) as usize]
    }

    /// The slot is to be written anew.
    pub(crate) fn refresh(&mut self, spot: Spot) {
        self.wrong.remove(&spot);
        if let Some(writer) = self.fences.writer(spot) {
            self.job(writer).stale = true;
        }
    }

    /// Whether a move still reads or writes the slot.
    pub(crate) fn busy(&self, spot: Spot) -> bool {
        self.fences.busy(spot)
    }

    pub(crate) fn idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether the slot holds what a failed move left.
    pub(crate) fn wrong(&self, spot: Spot) -> bool {
        self.wrong.contains(&spot)
    }

    /// Whether a transfer that was given up may still touch the slot.
    pub(crate) fn unsafe_now(&self, spot: Spot) -> bool {
        self.unsafe_spots.contains(&spot)
    }

    /// Whether any slot holds what a failed move left, or may still be touched by one.
    pub(crate) fn has_failures(&self) -> bool {
        !self.wrong.is_empty() || !self.unsafe_spots.is_empty()
    }

    /// Takes completions, gives up what is over time, and starts what may start.
    pub(crate) fn step<B: Backend>(
        &mut self,
        backend: &mut B,
        slots: &mut [Slots],
        keys: &KeySpace,
        retry: RetryPolicy,
    ) -> Result<()> {
        if self.jobs.is_empty() && self.late.is_empty() {
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
        self.give_up_late(retry);
        self.start(backend, slots, keys, retry);
        Ok(())
    }

    /// Waits for news, at most until the next deadline.
    pub(crate) fn park<B: Backend>(&mut self, backend: &mut B) {
        let deadlines = self.flights.values().map(|flight| flight.deadline);
        let next = deadlines.chain(self.again_at).min();
        self.now = backend.park(next.unwrap_or(self.now));
    }

    fn complete(&mut self, completion: &Completion, slots: &[Slots], retry: RetryPolicy) {
        if self.late.remove(&completion.id).is_some() {
            self.unsafe_spots = self.late.values().flatten().copied().collect();
            return;
        }
        let Some(flight) = self.flights.remove(&completion.id) else {
            self.stats.strays += 1;
            return;
        };
        self.parts_in_flight -= flight.owners.len() as u32;
        let mut faults = completion.faults.iter().peekable();
        for (index, &seq) in flight.owners.iter().enumerate() {
            let fault =
                faults.next_if(|(part, _)| *part as usize == index).map(|(_, fault)| *fault);
            self.end_part(seq, fault, slots, retry);
        }
    }

    fn end_part(&mut self, seq: Seq, fault: Option<Fault>, slots: &[Slots], retry: RetryPolicy) {
        let job = self.job(seq);
        job.parts_left -= 1;
        // What timed out decides: the slots are not ours to try again.
        let timed_out = fault.filter(|fault| fault.kind == ErrorKind::TimedOut);
        job.fault = timed_out.or(job.fault).or(fault);
        if job.parts_left > 0 {
            return;
        }
        match job.fault.take() {
            Some(fault) if retry.retries(fault, job.attempt) => {
                job.attempt += 1;
                job.give_up_at = None;
                self.stats.retries += 1;
                self.stats.corrupt += u64::from(fault.kind == ErrorKind::Corrupt);
                self.ready.push_back(seq);
            }
            Some(fault) => self.fail(seq, fault),
            None => {
                let moved = &job.moved;
                let pools = &slots[usize::from(moved.window)];
                let bytes = (0..pools.pools().len()).map(|pool| pools.part(moved, pool).bytes());
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
        let job = self.job(seq);
        job.finished = true;
        let stale = job.stale;
        let waiting = std::mem::take(&mut job.waiting);
        let [source, target] = job.spots();
        self.fences.leave(seq, source, target);
        // What lies in a slot is what its last write left.
        if !stale && self.fences.writer(target).is_none() {
            if done {
                self.wrong.remove(&target);
            } else {
                self.wrong.insert(target);
            }
        }
        for later in waiting {
            let job = self.job(later.seq);
            job.doomed |= later.feeds && !done;
            job.waits -= 1;
            if job.waits == 0 {
                self.ready.push_back(later.seq);
            }
        }
        while self.jobs.front().is_some_and(|job| job.finished) {
            self.jobs.pop_front();
            self.first += 1;
        }
    }

    fn give_up_late(&mut self, retry: RetryPolicy) {
        let over =
            |(&id, flight): (&TransferId, &Flight)| (flight.deadline <= self.now).then_some(id);
        let ids: Vec<TransferId> = self.flights.iter().filter_map(over).collect();
        for id in ids {
            let flight = self.flights.remove(&id).expect("just found");
            self.parts_in_flight -= flight.owners.len() as u32;
            self.stats.timed_out += 1;
            let spots: Vec<Spot> =
                flight.owners.iter().flat_map(|&seq| self.job(seq).spots()).collect();
            self.unsafe_spots.extend(&spots);
            self.late.insert(id, spots);
            for seq in flight.owners {
                self.end_part(seq, Some(Fault::new(ErrorKind::TimedOut)), &[], retry);
            }
        }
    }

    /// Starts what may start, in the order of decisions, until the backend has enough.
    fn start<B: Backend>(
        &mut self,
        backend: &mut B,
        slots: &mut [Slots],
        keys: &KeySpace,
        retry: RetryPolicy,
    ) {
        self.again_at = None;
        while let Some(&seq) = self.ready.front() {
            if self.hopeless(&self.jobs[(seq - self.first) as usize]) {
                self.ready.pop_front();
                self.fail(seq, Fault::new(ErrorKind::Unavailable));
                continue;
            }
            if self.job(seq).fault.is_some() {
                // The attempt has failed already: the rest of it is not worth sending.
                self.abandon(seq, None, slots, retry);
                continue;
            }
            let deadline = self.now.saturating_add(retry.timeout);
            let batch = self.batch(backend.capability(), slots, keys, deadline);
            if batch.parts.is_empty() {
                self.scratch = batch;
                return;
            }
            match backend.submit(&batch) {
                Ok(id) => self.depart(id, &batch),
                Err(error) if error.kind() == ErrorKind::Busy => {
                    let give_up_at = self.job(seq).give_up_at.unwrap_or(deadline);
                    if self.now < give_up_at {
                        self.again_at = Some(self.now.saturating_add(PAUSE).min(give_up_at));
                        self.scratch = batch;
                        return;
                    }
                    let timed_out = Fault::new(ErrorKind::TimedOut);
                    self.abandon(seq, Some(timed_out), slots, retry);
                }
                Err(error) => {
                    for seq in self.board(batch.parts.len()) {
                        self.end_part(seq, Some(Fault::new(error.kind())), slots, retry);
                    }
                }
            }
            self.scratch = batch;
        }
    }

    /// Ends what the first job in the queue has not sent of its attempt.
    fn abandon(&mut self, seq: Seq, fault: Option<Fault>, slots: &[Slots], retry: RetryPolicy) {
        let job = self.job(seq);
        let rest = job.pools - job.boarded;
        for seq in self.board(rest) {
            self.end_part(seq, fault, slots, retry);
        }
    }

    /// Whether a job can't succeed: its content was lost on the way to its source, or one of its
    /// slots is out of bounds.
    fn hopeless(&self, job: &Job) -> bool {
        // What is half on its way ends there.
        job.boarded == 0 && (job.doomed || job.spots().iter().any(|&spot| self.unsafe_now(spot)))
    }

    /// A request of the parts at the front of the queue that go the same way, within the limits.
    fn batch(
        &mut self,
        limits: &Capability,
        slots: &mut [Slots],
        keys: &KeySpace,
        deadline: Nanos,
    ) -> TransferRequest {
        let room = limits.in_flight_parts_max.saturating_sub(self.parts_in_flight);
        let parts_max = limits.request_parts_max.min(room) as usize;
        let mut bytes = 0;
        let mut batch = std::mem::take(&mut self.scratch);
        batch.parts.clear();
        batch.deadline = deadline;
        let mut way = None;
        for &seq in &self.ready {
            let index = (seq - self.first) as usize;
            let Move { source, target, gds, .. } = self.jobs[index].moved;
            let this_way = (source.tier, target.tier, gds);
            if *way.get_or_insert(this_way) != this_way || self.hopeless(&self.jobs[index]) {
                break;
            }
            let job = &mut self.jobs[index];
            let moved = &job.moved;
            let slots = &mut slots[usize::from(moved.window)];
            if job.boarded == 0 {
                slots.note(moved, keys, seq + 1);
            }
            for pool in job.boarded..slots.pools().len() {
                let part = slots.part(moved, pool);
                bytes += part.bytes();
                if batch.parts.len() == parts_max || bytes > limits.request_bytes_max {
                    return batch;
                }
                job.give_up_at.get_or_insert(deadline);
                batch.mode = mode(moved);
                batch.parts.push(part);
            }
        }
        batch
    }

    /// Takes the owners of the first `parts` parts off the queue.
    fn board(&mut self, parts: usize) -> Vec<Seq> {
        let mut owners = Vec::with_capacity(parts);
        while owners.len() < parts {
            let seq = *self.ready.front().expect("a batch is made of what is ready");
            let left = parts - owners.len();
            let job = self.job(seq);
            let taken = left.min(job.pools - job.boarded);
            if job.boarded == 0 {
                job.parts_left = job.pools as u32;
            }
            job.boarded += taken;
            if job.boarded == job.pools {
                job.boarded = 0;
                self.ready.pop_front();
            }
            owners.extend(std::iter::repeat_n(seq, taken));
        }
        owners
    }

    fn depart(&mut self, id: TransferId, batch: &TransferRequest) {
        let owners = self.board(batch.parts.len());
        self.parts_in_flight += owners.len() as u32;
        self.stats.requests += 1;
        self.flights.insert(id, Flight { deadline: batch.deadline, owners });
    }
}

fn mode(moved: &Move) -> TransferMode {
    if moved.source.tier != Tier::Disk && moved.target.tier != Tier::Disk {
        TransferMode::Dram
    } else if moved.gds {
        TransferMode::Gds
    } else {
        TransferMode::Posix
    }
}
