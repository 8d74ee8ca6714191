//! Whole caches of others, driven as their documentation says.

use crate::draw::mix;
use crate::trace::Trace;
use kvbm_logical::manager::FrequencyTrackingCapacity;
use kvbm_logical::{BlockManager, BlockRegistry, SequenceHash};
use lru::LruCache;
use std::num::NonZeroUsize;

/// Which order kvbm-logical evicts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvbmPool {
    /// Least recently released first.
    Lru,
    /// Four such levels by frequency of use.
    MultiLru,
}

/// The marker that kvbm-logical wants for a tier.
#[derive(Debug, Clone, Copy)]
pub struct Device;

/// kvbm-logical's block pool.
pub struct Kvbm {
    manager: BlockManager<Device>,
    hits: u64,
}

const TOKENS_PER_BLOCK: usize = 512;

impl Kvbm {
    /// A pool of `blocks` blocks.
    ///
    /// # Panics
    /// For 0 blocks.
    #[must_use]
    pub fn new(blocks: u32, pool: KvbmPool) -> Self {
        // Only multi-LRU needs a frequency tracker; LRU is faster without one.
        let registry = BlockRegistry::builder();
        let registry = match pool {
            KvbmPool::Lru => registry,
            KvbmPool::MultiLru => {
                registry.frequency_tracker(FrequencyTrackingCapacity::default().create_tracker())
            }
        };
        let builder = BlockManager::builder()
            .block_count(blocks as usize)
            .block_size(TOKENS_PER_BLOCK)
            .registry(registry.build());
        let builder = match pool {
            KvbmPool::Lru => builder.with_lru_backend(),
            KvbmPool::MultiLru => builder.with_multi_lru_backend(),
        };
        let manager = builder.build().expect("the configuration is valid");
        Self { manager, hits: 0 }
    }

    /// One request: match the prefix, allocate and evict for the rest, stage and register it, and
    /// release all from last to first.
    ///
    /// # Panics
    /// For a request larger than the pool.
    pub fn serve(&mut self, hashes: &[SequenceHash]) {
        let mut held = self.manager.match_blocks(hashes);
        self.hits += held.len() as u64;
        let rest = &hashes[held.len()..];
        if !rest.is_empty() {
            let fresh = self.manager.allocate_blocks(rest.len()).expect("the request fits");
            let stage = |(block, &hash): (kvbm_logical::MutableBlock<Device>, _)| {
                block.stage(hash, TOKENS_PER_BLOCK).expect("the size is the pool's")
            };
            let staged = fresh.into_iter().zip(rest).map(stage).collect();
            held.extend(self.manager.register_blocks(staged));
        }
        while held.pop().is_some() {}
    }

    /// Blocks found so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }
}

/// The requests of a trace in kvbm-logical's terms: hash, parent's hash and position in 128 bits.
#[must_use]
pub fn sequence_hashes(trace: &Trace) -> Vec<Vec<SequenceHash>> {
    let chain = |ids: &Vec<u64>| {
        let parents = std::iter::once(None).chain(ids.iter().map(|&id| Some(mix(id))));
        let links = (0..).zip(ids.iter().zip(parents));
        // Trace ids are small numbers, but the pool takes hashes for its hash table as they are.
        links
            .map(|(position, (&id, parent))| SequenceHash::new(mix(id), parent, position))
            .collect()
    };
    trace.requests.iter().map(chain).collect()
}

/// The `lru` crate with its default hasher: every block by itself, found or put in.
#[derive(Debug)]
pub struct FlatLru {
    cache: LruCache<u64, ()>,
    hits: u64,
}

impl FlatLru {
    /// A cache of `blocks` entries.
    ///
    /// # Panics
    /// For 0 blocks.
    #[must_use]
    pub fn new(blocks: u32) -> Self {
        let blocks = NonZeroUsize::new(blocks as usize).expect("at least 1 block");
        Self { cache: LruCache::new(blocks), hits: 0 }
    }

    /// The references of one request, first to last.
    pub fn serve(&mut self, ids: &[u64]) {
        for &id in ids {
            if self.cache.get(&id).is_some() {
                self.hits += 1;
            } else {
                self.cache.put(id, ());
            }
        }
    }

    /// Blocks found so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }
}
