//! An engine over real files, what lies where in it, and the laws.

use crate::folder::{Folder, GARBAGE};
use crate::on::On;
use std::collections::BTreeMap;
use std::path::Path;
use tierproof_core::{
    Backend, BlockKey, Bytes, Descriptor, Engine, EngineConfig, Event, Lru, PoolShape, Prompt,
    Request, RequestId, Result, Retention, Tier, TierBlocks, TransferMode, WindowConfig,
};
use tierproof_sim::shadow::Shadowed;

/// Two pages and a bit, so that a slot has a short page; the rest of that is padding.
pub(crate) const PAYLOAD: Bytes = 9000;
/// Where a slot's trailer begins, on a page of its own.
pub(crate) const TRAILER: Bytes = 12288;
pub(crate) const STRIDE: Bytes = 16384;
pub(crate) const WINDOW: u32 = 4096;
pub(crate) const DIRECTORY: &str = "kv";

const BLOCKS: TierBlocks = TierBlocks { device: 4, host: 2, disk: 8 };
/// Slots in files: one more than blocks, for exchanges.
pub(crate) const SLOTS: u32 = 9;

/// A block as its key.
pub(crate) type Key = u64;
/// Blocks of a prompt.
type Keys = [Key; 2];

pub(crate) struct Cache {
    engine: Engine<Shadowed<Box<dyn Backend>>>,
    pub(crate) folder: Folder,
    prompts: u64,
    /// Keys of the blocks in the tree.
    keys: BTreeMap<u32, Key>,
    asked: u64,
}

fn prompt(number: u64) -> Keys {
    [10 * number + 1, 10 * number + 2]
}

fn request(id: u64, keys: Keys) -> Request {
    let retention = Retention::default().with_files(TransferMode::Posix, DIRECTORY);
    let prompt = Prompt::Hashes { tenant: 3, ids: keys.to_vec() };
    Request { retention: retention.expect("a plain name"), ..Request::new(id, prompt) }
}

/// What a model would compute.
fn content(key: Key) -> Vec<u8> {
    let byte = |index: u64| {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(index as u32) ^ index) as u8
    };
    (0..PAYLOAD).map(byte).collect()
}

impl Cache {
    pub(crate) fn open(on: On, root: &Path) -> Result<Self> {
        let pools = vec![PoolShape::Opaque { bytes: PAYLOAD }];
        let config = EngineConfig {
            windows: vec![WindowConfig { size: WINDOW, blocks: BLOCKS, pools }],
            tokens_per_block: 4,
            reserve: 1,
            ..EngineConfig::default()
        };
        let backend = Shadowed::new(on.open(root)?);
        let engine = Engine::new(backend, config, |_| Box::new(Lru::default()))?;
        let folder = Folder::new(on, root);
        Ok(Self { engine, folder, prompts: 0, keys: BTreeMap::new(), asked: 0 })
    }

    /// With blocks in every tier.
    pub(crate) fn full(on: On, root: &Path) -> Self {
        let mut cache = Self::open(on, root).expect("nothing is wrong yet");
        cache.serve_new(8);
        assert!(cache.stored_in(Tier::Disk).len() > 4);
        cache
    }

    /// Serves new prompts: everything else moves down by as much.
    pub(crate) fn serve_new(&mut self, count: u64) {
        for number in self.prompts..self.prompts + count {
            assert_eq!(self.serve(prompt(number)), 0);
        }
        self.prompts += count;
        self.drain();
    }

    /// Asks for every prompt so far, the newest first; blocks are found where they are and not `damaged`, by key
    /// and tier. Answers how many blocks were found.
    pub(crate) fn serve_all(&mut self, damaged: impl Fn(Key, Tier) -> bool) -> usize {
        let mut damage: BTreeMap<Key, (Tier, u32)> = self.places();
        damage.retain(|&key, &mut (tier, _)| damaged(key, tier));
        let mut found = 0;
        for number in (0..self.prompts).rev() {
            self.drain();
            let (keys, places) = (prompt(number), self.places());
            let whole = |key: &&Key| {
                places
                    .get(key)
                    .is_some_and(|(tier, _)| *tier != Tier::Disk || !damage.contains_key(key))
            };
            let expected = keys.iter().take_while(whole).count();
            let served = self.serve(keys);
            assert_eq!(served, expected, "prompt {number}: {places:?}, damaged {damage:?}");
            // What was computed anew is whole, wherever it goes.
            damage.retain(|key, _| !keys.contains(key));
            found += served;
        }
        found
    }

    /// Serves one prompt; answers how many of its blocks were found, whose bytes were right (S1).
    fn serve(&mut self, keys: Keys) -> usize {
        let request = request(self.asked, keys);
        self.asked += keys.len() as u64;
        self.engine.add(&request).expect("there is room for one prompt");
        let settled = self.engine.settle(request.id).expect("the engine lives");
        let found = settled.matched_tokens as usize / 4;
        self.visit(request.id, keys, found);
        self.engine.remove(request.id).expect("it is there");
        self.take_events();
        self.check();
        found
    }

    fn visit(&mut self, id: RequestId, keys: Keys, found: usize) {
        let blocks = self.engine.held(id, 0, 0).expect("it is there").to_vec();
        for (index, (&block, &key)) in blocks.iter().zip(&keys).enumerate() {
            let at = self.engine.descriptor(0, block, 0).expect("it is there");
            let padding = Descriptor { offset: at.offset + PAYLOAD, len: TRAILER - PAYLOAD, ..at };
            assert!(!self.peek(padding).contains(&GARBAGE), "S8: key {key} brought padding");
            if index < found {
                assert!(self.peek(at) == content(key), "S1: key {key} has other bytes");
            } else {
                self.engine.backend_mut().fill(at, &content(key)).expect("it is settled");
            }
        }
    }

    fn peek(&mut self, at: Descriptor) -> Vec<u8> {
        let mut bytes = vec![0; at.len as usize];
        self.engine.backend_mut().peek(at, &mut bytes).expect("it is settled");
        bytes
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

    /// Waits for everything: what failed can't be found any more.
    pub(crate) fn drain(&mut self) {
        self.engine.drain().expect("the engine lives");
        self.take_events();
        self.check();
    }

    /// What can be found, and its tier and slot.
    pub(crate) fn places(&self) -> BTreeMap<Key, (Tier, u32)> {
        let states: Vec<_> = self.engine.blocks(0).expect("there is a window").collect();
        let place = |(&block, &key): (&u32, &Key)| {
            let place = states[block as usize].place;
            (key, (place.tier, place.slot))
        };
        self.keys.iter().map(place).collect()
    }

    /// Keys in a tier, and their slots.
    pub(crate) fn stored_in(&self, tier: Tier) -> BTreeMap<Key, u32> {
        let places = self.places().into_iter().filter(|(_, (of, _))| *of == tier);
        places.map(|(key, (_, slot))| (key, slot)).collect()
    }

    /// One of the blocks in files that can be found, in the middle of them.
    pub(crate) fn victim(&self) -> (Key, u32) {
        let mut stored: Vec<_> = self.stored_in(Tier::Disk).into_iter().collect();
        stored.sort_by_key(|&(_, slot)| slot);
        stored[stored.len() / 2]
    }

    /// Moves that failed for good.
    pub(crate) fn failed(&self) -> u64 {
        self.engine.transfer_stats().failed
    }

    /// Hits in files whose bytes arrived.
    pub(crate) fn hits_on_disk(&self) -> u64 {
        self.engine.counters().hits[Tier::Disk as usize]
    }

    /// Laws C1, C2, C5 and C6, and that nothing was asked for that no order protects.
    fn check(&self) {
        assert_eq!(self.engine.backend().hazards(), []);
        for tier in Tier::ALL {
            let used = self.engine.tier_use(0, tier).expect("there is a window");
            let sum = used.empty + used.queued + used.referenced + used.reserved + used.quarantined;
            assert_eq!(sum, used.capacity, "C1: {tier:?}: {used:?}");
        }
        let (counters, transfers) = (self.engine.counters(), self.engine.transfer_stats());
        assert!(transfers.moves >= transfers.done + transfers.failed, "C2: {transfers:?}");
        let told = counters.hits_total() + counters.lost_hits;
        assert_eq!(told + counters.allocated, self.asked, "C5: {counters:?}");
        assert_eq!(transfers.strays, 0, "C6");
    }

    /// What was healed is as good as new (L3, L5): what is stored anew is found, in files too.
    pub(crate) fn lives_on(&mut self) {
        self.serve_new(9);
        let before = (self.hits_on_disk(), self.failed());
        assert!(self.serve_all(|_, _| false) > 9);
        self.drain();
        assert!(self.hits_on_disk() > before.0, "L3: nothing comes from files");
        assert_eq!(self.failed(), before.1, "L3: healed, and still failing");
        self.check_rest();
    }

    /// Laws at rest.
    fn check_rest(&self) {
        let transfers = self.engine.transfer_stats();
        assert_eq!(transfers.moves, transfers.done + transfers.failed, "C2");
        for tier in Tier::ALL {
            let used = self.engine.tier_use(0, tier).expect("there is a window");
            assert_eq!((used.quarantined, used.referenced), (0, 0), "L5, C4: {tier:?}");
        }
    }

    /// Ends (L6), and leaves nothing but what is others'.
    pub(crate) fn close(mut self, foreign: &[String]) {
        self.drain();
        self.check_rest();
        let folder = self.folder.clone();
        drop(self.engine.close().expect("nothing is in flight"));
        assert_eq!(folder.names(), foreign, "C3");
    }
}
