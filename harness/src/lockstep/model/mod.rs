//! The reference model of the block manager: `docs/blocks.md`, sentence by sentence.
//!
//! It is independent of the engine: it uses none of its types and none of its structures.
//! Everything is a vector that is searched from its front, and what may fail is asked before anything
//! changes. Beside the decisions it tracks **contents**: what each slot holds, token by
//! token, so that a test can check real bytes. It computes a request's blocks as soon as the
//! request comes or grows.
//!
//! Where the page leaves a choice, the model's choice is said at the function that makes it.
//!
//! It carries nothing out. By itself it takes every move for one that succeeds, so that `settle`,
//! `drain` and `step` decide nothing; somebody who sees moves fail tells it what became of them
//! (`Model::repair`, `Model::sweep`).

mod admission;
mod block;
mod content;
mod counters;
mod failure;
mod growth;
mod key;
mod moves;
mod request;
mod room;
mod told;
mod view;
mod window;

use std::collections::BTreeMap;

use crate::lockstep::plan::{Op, PlanAdd, PlanConfig};

pub use content::Content;
pub use counters::{Counters, RequestStats};
pub use key::token_fingerprints;
pub use view::{BlockView, SequenceView, TierView, WindowView};

pub(crate) use block::{BlockId, Parent, TIERS};
pub(crate) use failure::Repair;
pub(crate) use key::{Key, key_fingerprints};
pub(crate) use moves::{Failures, Move, Place};
pub(crate) use request::Request;
pub(crate) use window::{Held, Window};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says, perhaps nothing.
    Done,
    /// There was no room for the request. Only the log and the counters know.
    Rejected,
    /// It could not be done, and nothing has changed but what a failed transfer had changed before.
    Refused(Refusal),
    /// The backend as a whole can't go on, and so nobody knows. The model never answers this.
    DeviceLost,
}

/// Why an operation could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No room.
    Exhausted,
    /// A block is in a slot that a transfer that was given up may still touch, and no other is free.
    TimedOut,
    /// It makes no sense now: an unknown request, an index out of range, a malformed retention.
    Invalid,
}

const INVALID: Outcome = Outcome::Refused(Refusal::Invalid);

/// The model.
#[derive(Debug, Clone)]
pub struct Model {
    /// The decision log, one event a line.
    pub log: Vec<String>,
    pub(crate) config: PlanConfig,
    pub(crate) windows: Vec<Window>,
    pub(crate) requests: BTreeMap<u64, Request>,
    /// Every successful pin: for each window its blocks, or nothing once it was given up.
    pub(crate) pins: Vec<Option<Vec<Vec<BlockId>>>>,
    /// Whether it computes tokens as soon as they are there.
    computes: bool,
    now_ms: u64,
    accepted: u64,
    rejected: u64,
}

impl Model {
    /// A manager that nobody has used, with its `created` lines.
    ///
    /// # Panics
    /// If the configuration is one that [`PlanConfig::validate`] refuses.
    #[must_use]
    pub fn new(config: &PlanConfig) -> Self {
        config.validate().expect("only valid configurations are modelled");
        let mut sizes = config.windows.clone();
        sizes.sort_by_key(|window| window.size);
        let windows = sizes.iter().enumerate();
        let windows = windows.map(|(number, sizes)| Window::new(number, sizes, config)).collect();
        let mut model = Self {
            log: Vec::new(),
            config: config.clone(),
            windows,
            requests: BTreeMap::new(),
            pins: Vec::new(),
            computes: true,
            now_ms: 0,
            accepted: 0,
            rejected: 0,
        };
        model.collect_lines();
        model
    }

    /// Does one operation and appends what was decided to the log.
    pub fn apply(&mut self, op: &Op) -> Outcome {
        let outcome = match op {
            Op::Add(add) => self.add(add),
            Op::Append { request, token } => self.append(*request, *token),
            Op::Rewind { request, tokens } => self.rewind(*request, *tokens),
            Op::Store { request } => self.store(*request, Window::store_context),
            Op::StoreNew { request } => self.store(*request, Window::store_new),
            Op::Remove { request } => self.remove(*request),
            Op::Pin { request } => self.pin(*request),
            Op::Unpin { pin } => self.unpin(*pin),
            Op::Offload { request, window, index } => {
                self.move_block(*request, *window, *index, Window::offload_explicit)
            }
            Op::Onboard { request, window, index } => {
                self.move_block(*request, *window, *index, Window::onboard_explicit)
            }
            Op::Advance { millis } => self.advance(*millis),
            Op::Settle { request } if !self.requests.contains_key(request) => INVALID,
            Op::Settle { .. } | Op::Drain | Op::Step => Outcome::Done,
        };
        self.collect_lines();
        outcome
    }

    /// Lines of an operation come window by window.
    fn collect_lines(&mut self) {
        for window in &mut self.windows {
            self.log.append(&mut window.lines);
        }
    }

    fn add(&mut self, add: &PlanAdd) -> Outcome {
        if self.requests.contains_key(&add.request) {
            return INVALID;
        }
        let Some(request) = Request::new(add, &self.config) else {
            return INVALID;
        };
        let plans: Vec<_> = self.windows.iter().map(|window| window.admit(&request)).collect();
        let Some(plans) = plans.into_iter().collect::<Option<Vec<_>>>() else {
            self.rejected += 1;
            self.log.push(format!("reject {}", request.id));
            return Outcome::Rejected;
        };
        self.accepted += 1;
        self.log.push(format!("add {}", request.id));
        if let Some(code) = request::fallback(add, &self.config) {
            self.log.push(format!("fallback {} {code}", request.id));
        }
        for (window, plan) in self.windows.iter_mut().zip(&plans) {
            window.commit(&request, plan);
        }
        if self.computes {
            for window in &mut self.windows {
                window.compute(&request);
            }
        }
        self.requests.insert(request.id, request);
        Outcome::Done
    }

    fn append(&mut self, request: u64, token: i32) -> Outcome {
        let Some(request) = self.requests.get_mut(&request) else {
            return INVALID;
        };
        if request.len() >= self.config.sequence_tokens_max {
            return INVALID;
        }
        if !self.windows.iter().all(|window| window.may_append(request)) {
            return Outcome::Refused(Refusal::Exhausted);
        }
        for window in &mut self.windows {
            window.append(request);
        }
        request.generated.push(token);
        if self.computes {
            for window in &mut self.windows {
                window.compute_last(request);
            }
        }
        Outcome::Done
    }

    fn rewind(&mut self, request: u64, tokens: usize) -> Outcome {
        let Some(request) = self.requests.get_mut(&request) else {
            return INVALID;
        };
        if request.beams > 1 || tokens > request.generated.len() {
            return INVALID;
        }
        let (from, to) = (request.len(), request.len() - tokens);
        if !self.windows.iter().all(|window| window.may_rewind(request, to)) {
            return INVALID;
        }
        for window in &mut self.windows {
            window.rewind(request.id, from, to);
        }
        request.generated.truncate(request.generated.len() - tokens);
        Outcome::Done
    }

    fn store(&mut self, request: u64, store: impl Fn(&mut Window, &Request)) -> Outcome {
        let Some(request) = self.requests.get(&request) else {
            return INVALID;
        };
        if self.is_unsettled(request.id) {
            return Outcome::Done;
        }
        for window in &mut self.windows {
            store(window, request);
        }
        Outcome::Done
    }

    fn remove(&mut self, request: u64) -> Outcome {
        let stores = !self.is_unsettled(request);
        let Some(request) = self.requests.remove(&request) else {
            return INVALID;
        };
        for window in &mut self.windows {
            window.remove(&request, stores);
        }
        self.collect_lines();
        self.log.push(format!("end {}", request.id));
        Outcome::Done
    }

    fn pin(&mut self, request: u64) -> Outcome {
        if !self.requests.contains_key(&request) {
            return INVALID;
        }
        let mut pin = Vec::new();
        for window in &mut self.windows {
            let blocks = window.first_beam(request);
            for block in &blocks {
                window.refer(*block, 1);
            }
            pin.push(blocks);
        }
        self.pins.push(Some(pin));
        Outcome::Done
    }

    fn unpin(&mut self, pin: usize) -> Outcome {
        let Some(pin) = self.pins.get_mut(pin).and_then(Option::take) else {
            return INVALID;
        };
        for (window, blocks) in self.windows.iter_mut().zip(pin) {
            for block in blocks.into_iter().rev() {
                window.release(block, false);
            }
        }
        Outcome::Done
    }

    fn move_block(
        &mut self,
        request: u64,
        window: usize,
        index: usize,
        go: impl Fn(&mut Window, BlockId) -> Outcome,
    ) -> Outcome {
        let Some(window) = self.windows.get_mut(window) else {
            return INVALID;
        };
        let held = window.held.get(&request);
        let Some(block) = held.and_then(|held| held.blocks.get(index)).map(|beams| beams[0]) else {
            return INVALID;
        };
        go(window, block)
    }

    fn advance(&mut self, millis: u64) -> Outcome {
        self.now_ms = self.now_ms.saturating_add(millis);
        for window in &mut self.windows {
            window.advance(self.now_ms);
        }
        Outcome::Done
    }
}
