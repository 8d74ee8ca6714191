//! The engine: requests in, decisions and transfers out.
//!
//! Every call decides at once and completely; what it decided waits in [`Engine::events`]. The bytes
//! follow behind: [`Engine::step`] starts what may start and takes note of what ended, without ever
//! waiting, and [`Engine::settle`] and [`Engine::drain`] wait. Failed transfers change decisions in
//! those two calls and nowhere else, so decisions never depend on when a completion was seen.

mod state;
mod transfers;

use crate::backend::Backend;
use crate::block::{BlockId, Tier};
use crate::config::{EngineConfig, WindowConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, NoFiles, RequestId};
use crate::eviction::EvictionPolicy;
use crate::index::Contents;
use crate::key::KeySpace;
use crate::mover::Mover;
use crate::order::Outbox;
use crate::recovery::Recovery;
use crate::sequence::{Request, Sequence, spill};
use crate::slots::{Site, Slots};
use crate::transfer::RetryPolicy;
use crate::units::Nanos;
use crate::window::{Demand, Held, Plan, RequestStats, Rules, Window};
use std::collections::BTreeMap;
use std::fmt;

pub use state::BlockState;
pub use transfers::Settled;

/// Names a pin of one engine. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinId(pub u64);

/// What an accepted request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Leading tokens that need not be computed: those found in every window.
    pub matched_tokens: u32,
    /// Why its blocks can't go to files although it asked for that: they stay in host memory, while
    /// prompt and decoding alike.
    pub fallback: Option<NoFiles>,
}

/// Blocks of several attention windows on one backend.
///
/// ```
/// use tierproof_core::{
///     Backend, Engine, EngineConfig, Lru, PoolShape, Prompt, Request, RequestId, Result, TierBlocks,
///     WindowConfig,
/// };
///
/// /// A request whose prefix was computed before. Answers how many tokens of it were found.
/// fn found_again(backend: impl Backend) -> Result<u32> {
///     let blocks = TierBlocks { device: 2, host: 2, disk: 0 };
///     let pools = vec![PoolShape::Opaque { bytes: 4096 }];
///     let window = WindowConfig { size: 4096, blocks, pools };
///     let config = EngineConfig { windows: vec![window], ..Default::default() };
///     let mut engine = Engine::new(backend, config, |_| Box::new(Lru::default()))?;
///
///     let prompt = |ids: &[u64]| Prompt::Hashes { tenant: 0, ids: ids.to_vec() };
///     engine.add(&Request::new(1, prompt(&[10, 11])))?;
///     engine.settle(RequestId(1))?;
///     // Here the model computes the blocks that `held` and `descriptor` name.
///     engine.remove(RequestId(1))?;
///     engine.add(&Request::new(2, prompt(&[10, 12])))?;
///     Ok(engine.settle(RequestId(2))?.matched_tokens)
/// }
/// ```
pub struct Engine<B> {
    backend: B,
    keys: KeySpace,
    directories: Vec<String>,
    retry: RetryPolicy,
    rules: Rules,
    sequence_tokens_max: u32,
    /// By ascending attention size.
    windows: Vec<Window>,
    /// One for each window; none where no payload moves.
    slots: Vec<Slots>,
    mover: Mover,
    requests: BTreeMap<RequestId, Sequence>,
    pins: BTreeMap<PinId, Vec<Vec<BlockId>>>,
    next_pin: u64,
    outbox: Outbox,
    /// One for each window, reused.
    plans: Vec<Plan>,
    durable: bool,
    recovery: Recovery,
}

impl<B> fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("windows", &self.windows.len())
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
    }
}

fn live_already(id: RequestId) -> Error {
    let what = format!("request {} lives already: remove it first, or give another id", id.0);
    Error::new(ErrorKind::Config, what)
}

pub(crate) fn unknown(id: RequestId) -> Error {
    Error::new(ErrorKind::OutOfRange, format!("request {} does not live", id.0))
}

impl<B: Backend> Engine<B> {
    /// An engine with all of its memory and files allocated. `policy` makes one eviction policy for
    /// each window.
    ///
    /// # Errors
    /// `Config` for a setting that is invalid, `Unsupported` where the backend lacks a route between
    /// two tiers, and what [`Backend::allocate`] answers; with [`EngineConfig::durable`] also `Config` for a
    /// directory where another model, secret or layout has its blocks, which are left as they are, and
    /// `Busy` where another process keeps its own. Everything allocated goes with the backend.
    pub fn new(
        mut backend: B,
        config: EngineConfig,
        mut policy: impl FnMut(&WindowConfig) -> Box<dyn EvictionPolicy>,
    ) -> Result<Self> {
        config.validate()?;
        let keys = config.key_space();
        let EngineConfig { mut windows, .. } = config;
        windows.sort_by_key(|window| window.size);
        let rules = Rules {
            tokens_per_block: config.tokens_per_block,
            reuse: config.reuse,
            partial_reuse: config.partial_reuse,
            copy_on_partial_reuse: config.copy_on_partial_reuse,
            offload: config.offload,
        };
        let mut outbox = Outbox::new(config.payload);
        let (mut made, mut slots) = (Vec::new(), Vec::new());
        let mut recovery = Recovery::default();
        for (index, sizes) in (0..).zip(&windows) {
            let sliding = sizes.size < config.sequence_tokens_max;
            let blocks = (sizes.blocks, config.reserve);
            let mut window = Window::new(index, sizes.size, sliding, rules, blocks, policy(sizes));
            let mut contents = Contents::default();
            if config.payload {
                let pools = sizes.layout(config.tokens_per_block)?;
                let site = Site {
                    rank: config.rank,
                    window_size: sizes.size,
                    directories: &config.directories,
                    verify: config.verify,
                    ordinal: config.device,
                    durable: config.durable,
                };
                let allocated = Slots::allocate(&mut backend, window.tiers(), pools, &keys, &site)?;
                slots.push(allocated.0);
                contents = allocated.1;
            }
            outbox.event(Event::Created { window: index, blocks: sizes.blocks.by_tier() });
            window.recover(&contents.found, &mut outbox);
            recovery += contents.recovery;
            made.push(window);
        }
        Ok(Self {
            backend,
            keys,
            directories: config.directories,
            retry: config.retry,
            rules,
            sequence_tokens_max: config.sequence_tokens_max,
            plans: made.iter().map(|_| Plan::default()).collect(),
            windows: made,
            slots,
            mover: Mover::default(),
            requests: BTreeMap::new(),
            pins: BTreeMap::new(),
            next_pin: 0,
            outbox,
            durable: config.durable,
            recovery,
        })
    }

    /// Admits a request to every window, or to none.
    ///
    /// Its blocks are its own to read and write once [`Engine::settle`] has said so.
    ///
    /// # Errors
    /// `Exhausted` if a window lacks the blocks: nothing has changed, and an [`Event::Rejected`]
    /// says so. `Config` for a malformed request or an id that lives already. `Device` if the backend
    /// as a whole can't go on: then the request is admitted all the same, and stores nothing until it
    /// settles.
    pub fn add(&mut self, request: &Request) -> Result<Admission> {
        let id = request.id;
        if self.requests.contains_key(&id) {
            return Err(live_already(id));
        }
        let has_disk = self.windows.iter().any(|window| window.tiers().blocks(Tier::Disk) > 0);
        let (spill, fallback) = spill(&request.retention, &self.directories, has_disk);
        let tokens_max = self.sequence_tokens_max;
        let mut sequence = Sequence::new(request, &self.keys, spill, tokens_max)?;
        sequence.held = self.admit(request, &sequence, fallback)?;
        let matched_tokens = sequence.matched_tokens(self.rules.tokens_per_block);
        self.requests.insert(id, sequence);
        self.carry_out_for(id)?;
        Ok(Admission { matched_tokens, fallback })
    }

    fn admit(
        &mut self,
        request: &Request,
        sequence: &Sequence,
        fallback: Option<NoFiles>,
    ) -> Result<Vec<Held>> {
        let block = self.rules.tokens_per_block;
        let tokens = sequence.tokens;
        let whole = request.cross_attention || tokens.is_multiple_of(block);
        let demand = Demand {
            chain: sequence.chain(),
            blocks: tokens.div_ceil(block) as usize,
            beams: request.beams,
            last_shared: request.beams == 1 || (!self.rules.reuse && whole),
            retention: &request.retention,
            spill: sequence.decode.spill,
        };
        for window in &mut self.windows {
            window.graft(&demand, &self.keys, &mut self.outbox);
        }
        let mut each = self.windows.iter().zip(&mut self.plans);
        let full =
            each.find_map(|(window, plan)| (!window.plan(&demand, plan)).then_some(window.size));
        if let Some(window) = full {
            sometimes!(
                window != self.windows[0].size,
                "a request is rejected by a window after another had room"
            );
            self.outbox.event(Event::Rejected { request: request.id });
            let what = format!(
                "request {} needs {} blocks, more than window {window} can give: end other \
                 requests first, or give it more device blocks",
                request.id.0, demand.blocks
            );
            return Err(Error::new(ErrorKind::Exhausted, what));
        }
        self.outbox.event(Event::Added { request: request.id });
        if let Some(reason) = fallback {
            self.outbox.event(Event::FellBack { request: request.id, reason });
        }
        let each = self.windows.iter_mut().zip(&self.plans);
        Ok(each.map(|(window, plan)| window.admit(&demand, plan, &mut self.outbox)).collect())
    }

    /// A request generates a token. A block that this starts is the request's own once
    /// [`Engine::settle`] has said so.
    ///
    /// # Errors
    /// `Exhausted` if a window lacks the blocks, `OutOfRange` for an unknown request or one at its
    /// longest; nothing has changed. `Device` if the backend as a whole can't go on: then the token is
    /// there all the same, and the request stores nothing until it settles.
    pub fn append(&mut self, request: RequestId, token: i32) -> Result<()> {
        let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
        let tokens = sequence.tokens;
        if tokens >= self.sequence_tokens_max {
            let what = format!("request {} has {tokens} tokens, which is the most", request.0);
            return Err(Error::new(ErrorKind::OutOfRange, what));
        }
        let mut each = self.windows.iter().zip(&sequence.held);
        if let Some((window, _)) = each.find(|(window, held)| !window.can_grow(held, tokens)) {
            let what = format!(
                "window {}: no block for token {tokens} of request {}: end other requests first",
                window.size, request.0
            );
            return Err(Error::new(ErrorKind::Exhausted, what));
        }
        for (window, held) in self.windows.iter_mut().zip(&mut sequence.held) {
            window.grow(request, held, tokens, sequence.decode, &mut self.outbox);
        }
        sequence.push(token);
        self.carry_out_for(request)
    }

    /// A request takes its last `tokens` generated tokens back, as after a rejected draft.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request or more tokens than it generated; `Config` for one with
    /// several beams, or where it would come back into a block that others may read or that slid
    /// out. Nothing has changed.
    pub fn rewind(&mut self, request: RequestId, tokens: u32) -> Result<()> {
        let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
        let generated = sequence.tokens - sequence.prompt_tokens;
        if tokens > generated {
            let what = format!("request {} generated {generated} tokens, not {tokens}", request.0);
            return Err(Error::new(ErrorKind::OutOfRange, what));
        }
        let rest = sequence.tokens - tokens;
        let mut each = self.windows.iter().zip(&sequence.held);
        let possible = tokens == 0 || each.all(|(window, held)| window.can_shrink(held, rest));
        if !possible || sequence.beams > 1 {
            let what = format!(
                "request {} can't go back to {rest} tokens: it has several beams, or that block is \
                 not its own any more",
                request.0
            );
            return Err(Error::new(ErrorKind::Config, what));
        }
        for (window, held) in self.windows.iter_mut().zip(&mut sequence.held) {
            window.shrink(held, rest);
        }
        sequence.truncate(rest, self.rules.tokens_per_block);
        Ok(())
    }

    /// The full blocks of a request's prompt can be found from now on.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn store(&mut self, request: RequestId) -> Result<()> {
        let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
        if sequence.is_unsettled() {
            return Ok(());
        }
        let usable = sequence.prompt_tokens - 1;
        sequence.rekey(&self.keys, usable, false);
        for (window, held) in self.windows.iter_mut().zip(&sequence.held) {
            window.store_context(held, sequence.chain(), &mut self.outbox);
        }
        Ok(())
    }

    /// If the token before the last filled a block, the request's blocks up to it can be found from
    /// now on.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn store_new(&mut self, request: RequestId) -> Result<()> {
        let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
        let (done, block) = (sequence.tokens - 1, self.rules.tokens_per_block);
        if sequence.beams > 1 || !done.is_multiple_of(block) || sequence.is_unsettled() {
            return Ok(());
        }
        sequence.rekey(&self.keys, done, false);
        let chain = sequence.chain();
        let filled = chain.len().min((done / block) as usize);
        for (window, held) in self.windows.iter_mut().zip(&sequence.held) {
            window.store_new(held, &chain[..filled], &mut self.outbox);
        }
        Ok(())
    }

    /// A request ends: its blocks can be found, and be evicted, from now on.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn remove(&mut self, request: RequestId) -> Result<RequestStats> {
        let mut sequence = self.requests.remove(&request).ok_or_else(|| unknown(request))?;
        let stats = sequence.stats();
        sometimes!(sequence.is_unsettled(), "an interrupted request stores nothing");
        let usable = sequence.tokens - 1;
        let stores = sequence.beams == 1 && self.rules.reuse && !sequence.is_unsettled();
        if stores {
            sequence.rekey(&self.keys, usable, true);
        }
        let chain = stores.then(|| sequence.chain());
        for (window, held) in self.windows.iter_mut().zip(&sequence.held) {
            window.end(request, held, chain, &mut self.outbox);
        }
        self.outbox.event(Event::Ended { request });
        Ok(stats)
    }

    /// Keeps every block of a request's first beam where it is, even after the request has ended.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn pin(&mut self, request: RequestId) -> Result<PinId> {
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        let each = self.windows.iter_mut().zip(&sequence.held);
        let blocks = each.map(|(window, held)| window.pin(held)).collect();
        let id = PinId(self.next_pin);
        self.next_pin += 1;
        self.pins.insert(id, blocks);
        Ok(id)
    }

    /// Ends a pin.
    ///
    /// # Errors
    /// `OutOfRange` for one that is unknown or ended already.
    pub fn unpin(&mut self, pin: PinId) -> Result<()> {
        let Some(blocks) = self.pins.remove(&pin) else {
            let what = format!("pin {} is unknown or ended already", pin.0);
            return Err(Error::new(ErrorKind::OutOfRange, what));
        };
        for (window, blocks) in self.windows.iter_mut().zip(&blocks) {
            window.unpin(blocks);
        }
        Ok(())
    }

    /// Sends a block that somebody holds from the device to the next tier.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown window or a block that nobody holds, `Config` for one that is not
    /// on the device, `Exhausted` without room below; nothing has changed. `Device` if the backend as
    /// a whole can't go on: then the block is below all the same.
    pub fn offload(&mut self, window: usize, block: BlockId) -> Result<()> {
        let count = self.windows.len();
        let found = self.windows.get_mut(window).ok_or_else(|| no_window(window, count))?;
        found.offload(block, &mut self.outbox)?;
        self.carry_out()
    }

    /// Brings a block that somebody holds back to the device.
    ///
    /// # Errors
    /// As [`Engine::offload`], with `Exhausted` for a device that is full of blocks in use.
    pub fn onboard(&mut self, window: usize, block: BlockId) -> Result<()> {
        let count = self.windows.len();
        let found = self.windows.get_mut(window).ok_or_else(|| no_window(window, count))?;
        found.onboard(block, &mut self.outbox)?;
        self.carry_out()
    }

    /// It is `now` in the workload's time, in which retentions are counted: priorities whose time is
    /// over end. Time never goes back.
    pub fn advance(&mut self, now: Nanos) {
        for window in &mut self.windows {
            window.advance(now, &mut self.outbox);
        }
    }

    /// What was decided since the last call, in order. Events wait here until they are taken.
    pub fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.outbox.events.drain(..)
    }
}

pub(crate) fn no_window(window: usize, count: usize) -> Error {
    Error::new(ErrorKind::OutOfRange, format!("window {window} of {count}: count from 0"))
}
