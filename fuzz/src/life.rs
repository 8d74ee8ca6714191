//! One process with a durable disk tier, from its beginning to its end.

use tierproof_core::{
    Backend, Engine, EngineConfig, Lru, PoolShape, Prompt, Recovery, Request, RequestId, Result,
    Retention, Tier, TierBlocks, TransferMode, WindowConfig,
};
use tierproof_sim::Sim;

pub(crate) const DIRECTORY: &str = "kv";
/// The window's size in tokens.
pub(crate) const WINDOW: u32 = 1 << 20;
/// Payload bytes of a block in each pool.
const POOLS: [u64; 2] = [200, 72];
const TOKENS_PER_BLOCK: u32 = 4;
const TENANT: u32 = 3;

/// An engine, and the number of its next request.
pub(crate) struct Life<'a> {
    engine: Engine<&'a mut Sim>,
    next: u64,
}

impl<'a> Life<'a> {
    /// Begins with `[device, host, disk]` blocks.
    pub(crate) fn begin(sim: &'a mut Sim, [device, host, disk]: [u32; 3]) -> Result<Self> {
        let pools = POOLS.map(|bytes| PoolShape::Opaque { bytes }).to_vec();
        let blocks = TierBlocks { device, host, disk };
        let config = EngineConfig {
            windows: vec![WindowConfig { size: WINDOW, blocks, pools }],
            tokens_per_block: TOKENS_PER_BLOCK,
            reserve: 1,
            directories: vec![DIRECTORY.to_owned()],
            durable: true,
            ..EngineConfig::default()
        };
        Ok(Self { engine: Engine::new(sim, config, |_| Box::new(Lru::default()))?, next: 0 })
    }

    pub(crate) fn recovery(&self) -> Recovery {
        *self.engine.recovery()
    }

    /// Serves a prompt; answers how many of its blocks were found. Their bytes were right.
    pub(crate) fn serve(&mut self, keys: &[u64]) -> usize {
        let files = Retention::default().with_files(TransferMode::Posix, DIRECTORY);
        let prompt = Prompt::Hashes { tenant: TENANT, ids: keys.to_vec() };
        let retention = files.expect("a directory that there is");
        let request = Request { retention, ..Request::new(self.next, prompt) };
        self.next += 1;
        self.engine.add(&request).expect("there is room");
        let settled = self.engine.settle(request.id).expect("the simulator goes on");
        let found = (settled.matched_tokens / TOKENS_PER_BLOCK) as usize;
        self.visit(request.id, keys, found);
        self.engine.remove(request.id).expect("it is there");
        self.engine.events().for_each(drop);
        found
    }

    /// Reads the first `found` blocks, and computes the others.
    fn visit(&mut self, id: RequestId, keys: &[u64], found: usize) {
        let blocks = self.engine.held(id, 0, 0).expect("it is there").to_vec();
        for (index, (&block, &key)) in blocks.iter().zip(keys).enumerate() {
            for pool in 0..POOLS.len() {
                let at = self.engine.descriptor(0, block, pool).expect("a block of the device");
                let right = content(key, pool);
                let mut bytes = right.clone();
                let backend = self.engine.backend_mut();
                if index >= found {
                    backend.fill(at, &right).expect("it fits");
                } else {
                    backend.peek(at, &mut bytes).expect("it fits");
                }
                assert!(bytes == right, "key {key} in pool {pool} has other bytes");
            }
        }
    }

    /// Publishes what there is, and is gone. Answers how many blocks that were.
    pub(crate) fn end(mut self) -> u64 {
        self.engine.drain().expect("the simulator goes on");
        let published = self.engine.publish().expect("files can be written");
        for tier in Tier::ALL {
            let used = self.engine.tier_use(0, tier).expect("there is a window");
            let sum = used.empty + used.queued + used.referenced + used.reserved + used.quarantined;
            assert_eq!(sum, used.capacity, "{tier:?}: {used:?}");
        }
        published
    }
}

/// What a model would compute: bytes that key and pool decide.
pub(crate) fn content(key: u64, pool: usize) -> Vec<u8> {
    let byte = |at: u64| {
        let word = (key << 8 | pool as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.rotate_left(at as u32 * 7).wrapping_add(at) as u8
    };
    (0..POOLS[pool]).map(byte).collect()
}
