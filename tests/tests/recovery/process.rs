//! One process: an engine with a durable disk tier, serving prompts, and what it was told is published.

use crate::contents::content;
use crate::doomed::{Diary, Doomed};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use tierproof_core::{
    Backend, BlockKey, Engine, EngineConfig, Event, Lru, PoolShape, Prompt, Recovery, Request,
    RequestId, Result, Retention, Tier, TierBlocks, TransferMode, WindowConfig,
};
use tierproof_sim::{Sim, SimConfig};

/// Bytes of a block in each pool, no multiple of anything.
pub(crate) const POOLS: [u64; 2] = [200, 72];
pub(crate) const TENANT: u32 = 3;

/// An engine of two pools with `[device, host, disk]` blocks.
pub(crate) fn config([device, host, disk]: [u32; 3]) -> EngineConfig {
    let pools = POOLS.map(|bytes| PoolShape::Opaque { bytes }).to_vec();
    let window = WindowConfig { size: 1 << 20, blocks: TierBlocks { device, host, disk }, pools };
    EngineConfig {
        windows: vec![window],
        tokens_per_block: 4,
        reserve: 1,
        durable: true,
        model: "recovery".into(),
        ..EngineConfig::default()
    }
}

/// A prompt of hashes whose blocks may go to files.
pub(crate) fn request(id: u64, keys: &[u64]) -> Request {
    let retention = Retention::default().with_files(TransferMode::Posix, "kv").expect("valid");
    Request { retention, ..Request::new(id, Prompt::Hashes { tenant: TENANT, ids: keys.to_vec() }) }
}

/// A new simulator.
pub(crate) fn device() -> Device {
    Rc::new(RefCell::new(Sim::new(SimConfig::default()).expect("the default is valid")))
}

/// What was published, by key: the slot where it is.
pub(crate) type Published = BTreeMap<u64, u64>;

#[derive(Debug)]
pub(crate) struct Process<B: Backend, D> {
    pub(crate) engine: Engine<Doomed<B, D>>,
    next: u64,
    /// Keys of the blocks in the tree.
    keys: BTreeMap<u32, u64>,
    published: Published,
}

impl<B: Backend, D: Diary> Process<B, D> {
    pub(crate) fn begin(backend: Doomed<B, D>, config: EngineConfig) -> Result<Self> {
        let engine = Engine::new(backend, config, |_| Box::new(Lru::default()))?;
        Ok(Self { engine, next: 0, keys: BTreeMap::new(), published: Published::new() })
    }

    pub(crate) fn recovery(&self) -> Recovery {
        *self.engine.recovery()
    }

    /// Serves a prompt; answers how many of its blocks were found, whose bytes were right.
    pub(crate) fn serve(&mut self, keys: &[u64]) -> Result<usize> {
        let request = request(self.next, keys);
        self.next += 1;
        self.engine.add(&request)?;
        let settled = self.engine.settle(request.id)?;
        let found = settled.matched_tokens as usize / 4;
        self.visit(request.id, keys, found)?;
        self.engine.remove(request.id)?;
        self.take_events();
        Ok(found)
    }

    /// Reads the first `found` blocks, and computes the others.
    fn visit(&mut self, id: RequestId, keys: &[u64], found: usize) -> Result<()> {
        let blocks = self.engine.held(id, 0, 0)?.to_vec();
        for (index, (&block, &key)) in blocks.iter().zip(keys).enumerate() {
            for (pool, len) in POOLS.into_iter().enumerate() {
                let at = self.engine.descriptor(0, block, pool)?;
                let right = content(TENANT, key, pool, len as usize);
                if index >= found {
                    self.engine.backend_mut().fill(at, &right)?;
                    continue;
                }
                let mut bytes = vec![0; right.len()];
                self.engine.backend_mut().peek(at, &mut bytes)?;
                assert!(bytes == right, "S1: key {key} in pool {pool} has other bytes");
            }
        }
        Ok(())
    }

    fn take_events(&mut self) {
        for event in self.engine.events() {
            match event {
                Event::Stored { block, key: BlockKey::Hash { id, .. }, .. } => {
                    self.keys.insert(block.0, id);
                }
                Event::Removed { block, .. } => {
                    self.keys.remove(&block.0);
                }
                _ => {}
            }
        }
    }

    /// Law C1.
    pub(crate) fn check(&self) {
        for tier in Tier::ALL {
            let used = self.engine.tier_use(0, tier).expect("there is a window");
            let sum = used.empty + used.queued + used.referenced + used.reserved + used.quarantined;
            assert_eq!(sum, used.capacity, "C1: {tier:?}: {used:?}");
        }
    }

    /// What the engine says of its blocks now: keys of published ones, and where they are.
    pub(crate) fn published(&self) -> Published {
        let blocks = (0..).zip(self.engine.blocks(0).expect("there is a window"));
        let published = blocks.filter(|(_, state)| state.published);
        let named = published.filter_map(|(block, state): (u32, _)| {
            Some((*self.keys.get(&block)?, state.place.slot.into()))
        });
        named.collect()
    }
}

impl<B: Backend> Process<B, Vec<u64>> {
    /// Publishes, and takes note of what is published.
    pub(crate) fn publish(&mut self) -> Result<u64> {
        let count = self.engine.publish()?;
        self.take_events();
        self.strike_out();
        let mut published = self.published();
        self.published.append(&mut published);
        Ok(count)
    }

    /// What was published in a slot that is written over is not promised any more.
    fn strike_out(&mut self) {
        let over: BTreeSet<u64> = self.engine.backend_mut().diary.drain(..).collect();
        self.published.retain(|_, slot| !over.contains(slot));
    }
}

impl Process<Sim, Vec<u64>> {
    /// On a simulator that does not die by itself.
    pub(crate) fn on(device: &Device, blocks: [u32; 3]) -> Result<Self> {
        Self::begin(Doomed::new(device, Vec::new(), u64::MAX), config(blocks))
    }

    /// What earlier processes promised, and nobody wrote over.
    pub(crate) fn inherit(&mut self, published: Published) {
        self.published = published;
    }

    /// The process dies. Answers what the next one must find.
    pub(crate) fn die(mut self) -> Published {
        self.strike_out();
        self.published
    }
}

/// What outlives a process.
pub(crate) type Device = Rc<RefCell<Sim>>;

/// Power is lost, and comes back.
pub(crate) fn power_cut(device: &Device) {
    let mut sim = device.borrow_mut();
    assert_eq!(sim.misuses(), [], "no call that a correct caller does not make");
    sim.power_cut();
}

/// Leading keys of a prompt that were published.
pub(crate) fn promised(published: &Published, keys: &[u64]) -> usize {
    keys.iter().take_while(|key| published.contains_key(key)).count()
}
