//! Starting what may start, within the limits of the backend.

use super::flight::Flight;
use super::job::Seq;
use super::{Mover, Way};
use crate::backend::{Backend, Capability};
use crate::error::ErrorKind;
use crate::key::KeySpace;
use crate::slots::Slots;
use crate::transfer::{Fault, RetryPolicy, TransferId, TransferRequest};
use crate::units::Nanos;

/// A refused request is offered again after so long, even if nothing else is on its way.
const PAUSE: Nanos = Nanos::from_millis(1);

/// One way leaves the others one in so many of the parts that the backend takes at once.
const SHARE: u32 = 8;

impl Mover {
    /// Starts what may start: of every way in the order of decisions, until the backend has enough.
    pub(super) fn start<B: Backend>(
        &mut self,
        backend: &mut B,
        slots: &mut [Slots],
        keys: &KeySpace,
        retry: RetryPolicy,
    ) {
        let mut stuck = Vec::new();
        loop {
            self.line_up();
            let Some(way) = self.queues.next(&stuck) else { return };
            if !self.start_front(way, backend, slots, keys, retry) {
                stuck.push(way);
            }
        }
    }

    /// Starts or ends the job at the front of a way, and with it what goes the same way. `false` if
    /// that has to wait.
    fn start_front<B: Backend>(
        &mut self,
        way: Way,
        backend: &mut B,
        slots: &mut [Slots],
        keys: &KeySpace,
        retry: RetryPolicy,
    ) -> bool {
        let queue = self.queues.of(way);
        queue.again_at = None;
        let Some(&seq) = queue.ready.front() else { return false };
        if self.jobs[seq].fault.is_some() {
            // The attempt has failed already: the rest of it is not worth sending.
            sometimes!("the rest of a failed attempt is not sent");
            self.abandon(seq, None, slots, retry);
            return true;
        }
        let deadline = self.now.saturating_add(retry.timeout);
        let batch = self.batch(way, backend.capability(), slots, keys, deadline);
        let goes_on = !batch.parts.is_empty()
            && match backend.submit(&batch) {
                Ok(id) => {
                    self.depart(id, way, &batch);
                    true
                }
                Err(error) if error.kind() == ErrorKind::Busy => {
                    sometimes!("a request is refused for now");
                    self.refused(seq, deadline, slots, retry)
                }
                Err(error) => {
                    sometimes!("a request is refused for good");
                    for seq in self.board(way, batch.parts.len()) {
                        self.end_part(seq, Some(Fault::new(error.kind())), slots, retry);
                    }
                    true
                }
            };
        self.scratch = batch;
        goes_on
    }

    /// The backend has no room for the front of a way: offers it again later, until its time is up.
    fn refused(
        &mut self,
        seq: Seq,
        deadline: Nanos,
        slots: &mut [Slots],
        retry: RetryPolicy,
    ) -> bool {
        let give_up_at = self.jobs[seq].give_up_at.unwrap_or(deadline);
        if self.now >= give_up_at {
            sometimes!("a request is refused until its time is up");
            self.abandon(seq, Some(Fault::new(ErrorKind::TimedOut)), slots, retry);
            return true;
        }
        let way = self.jobs[seq].way();
        self.queues.of(way).again_at = Some(self.now.saturating_add(PAUSE).min(give_up_at));
        false
    }

    /// Ends what the job at the front of its way has not sent of its attempt.
    fn abandon(&mut self, seq: Seq, fault: Option<Fault>, slots: &mut [Slots], retry: RetryPolicy) {
        let job = &self.jobs[seq];
        let (way, rest) = (job.way(), job.pools - job.boarded);
        for seq in self.board(way, rest) {
            self.end_part(seq, fault, slots, retry);
        }
    }

    /// Parts that may be sent one way now.
    fn room(&mut self, way: Way, limits: &Capability) -> u32 {
        let all = if buggify!("one part in flight") { 1 } else { limits.in_flight_parts_max };
        let own = (all - all / SHARE).saturating_sub(self.queues.of(way).parts_in_flight);
        let left = all.saturating_sub(self.queues.parts_in_flight());
        sometimes!(left == 0, "the backend's queue is full");
        sometimes!(own == 0 && left > 0, "a way leaves room for others");
        let a_request = if buggify!("one part a request") { 1 } else { limits.request_parts_max };
        own.min(left).min(a_request)
    }

    /// A request of the parts at the front of a way, within the limits.
    fn batch(
        &mut self,
        way: Way,
        limits: &Capability,
        slots: &mut [Slots],
        keys: &KeySpace,
        deadline: Nanos,
    ) -> TransferRequest {
        let parts_max = self.room(way, limits) as usize;
        let mut bytes = 0;
        let mut batch = std::mem::take(&mut self.scratch);
        batch.parts.clear();
        batch.deadline = deadline;
        batch.mode = way.mode;
        let ready = std::mem::take(&mut self.queues.of(way).ready);
        'jobs: for &seq in &ready {
            let job = &mut self.jobs[seq];
            let slots = &mut slots[usize::from(job.moved.window)];
            if job.boarded == 0 {
                slots.note(&job.moved, keys, seq + 1);
            }
            for pool in job.boarded..job.pools {
                let part = slots.part(&job.moved, pool);
                bytes += part.bytes();
                if batch.parts.len() == parts_max || bytes > limits.request_bytes_max {
                    let by_parts = batch.parts.len() == parts_max;
                    sometimes!(by_parts && parts_max > 0, "a batch is split by its parts");
                    sometimes!(!by_parts, "a batch is split by its bytes");
                    break 'jobs;
                }
                job.give_up_at.get_or_insert(deadline);
                batch.parts.push(part);
            }
        }
        self.queues.of(way).ready = ready;
        batch
    }

    /// Takes the owners of the first `parts` parts off the queue of a way.
    fn board(&mut self, way: Way, parts: usize) -> Vec<Seq> {
        let queue = self.queues.of(way);
        let mut owners = Vec::with_capacity(parts);
        while owners.len() < parts {
            let seq = *queue.ready.front().expect("a batch is made of what is ready");
            let left = parts - owners.len();
            let job = &mut self.jobs[seq];
            let taken = left.min(job.pools - job.boarded);
            if job.boarded == 0 {
                job.parts_left = job.pools as u32;
            }
            job.boarded += taken;
            sometimes!(job.boarded < job.pools, "a block is torn between requests");
            if job.boarded == job.pools {
                job.boarded = 0;
                queue.ready.pop_front();
            }
            owners.extend(std::iter::repeat_n(seq, taken));
        }
        owners
    }

    fn depart(&mut self, id: TransferId, way: Way, batch: &TransferRequest) {
        let owners = self.board(way, batch.parts.len());
        sometimes!(owners.first() != owners.last(), "several blocks share a request");
        self.queues.of(way).parts_in_flight += owners.len() as u32;
        self.stats.requests += 1;
        self.flights.depart(id, Flight { way, deadline: batch.deadline, owners });
    }
}
