//! An operation is done to the engine, and what its answer is called.

use tierproof_core::{Backend, BlockId, Error, ErrorKind, Nanos, RequestId};

use crate::lockstep::law::{Broken, Law};
use crate::lockstep::model::{Outcome, Refusal};
use crate::lockstep::plan::Op;

use super::{Driver, request};

pub(super) const INVALID: Outcome = Outcome::Refused(Refusal::Invalid);
const EXHAUSTED: Outcome = Outcome::Refused(Refusal::Exhausted);

impl<B: Backend> Driver<B> {
    pub(super) fn do_to_engine(&mut self, op: &Op) -> Result<Outcome, Broken> {
        let done = match op {
            Op::Add(add) => {
                let Some(request) = request::request(add) else { return Ok(INVALID) };
                match self.engine.add(&request) {
                    Err(error) if error.kind() == ErrorKind::Exhausted => {
                        return Ok(Outcome::Rejected);
                    }
                    answer => answer.map(drop),
                }
            }
            Op::Append { request, token } => self.engine.append(RequestId(*request), *token),
            Op::Rewind { request, tokens } => {
                let tokens = u32::try_from(*tokens).unwrap_or(u32::MAX);
                self.engine.rewind(RequestId(*request), tokens)
            }
            Op::Store { request } => self.engine.store(RequestId(*request)),
            Op::StoreNew { request } => self.engine.store_new(RequestId(*request)),
            Op::Remove { request } => return self.remove(*request),
            Op::Pin { request } => {
                self.engine.pin(RequestId(*request)).map(|pin| self.pins.push(pin))
            }
            Op::Unpin { pin } => {
                let Some(&pin) = self.pins.get(*pin) else { return Ok(INVALID) };
                self.engine.unpin(pin)
            }
            Op::Offload { request, window, index } => match self.block(*request, *window, *index) {
                Some(block) => self.engine.offload(*window, block),
                None => return Ok(INVALID),
            },
            Op::Onboard { request, window, index } => match self.block(*request, *window, *index) {
                Some(block) => self.engine.onboard(*window, block),
                None => return Ok(INVALID),
            },
            Op::Advance { millis } => {
                self.now_ms = self.now_ms.saturating_add(*millis);
                self.engine.advance(Nanos::from_millis(self.now_ms));
                Ok(())
            }
            Op::Settle { request } => self.engine.settle(RequestId(*request)).map(drop),
            Op::Drain => self.engine.drain(),
            Op::Step => self.engine.step(),
        };
        outcome(done)
    }

    fn remove(&mut self, request: u64) -> Result<Outcome, Broken> {
        let before = self.engine.request_stats(RequestId(request)).ok();
        match self.engine.remove(RequestId(request)) {
            Ok(stats) if Some(stats) == before => Ok(Outcome::Done),
            Ok(stats) => Err(Law::C5
                .broken(format!("request {request} ends with {stats:?}, and had {before:?}"))),
            Err(error) => outcome(Err(error)),
        }
    }

    fn block(&self, request: u64, window: usize, index: usize) -> Option<BlockId> {
        let held = self.engine.held(RequestId(request), window, 0).ok()?;
        held.get(index).copied()
    }
}

/// What the model calls an answer of the engine.
pub(super) fn outcome(answer: Result<(), Error>) -> Result<Outcome, Broken> {
    match answer {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => match error.kind() {
            ErrorKind::Exhausted => Ok(EXHAUSTED),
            ErrorKind::Config | ErrorKind::OutOfRange => Ok(INVALID),
            ErrorKind::TimedOut => Ok(Outcome::Refused(Refusal::TimedOut)),
            ErrorKind::Device => Ok(Outcome::DeviceLost),
            kind => Err(Law::S5.broken(format!("the engine fails with {kind:?}: {error}"))),
        },
    }
}

/// An answer as a number.
pub(super) fn code(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Done => 0,
        Outcome::Rejected => 1,
        Outcome::Refused(Refusal::Exhausted) => 2,
        Outcome::Refused(Refusal::Invalid) => 3,
        Outcome::Refused(Refusal::TimedOut) => 4,
        Outcome::DeviceLost => 5,
    }
}

/// Who must have computed its tokens before an operation shares, moves or gives them up.
pub(super) enum Due {
    Nobody,
    One(u64),
    All,
}

pub(super) fn due(op: &Op) -> Due {
    match op {
        Op::Append { request, .. }
        | Op::Rewind { request, .. }
        | Op::Store { request }
        | Op::StoreNew { request }
        | Op::Remove { request }
        | Op::Settle { request } => Due::One(*request),
        // A block that slid out of the request named may be another's by now.
        Op::Offload { .. } | Op::Onboard { .. } => Due::All,
        Op::Add(_) | Op::Pin { .. } | Op::Unpin { .. } | Op::Advance { .. } => Due::Nobody,
        Op::Drain | Op::Step => Due::Nobody,
    }
}
