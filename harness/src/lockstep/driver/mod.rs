//! Engine and model in lockstep: every operation is done to both, and then everything that can be
//! seen of the engine must be what the model says.
//!
//! * `setup`: what a plan leaves open, and the engine's configuration for it.
//! * `act`: an operation is done to the engine, and what its answer is called.
//! * `request`: a plan's requests in the engine's words.
//! * `atlas`: which slot a byte of a region belongs to.
//! * `watch`: a backend that writes down what passes through it and knows what is in flight.
//! * `follow`: what became of moves, and when the model is told.
//! * `layout`: where each token's bytes are in a block, and what they must be.
//! * `bytes`: writes the tokens that the model computes, and reads every block back.
//! * `events`: the decision log, and KV events replayed.
//! * `compare`: state against state.
//! * `digest`: a running hash of all of it.

pub(crate) mod act;
mod atlas;
mod bytes;
mod compare;
mod digest;
mod events;
mod follow;
pub(crate) mod layout;
mod mismatch;
pub(crate) mod request;
mod setup;
mod watch;

use std::collections::{BTreeMap, VecDeque};

use tierproof_core::{Backend, Engine, ErrorKind, Nanos, TransferStats};

use crate::lockstep::fate::{Fates, Seen};
use crate::lockstep::law::{Broken, Check, Law};
use crate::lockstep::model::{Model, Outcome};
use crate::lockstep::plan::{Op, Plan, PlanConfig};

pub use mismatch::Mismatch;
pub use setup::{Bytes, Pools, Setup, Trouble};
pub use watch::{Traffic, Watch};

use act::{Due, Hands};
use atlas::Atlas;
use digest::Digest;
use events::Events;
use layout::Layout;

/// At the end late transfers have so long to end, in the backend's time.
const PATIENCE: Nanos = Nanos::from_millis(600_000);

/// An engine and the model of it.
#[derive(Debug)]
pub struct Driver<B: Backend> {
    engine: Engine<Watch<B>>,
    model: Model,
    fates: Fates,
    /// What passed the backend and was not followed yet.
    behind: VecDeque<Seen>,
    setup: Setup,
    layouts: Vec<Layout>,
    events: Events,
    hands: Hands,
    /// Tokens of each live request, by window, whose bytes are in place.
    computed: BTreeMap<u64, Vec<usize>>,
    /// Whose the tokens are that were ever computed, by fingerprint.
    authors: BTreeMap<u64, u32>,
    /// Room for bytes that are compared.
    found: Vec<u8>,
    wanted: Vec<u8>,
    /// Operations done, and lines of the model's log compared.
    done: usize,
    compared: usize,
    /// The backend as a whole can't go on.
    lost: bool,
    decisions: Digest,
    trace: Digest,
}

/// How a run ended.
#[derive(Debug)]
pub enum Finish<B> {
    /// Everything was given back, and here is the backend.
    Closed(B),
    /// The backend as a whole could not go on, and said so.
    DeviceLost,
}

impl<B> Finish<B> {
    /// The backend, if it could go on.
    #[must_use]
    pub fn closed(self) -> Option<B> {
        match self {
            Self::Closed(backend) => Some(backend),
            Self::DeviceLost => None,
        }
    }
}

impl<B: Backend> Driver<B> {
    /// Both, new.
    ///
    /// # Errors
    /// If the engine can't be built, or differs from the model already.
    pub fn new(config: &PlanConfig, setup: Setup, backend: B) -> Result<Self, Mismatch> {
        Self::build(config, setup, backend).map_err(Mismatch::before)
    }

    fn build(config: &PlanConfig, setup: Setup, backend: B) -> Result<Self, Broken> {
        let model = Model::new(config).written_by_hand();
        let engine = Engine::new(Watch::new(backend), setup.engine_config(config), |_| {
            Setup::policy(config)
        });
        let mut engine = engine
            .map_err(|error| Law::L3.broken(format!("the engine can't be built: {error}")))?;
        let layouts = setup.pools.layouts(config);
        let atlas = Atlas::new(config, layouts.len(), engine.backend().regions())?;
        engine.backend_mut().record(atlas);
        let sizes: Vec<u32> = engine.window_sizes().collect();
        let mut driver = Self {
            fates: Fates::new(sizes.len(), layouts.len(), setup.retry),
            engine,
            model,
            behind: VecDeque::new(),
            layouts,
            setup,
            events: Events::new(sizes),
            hands: Hands::default(),
            computed: BTreeMap::new(),
            authors: BTreeMap::new(),
            found: Vec::new(),
            wanted: Vec::new(),
            done: 0,
            compared: 0,
            lost: false,
            decisions: Digest::new(),
            trace: Digest::new(),
        };
        driver.compare()?;
        Ok(driver)
    }

    /// Does every operation of a plan and ends.
    ///
    /// # Errors
    /// The first difference.
    pub fn run(plan: &Plan, setup: Setup, backend: B) -> Result<Finish<B>, Mismatch> {
        let mut driver = Self::new(&plan.config, setup, backend)?;
        for op in &plan.ops {
            driver.apply(op)?;
        }
        driver.finish()
    }

    /// Does one operation to both. [`Outcome::DeviceLost`] if the backend as a whole can't go on;
    /// then nothing more is done and compared.
    ///
    /// # Errors
    /// What differs afterwards.
    pub fn apply(&mut self, op: &Op) -> Result<Outcome, Mismatch> {
        let at = self.done;
        self.done += 1;
        self.try_apply(op).map_err(|Broken { law, what }| Mismatch {
            law,
            at: Some(at),
            op: format!("{op:?}"),
            what,
            log: self.events.log().to_vec(),
        })
    }

    fn try_apply(&mut self, op: &Op) -> Result<Outcome, Broken> {
        match act::due(op) {
            Due::Nobody => {}
            Due::One(request) => self.write(request)?,
            Due::All => self.write_all()?,
        }
        if self.lost {
            return Ok(Outcome::DeviceLost);
        }
        let outcome = match op {
            Op::Settle { request } => self.settle(*request),
            Op::Drain => self.drain(),
            _ => self.do_plainly(op),
        }?;
        if self.lost {
            return Ok(Outcome::DeviceLost);
        }
        self.note_computed(op, outcome)?;
        if self.lost {
            return Ok(Outcome::DeviceLost);
        }
        self.decisions.word(act::code(outcome));
        self.compare()?;
        match (self.setup.bytes, op) {
            (Bytes::Every, _) | (_, Op::Drain) => self.compare_all_bytes()?,
            (Bytes::Lazy, Op::Settle { request }) if outcome == Outcome::Done => {
                self.compare_bytes_of(*request)?;
            }
            (Bytes::Lazy, _) => {}
        }
        Ok(outcome)
    }

    /// Waits for everything, compares everything, and gives the backend back. Transfers that were
    /// given up must end by now, or soon: let them before.
    ///
    /// # Errors
    /// What differs.
    pub fn finish(mut self) -> Result<Finish<B>, Mismatch> {
        let rested = self.come_to_rest();
        let Self { engine, events, lost, .. } = self;
        let end = |broken: Broken| Mismatch::after(broken, events.log());
        rested.map_err(end)?;
        match engine.close() {
            Ok(watch) => watch.end().map(Finish::Closed).map_err(end),
            Err(error) if lost && error.kind() == ErrorKind::Device => Ok(Finish::DeviceLost),
            Err(error) => Err(end(Law::L6.broken(format!("the engine does not close: {error}")))),
        }
    }

    /// Waits for everything, for transfers that were given up too, and compares everything.
    ///
    /// # Errors
    /// What differs.
    pub fn rest(&mut self) -> Result<Outcome, Mismatch> {
        self.come_to_rest().map_err(|broken| Mismatch::after(broken, self.events.log()))?;
        Ok(if self.lost { Outcome::DeviceLost } else { Outcome::Done })
    }

    fn come_to_rest(&mut self) -> Check {
        self.compare_all_bytes()?;
        let until = self.now().saturating_add(PATIENCE);
        while !self.lost && self.fates.late() > 0 && self.now() < until {
            self.engine.backend_mut().park(until);
            self.compare_all_bytes()?;
        }
        if self.lost {
            return Ok(());
        }
        // What came in at the very end is swept up by one more.
        self.compare_all_bytes()?;
        self.compare_at_rest()
    }

    /// The backend, to change what goes wrong there.
    pub fn backend_mut(&mut self) -> &mut B {
        self.engine.backend_mut().inner_mut()
    }

    /// The backend's time when it was last asked.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.fates.now()
    }

    /// A hash of all decisions, answers and states so far, whatever time they took.
    #[must_use]
    pub fn decisions_digest(&self) -> u64 {
        self.decisions.value()
    }

    /// A hash of all that passed the backend so far, times included.
    #[must_use]
    pub fn trace_digest(&self) -> u64 {
        self.trace.value()
    }

    /// What became of transfers, as seen from outside the engine.
    #[must_use]
    pub fn transfers(&self) -> &TransferStats {
        self.fates.stats()
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model's log so far; it starts anew.
    pub fn take_model_log(&mut self) -> Vec<String> {
        self.compared = 0;
        std::mem::take(&mut self.model.log)
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
}
