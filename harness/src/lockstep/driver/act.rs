//! An operation is done to the engine, and what its answer is called.

use tierproof_core::{Backend, BlockId, Engine, Error, ErrorKind, Nanos, PinId, RequestId};

use crate::lockstep::law::{Broken, Law};
use crate::lockstep::model::{Outcome, Refusal};
use crate::lockstep::plan::Op;

use super::request;

pub(super) const INVALID: Outcome = Outcome::Refused(Refusal::Invalid);
const EXHAUSTED: Outcome = Outcome::Refused(Refusal::Exhausted);

/// What operations of a plan count on and no engine keeps: which pin is the n-th, what time it is.
#[derive(Debug, Default)]
pub(crate) struct Hands {
    pins: Vec<PinId>,
    now_ms: u64,
}

impl Hands {
    /// Pins so far, given up or not.
    pub(crate) fn pins(&self) -> usize {
        self.pins.len()
    }

    /// Does an operation to an engine.
    pub(crate) fn act<B: Backend>(
        &mut self,
        engine: &mut Engine<B>,
        op: &Op,
    ) -> Result<Outcome, Broken> {
        let done = match op {
            Op::Add(add) => {
                let Some(request) = request::request(add) else { return Ok(INVALID) };
                match engine.add(&request) {
                    Err(error) if error.kind() == ErrorKind::Exhausted => {
                        return Ok(Outcome::Rejected);
                    }
                    answer => answer.map(drop),
                }
            }
            Op::Append { request, token } => engine.append(RequestId(*request), *token),
            Op::Rewind { request, tokens } => {
                let tokens = u32::try_from(*tokens).unwrap_or(u32::MAX);
                engine.rewind(RequestId(*request), tokens)
            }
            Op::Store { request } => engine.store(RequestId(*request)),
            Op::StoreNew { request } => engine.store_new(RequestId(*request)),
            Op::Remove { request } => return remove(engine, *request),
            Op::Pin { request } => engine.pin(RequestId(*request)).map(|pin| self.pins.push(pin)),
            Op::Unpin { pin } => {
                let Some(&pin) = self.pins.get(*pin) else { return Ok(INVALID) };
                engine.unpin(pin)
            }
            Op::Offload { request, window, index } => {
                match block(engine, *request, *window, *index) {
                    Some(block) => engine.offload(*window, block),
                    None => return Ok(INVALID),
                }
            }
            Op::Onboard { request, window, index } => {
                match block(engine, *request, *window, *index) {
                    Some(block) => engine.onboard(*window, block),
                    None => return Ok(INVALID),
                }
            }
            Op::Advance { millis } => {
                self.now_ms = self.now_ms.saturating_add(*millis);
                engine.advance(Nanos::from_millis(self.now_ms));
                Ok(())
            }
            Op::Settle { request } => engine.settle(RequestId(*request)).map(drop),
            Op::Drain => engine.drain(),
            Op::Step => engine.step(),
        };
        outcome(done)
    }
}

fn remove<B: Backend>(engine: &mut Engine<B>, request: u64) -> Result<Outcome, Broken> {
    let before = engine.request_stats(RequestId(request)).ok();
    match engine.remove(RequestId(request)) {
        Ok(stats) if Some(stats) == before => Ok(Outcome::Done),
        Ok(stats) => {
            let what = format!("request {request} ends with {stats:?}, and had {before:?}");
            Err(Law::C5.broken(what))
        }
        Err(error) => outcome(Err(error)),
    }
}

fn block<B: Backend>(
    engine: &Engine<B>,
    request: u64,
    window: usize,
    index: usize,
) -> Option<BlockId> {
    let held = engine.held(RequestId(request), window, 0).ok()?;
    held.get(index).copied()
}

/// What the model calls an answer of the engine.
pub(crate) fn outcome(answer: Result<(), Error>) -> Result<Outcome, Broken> {
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
pub(crate) fn code(outcome: Outcome) -> u64 {
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
pub(crate) enum Due {
    Nobody,
    One(u64),
    All,
}

pub(crate) fn due(op: &Op) -> Due {
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
