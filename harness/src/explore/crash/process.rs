//! One process: an engine with a durable disk tier that does a case's operations.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{Backend, BlockId, Engine, EngineConfig, Recovery, RegionId, RequestId};

use crate::draw::fold;
use crate::explore::Case;
use crate::lockstep::Broken;
use crate::lockstep::driver::act::{self, Due, Hands};
use crate::lockstep::driver::layout::Layout;
use crate::lockstep::driver::{Bytes, Setup};
use crate::lockstep::model::{Outcome, Refusal, token_fingerprints};
use crate::lockstep::plan::{Op, PlanPrompt};

use super::ledger::Slot;
use super::texts::Texts;

/// A live request.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) prompt: PlanPrompt,
    pub(super) generated: Vec<i32>,
    pub(super) beams: usize,
    /// Tokens by window that are in place: found, or computed since.
    pub(super) computed: Vec<usize>,
}

/// An engine and what it serves.
#[derive(Debug)]
pub(super) struct Process<B: Backend> {
    pub(super) engine: Engine<B>,
    pub(super) layouts: Vec<Layout>,
    pub(super) per_block: usize,
    /// The device's first region, by window.
    pub(super) device: Vec<RegionId>,
    pub(super) requests: BTreeMap<u64, Live>,
    hands: Hands,
    eager: bool,
    events: u64,
    /// A hash of what was asked and answered.
    decided: u64,
}

/// What processes of a case are built with.
pub(super) fn config(case: &Case) -> EngineConfig {
    EngineConfig { durable: true, ..case.setup.engine_config(&case.config) }
}

impl<B: Backend> Process<B> {
    /// Begins on what earlier processes left.
    pub(super) fn begin(
        backend: B,
        case: &Case,
        config: EngineConfig,
    ) -> tierproof_core::Result<Self> {
        let engine = Engine::new(backend, config, |_| Setup::policy(&case.config))?;
        let windows = engine.window_sizes().count();
        // The first blocks begin on the device.
        let first = |window| engine.descriptor(window, BlockId(0), 0).map(|at| at.region);
        let device = (0..windows).map(first).collect::<tierproof_core::Result<_>>()?;
        Ok(Self {
            engine,
            layouts: case.setup.pools.layouts(&case.config),
            per_block: case.config.tokens_per_block,
            device,
            requests: BTreeMap::new(),
            hands: Hands::default(),
            eager: case.setup.bytes == Bytes::Every,
            events: 0,
            decided: 0,
        })
    }

    pub(super) fn recovery(&self) -> Recovery {
        *self.engine.recovery()
    }

    /// Disk slots that the engine says are published.
    pub(super) fn published(&self) -> BTreeSet<Slot> {
        let mut slots = BTreeSet::new();
        for (index, window) in self.engine.window_sizes().enumerate() {
            let blocks = self.engine.blocks(index).into_iter().flatten();
            let published = blocks.filter(|block| block.published);
            slots.extend(published.map(|block| Slot { window, slot: block.place.slot.into() }));
        }
        slots
    }

    /// Events so far.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn decided(&self) -> u64 {
        self.decided
    }

    /// Gives up every pin and every request.
    pub(super) fn goodbyes(&self) -> Vec<Op> {
        let pins = (0..self.hands.pins()).map(|pin| Op::Unpin { pin });
        pins.chain(self.requests.keys().map(|&request| Op::Remove { request })).collect()
    }

    /// Does one operation; what a request has to compute before it, it computes.
    ///
    /// # Errors
    /// A law that broke.
    pub(super) fn apply(&mut self, op: &Op, texts: &mut Texts) -> Result<Outcome, Broken> {
        match act::due(op) {
            Due::Nobody => {}
            Due::One(request) => self.write(request, texts)?,
            Due::All => {
                let live: Vec<u64> = self.requests.keys().copied().collect();
                live.into_iter().try_for_each(|request| self.write(request, texts))?;
            }
        }
        if let Op::Store { request } | Op::StoreNew { request } | Op::Remove { request } = op
            && let Some(live) = self.requests.get(request)
        {
            texts.store(&live.prompt, &live.generated, self.per_block);
        }
        let outcome = match op {
            Op::Settle { request } => {
                let settled = self.settle(*request, texts)?;
                if settled == Outcome::Done {
                    self.fill(*request, texts)?;
                }
                settled
            }
            _ => self.hands.act(&mut self.engine, op)?,
        };
        self.events += self.engine.events().count() as u64;
        self.decided = fold(self.decided, act::code(outcome));
        if outcome == Outcome::Done {
            self.note(op, texts)?;
        }
        Ok(outcome)
    }

    /// What an operation that was done means for its request.
    fn note(&mut self, op: &Op, texts: &mut Texts) -> Result<(), Broken> {
        let request = match op {
            Op::Add(add) => {
                let windows = 0..self.device.len();
                let found = |window| self.engine.matched_tokens(RequestId(add.request), window);
                let computed = windows.map(|window| found(window).unwrap_or(0) as usize).collect();
                let (prompt, generated) = (add.prompt.clone(), Vec::new());
                let live = Live { prompt, generated, beams: add.beams, computed };
                self.requests.insert(add.request, live);
                add.request
            }
            Op::Append { request, token } => {
                if let Some(live) = self.requests.get_mut(request) {
                    live.generated.push(*token);
                }
                *request
            }
            Op::Rewind { request, tokens } => {
                if let Some(live) = self.requests.get_mut(request) {
                    live.generated.truncate(live.generated.len() - tokens);
                    let left = live.prints(self.per_block).len();
                    live.computed.iter_mut().for_each(|done| *done = left.min(*done));
                }
                *request
            }
            Op::Remove { request } => {
                self.requests.remove(request);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.eager { self.write(request, texts) } else { Ok(()) }
    }

    /// Computes what is outstanding of a request, once its blocks are settled. If they can't be, it stays
    /// outstanding.
    fn write(&mut self, request: u64, texts: &mut Texts) -> Result<(), Broken> {
        let Some(live) = self.requests.get(&request) else { return Ok(()) };
        let tokens = live.prints(self.per_block).len();
        if live.computed.iter().all(|done| *done >= tokens) {
            return Ok(());
        }
        match self.settle(request, texts)? {
            Outcome::Done => self.fill(request, texts),
            _ => Ok(()),
        }
    }

    /// Waits for a request's blocks, and looks at what was found there.
    fn settle(&mut self, request: u64, texts: &Texts) -> Result<Outcome, Broken> {
        let settled = match self.engine.settle(RequestId(request)) {
            Ok(settled) => settled,
            Err(error) => return act::outcome(Err(error)),
        };
        let Some(live) = self.requests.get_mut(&request) else {
            return Ok(Outcome::Refused(Refusal::Invalid));
        };
        self.decided = fold(self.decided, settled.matched_tokens.into());
        if let Some(from) = settled.lost_from {
            self.decided = fold(self.decided, from.into());
            live.computed.iter_mut().for_each(|done| *done = (from as usize).min(*done));
        }
        self.compare(request, texts)?;
        Ok(Outcome::Done)
    }
}

impl Live {
    /// Of each token, what names it and all before it.
    pub(super) fn prints(&self, per_block: usize) -> Vec<u64> {
        token_fingerprints(&self.prompt, &self.generated, per_block)
    }
}
