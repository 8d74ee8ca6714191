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
    /// Parts that failed, until their memory is ours again.
    doubtful: Vec<(Moving, Code)>,
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
    /// Parts on the way, or not known to have ended.
    pub(super) fn parts(&self) -> usize {
        self.moving.len() + self.doubtful.len()
    }

    /// Whether anything is on the way through this agent.
    pub(super) fn use_agent(&self, agent: &Arc<Agent>) -> bool {
        self.moving.iter().any(|moving| Arc::ptr_eq(moving.transfer.agent(), agent))
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

    /// A transfer that was posted, with NIXL's answer.
    pub(super) fn add(&mut self, moving: Moving, posted: Result<Progress, Code>) {
        self.spans += moving.spans;
        match posted {
            Ok(_) => self.moving.push(moving),
            Err(code) => self.doubt(moving, code),
        }
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

    /// A transfer that failed: what it moves may still be touched.
    fn doubt(&mut self, moving: Moving, code: Code) {
        self.doubtful.push((moving, code));
    }

    /// Asks for everything that is on the way. Answers the agents whose transfers failed.
    pub(super) fn drive(&mut self, staging: &mut Staging, now: Nanos) -> Vec<Arc<Agent>> {
        let mut failed = Vec::new();
        let mut index = 0;
        while index < self.moving.len() {
            match self.moving[index].transfer.progress() {
                Ok(Progress::Going) => index += 1,
                Ok(Progress::Done) => {
                    let moving = self.moving.swap_remove(index);
                    self.land(moving, Ok(()), staging, now);
                }
                Err(code) => {
                    let moving = self.moving.swap_remove(index);
                    failed.push(Arc::clone(moving.transfer.agent()));
                    self.doubt(moving, code);
                }
            }
        }
        failed
    }

    /// Settles failed transfers that have ended with their agents. Answers why others never will.
    pub(super) fn resolve(&mut self, staging: &mut Staging, now: Nanos) -> Option<Code> {
        let mut lost = None;
        let mut index = 0;
        while index < self.doubtful.len() {
            let (moving, code) = &mut self.doubtful[index];
            if moving.transfer.ended_with_agent() {
                let (moving, code) = self.doubtful.swap_remove(index);
                self.land(moving, Err(code), staging, now);
            } else if moving.transfer.agent().ends_all() {
                index += 1;
            } else {
                lost = Some(*code);
                let (moving, _) = self.doubtful.swap_remove(index);
                self.spans -= moving.spans;
                // It keeps its memory for good.
                drop(moving);
            }
        }
        lost
    }

    fn land(&mut self, moving: Moving, moved: Result<(), Code>, staging: &mut Staging, now: Nanos) {
        let Moving { seat, transfer, rest, spans } = moving;
        self.spans -= spans;
        let (file, cargo) = transfer.finish();
        self.settle(seat, moved, Packed { rest, file, cargo }, staging, now);
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
