//! Requests in flight: their parts, and the one completion of each.

use super::agent::{Agent, Transfer};
use super::cargo::{Cargo, Loan};
use super::part::{Packed, Part, Rest};
use super::staging::Staging;
use super::status::{Code, Progress};
use crate::files::store::SlotStore;
use crate::lend::Claim;
use std::collections::BTreeMap;
use std::sync::Arc;
use tierproof_core::{Completion, Fault, Nanos, TransferId};

/// All requests in flight.
#[derive(Default)]
pub(super) struct Flights {
    requests: BTreeMap<TransferId, Request>,
    moving: Vec<Moving>,
    spans: usize,
    done: Vec<Completion>,
}

/// A request that is not done.
struct Request {
    left: usize,
    faults: Vec<(u32, Fault)>,
    /// Parts that are done keep their claims until the whole request is.
    held: Vec<(Claim<SlotStore>, Loan)>,
}

/// A part whose cargo is on the way.
pub(super) struct Moving {
    pub(super) seat: Seat,
    pub(super) transfer: Transfer,
    pub(super) rest: Rest,
    pub(super) spans: usize,
}

/// Which part of which request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) request: TransferId,
    pub(super) part: u32,
}

impl Flights {
    /// Parts on the way.
    pub(super) fn parts(&self) -> usize {
        self.moving.len()
    }

    /// Descriptors on the way.
    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    pub(super) fn open(&mut self, id: TransferId, parts: usize) {
        let request = Request { left: parts, faults: Vec::new(), held: Vec::with_capacity(parts) };
        self.requests.insert(id, request);
    }

    /// A request that was done at once.
    pub(super) fn add_done(&mut self, completion: Completion) {
        self.done.push(completion);
    }

    pub(super) fn add(&mut self, moving: Moving) {
        self.spans += moving.spans;
        self.moving.push(moving);
    }

    /// A part has ended without or after moving anything.
    pub(super) fn end(
        &mut self,
        seat: Seat,
        outcome: Result<(), Fault>,
        held: (Claim<SlotStore>, Loan),
        now: Nanos,
    ) {
        let request = self.requests.get_mut(&seat.request).expect("its parts are not done");
        request.faults.extend(outcome.err().map(|fault| (seat.part, fault)));
        request.held.push(held);
        request.left -= 1;
        if request.left > 0 {
            return;
        }
        let ended = self.requests.remove(&seat.request).expect("it was there just before");
        let mut faults = ended.faults;
        faults.sort_unstable_by_key(|(part, _)| *part);
        // Its claims end here, before anybody can hear of the completion.
        drop(ended.held);
        self.done.push(Completion { id: seat.request, at: now, faults });
    }

    /// Asks for everything that is on the way. Answers the agents whose transfers failed.
    pub(super) fn drive(&mut self, staging: &mut Staging, now: Nanos) -> Vec<Arc<Agent>> {
        let mut failed = Vec::new();
        let mut index = 0;
        while index < self.moving.len() {
            let outcome = match self.moving[index].transfer.progress() {
                Ok(Progress::Going) => {
                    index += 1;
                    continue;
                }
                Ok(Progress::Done) => Ok(()),
                Err(code) => {
                    failed.push(Arc::clone(self.moving[index].transfer.agent()));
                    Err(code)
                }
            };
            let Moving { seat, transfer, rest, spans } = self.moving.swap_remove(index);
            self.spans -= spans;
            let (file, cargo) = transfer.finish();
            self.settle(seat, outcome, Packed { rest, file, cargo }, staging, now);
        }
        failed
    }

    /// What moved, or could not, is back.
    pub(super) fn settle(
        &mut self,
        seat: Seat,
        moved: Result<(), Code>,
        part: Packed,
        staging: &mut Staging,
        now: Nanos,
    ) {
        let Packed { rest, file, mut cargo } = part;
        let outcome = rest.settle(moved, &file, &mut cargo);
        let Cargo { memory, staged, .. } = cargo;
        drop(staged);
        if let Some(sheet) = rest.sheet {
            staging.give_back(sheet);
        }
        self.end(seat, outcome, (file, memory), now);
    }

    pub(super) fn has_done(&self) -> bool {
        !self.done.is_empty()
    }

    pub(super) fn take_done(&mut self, done: &mut Vec<Completion>) {
        done.append(&mut self.done);
    }
}

impl From<Part> for (Claim<SlotStore>, Loan) {
    fn from(part: Part) -> Self {
        (part.file, part.memory)
    }
}
