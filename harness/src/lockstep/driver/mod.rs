//! Engine and model in lockstep: every operation is done to both, and then everything that can be
//! seen of the engine must be what the model says.
//!
//! * `setup`: what a plan leaves open, and the engine's configuration for it.
//! * `request`: a plan's requests in the engine's words.
//! * `watch`: a backend that counts what passes through it and knows what is in flight.
//! * `layout`: where each token's bytes are in a block, and what they must be.
//! * `bytes`: writes the tokens that the model computes, and reads every block back.
//! * `events`: the decision log, and KV events replayed.
//! * `compare`: state against state.

mod bytes;
mod compare;
mod events;
mod layout;
mod mismatch;
mod request;
mod setup;
mod watch;

use std::collections::BTreeMap;

use tierproof_core::{Backend, Engine, Error, ErrorKind, Nanos, PinId, RequestId};

use crate::lockstep::model::{Model, Outcome, Refusal};
use crate::lockstep::plan::{Op, Plan, PlanConfig};

pub use mismatch::Mismatch;
pub use setup::{Bytes, Pools, Setup};
pub use watch::{Traffic, Watch};

use events::Events;
use layout::Layout;

/// What a comparison finds: nothing, or what differs.
type Check = Result<(), String>;

const INVALID: Outcome = Outcome::Refused(Refusal::Invalid);
const EXHAUSTED: Outcome = Outcome::Refused(Refusal::Exhausted);

/// An engine and the model of it.
#[derive(Debug)]
pub struct Driver<B: Backend> {
    engine: Engine<Watch<B>>,
    model: Model,
    setup: Setup,
    layouts: Vec<Layout>,
    events: Events,
    pins: Vec<PinId>,
    now_ms: u64,
    /// Tokens of each live request, by window, whose bytes are in place.
    computed: BTreeMap<u64, Vec<usize>>,
    done: usize,
}

impl<B: Backend> Driver<B> {
    /// Both, new.
    ///
    /// # Errors
    /// If the engine can't be built, or differs from the model already.
    pub fn new(config: &PlanConfig, setup: Setup, backend: B) -> Result<Self, Mismatch> {
        let model = Model::new(config);
        let engine = Engine::new(Watch::new(backend), setup.engine_config(config), |_| {
            Setup::policy(config)
        })
        .map_err(|error| Mismatch::before(&format!("the engine can't be built: {error}")))?;
        let sizes = engine.window_sizes().collect();
        let mut driver = Self {
            engine,
            model,
            layouts: setup.pools.layouts(config),
            setup,
            events: Events::new(sizes),
            pins: Vec::new(),
            now_ms: 0,
            computed: BTreeMap::new(),
            done: 0,
        };
        driver.compare(0).map_err(|what| Mismatch::before(&what))?;
        Ok(driver)
    }

    /// Does every operation of a plan and ends.
    ///
    /// # Errors
    /// The first difference.
    pub fn run(plan: &Plan, setup: Setup, backend: B) -> Result<B, Mismatch> {
        let mut driver = Self::new(&plan.config, setup, backend)?;
        for op in &plan.ops {
            driver.apply(op)?;
        }
        driver.finish()
    }

    /// Does one operation to both.
    ///
    /// # Errors
    /// What differs afterwards.
    pub fn apply(&mut self, op: &Op) -> Result<Outcome, Mismatch> {
        let at = self.done;
        self.done += 1;
        self.try_apply(op).map_err(|what| Mismatch {
            at: Some(at),
            op: format!("{op:?}"),
            what,
            log: self.events.log().to_vec(),
        })
    }

    fn try_apply(&mut self, op: &Op) -> Result<Outcome, String> {
        match due(op) {
            Due::Nobody => {}
            Due::One(request) => self.write(request)?,
            Due::All => self.write_all()?,
        }
        let lines = self.model.log.len();
        let expected = self.model.apply(op);
        let found = self.do_to_engine(op)?;
        if found != expected {
            return Err(format!("the engine answers {found:?}, the model {expected:?}"));
        }
        self.note_computed(op, expected)?;
        self.compare(lines)?;
        match (self.setup.bytes, op) {
            (Bytes::Every, _) | (_, Op::Drain) => self.compare_all_bytes()?,
            (Bytes::Lazy, Op::Settle { request }) => self.compare_bytes_of(*request)?,
            (Bytes::Lazy, _) => {}
        }
        Ok(expected)
    }

    /// Waits for everything, compares everything, and gives the backend back.
    ///
    /// # Errors
    /// What differs.
    pub fn finish(mut self) -> Result<B, Mismatch> {
        let end =
            |what, log: &Events| Mismatch { log: log.log().to_vec(), ..Mismatch::after(what) };
        self.compare_all_bytes().map_err(|what| end(what, &self.events))?;
        self.compare_transfers_at_rest().map_err(|what| end(what, &self.events))?;
        let watch = self
            .engine
            .close()
            .map_err(|error| end(format!("the engine does not close: {error}"), &self.events))?;
        watch.end().map_err(|what| end(what, &self.events))
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model, to take its log.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine<Watch<B>> {
        &self.engine
    }

    /// The engine's decision log so far.
    #[must_use]
    pub fn log(&self) -> &[String] {
        self.events.log()
    }

    fn do_to_engine(&mut self, op: &Op) -> Result<Outcome, String> {
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
            Op::Settle { request } => match self.engine.settle(RequestId(*request)) {
                Ok(settled) => {
                    self.compare_settled(*request, settled)?;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Op::Drain => self.engine.drain(),
            Op::Step => self.engine.step(),
        };
        outcome(done)
    }

    fn remove(&mut self, request: u64) -> Result<Outcome, String> {
        let before = self.engine.request_stats(RequestId(request)).ok();
        match self.engine.remove(RequestId(request)) {
            Ok(stats) if Some(stats) == before => Ok(Outcome::Done),
            Ok(stats) => Err(format!("request {request} ends with {stats:?}, and had {before:?}")),
            Err(error) => outcome(Err(error)),
        }
    }

    fn block(&self, request: u64, window: usize, index: usize) -> Option<tierproof_core::BlockId> {
        let held = self.engine.held(RequestId(request), window, 0).ok()?;
        held.get(index).copied()
    }
}

/// What the model calls an answer of the engine.
fn outcome(answer: Result<(), Error>) -> Result<Outcome, String> {
    match answer {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => match error.kind() {
            ErrorKind::Exhausted => Ok(EXHAUSTED),
            ErrorKind::Config | ErrorKind::OutOfRange => Ok(INVALID),
            kind => Err(format!("the engine fails with {kind:?}: {error}")),
        },
    }
}

/// Who must have computed its tokens before an operation shares, moves or gives them up.
enum Due {
    Nobody,
    One(u64),
    All,
}

fn due(op: &Op) -> Due {
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
