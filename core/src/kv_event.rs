//! KV events: what routers and other outsiders learn of the cache, in TensorRT-LLM's vocabulary.

use crate::block::Tier;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::key::BlockKey;
use std::collections::VecDeque;

/// One event, numbered without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEvent {
    /// Grows by one with each event.
    pub id: u64,
    /// The window's attention size in tokens.
    pub window_size: u32,
    /// The attention data-parallel rank, if there is one.
    pub rank: Option<u32>,
    /// What happened.
    pub data: KvEventData,
}

/// What happened to which blocks, named by event hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvEventData {
    /// The window has this many blocks a tier.
    Created {
        /// Device, host, disk.
        blocks_per_tier: [u32; 3],
    },
    /// A chain of blocks became findable.
    Stored {
        /// What the first of them hangs under; `None` for the root.
        parent: Option<u64>,
        /// The blocks, each the parent of the next.
        blocks: Vec<StoredBlock>,
    },
    /// Blocks stopped being findable.
    Removed {
        /// Their hashes.
        hashes: Vec<u64>,
    },
    /// A block changed tier or priority.
    Updated {
        /// Its hash.
        hash: u64,
        /// Old and new tier.
        tier: Option<(Tier, Tier)>,
        /// Old and new priority.
        priority: Option<(u8, u8)>,
    },
}

/// A block that became findable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its hash.
    pub hash: u64,
    /// Tokens, adapter, salt and items; or the hash a trace gave.
    pub key: BlockKey,
    /// Where it is.
    pub tier: Tier,
    /// Its priority.
    pub priority: u8,
}

/// A bounded buffer of KV events: events gather in the present iteration, [`KvEvents::flush`]
/// makes them visible and forgets the oldest beyond the bound.
#[derive(Debug)]
pub struct KvEvents {
    window_sizes: Vec<u32>,
    rank: Option<u32>,
    visible_max: usize,
    next_id: u64,
    gathered: Vec<KvEvent>,
    visible: VecDeque<KvEvent>,
    forgotten: u64,
}

impl KvEvents {
    /// Keeps at most `visible_max` flushed events. `window_sizes` are those of the engine, by
    /// ascending size.
    ///
    /// # Errors
    /// `Config` for a bound of 0.
    pub fn new(window_sizes: Vec<u32>, visible_max: usize) -> Result<Self> {
        if visible_max == 0 {
            return Err(Error::new(
                ErrorKind::Config,
                "the KV event buffer holds 0 events: give at least 1, or make none",
            ));
        }
        Ok(Self {
            window_sizes,
            rank: None,
            visible_max,
            next_id: 0,
            gathered: Vec::new(),
            visible: VecDeque::new(),
            forgotten: 0,
        })
    }

    /// Events of one attention data-parallel rank. Rank 0 gathers those of all, so its bound grows
    /// by their number.
    ///
    /// # Errors
    /// `Config` unless `rank < size`.
    pub fn with_rank(mut self, rank: u32, size: u32) -> Result<Self> {
        if rank >= size {
            return Err(Error::new(
                ErrorKind::Config,
                format!("attention rank {rank} of {size}: give a rank below the size"),
            ));
        }
        if rank == 0 {
            self.visible_max = self.visible_max.saturating_mul(size as usize);
        }
        self.rank = Some(rank);
        Ok(self)
    }

    /// Reads one engine event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Created { window, blocks } => {
                self.push(*window, KvEventData::Created { blocks_per_tier: *blocks });
            }
            Event::Stored { .. } => self.stored(event),
            Event::Removed { window, hash, .. } => self.removed(*window, *hash),
            Event::Moved { window, hash: Some(hash), from, to, .. } => {
                let tier = Some((*from, *to));
                self.push(*window, KvEventData::Updated { hash: *hash, tier, priority: None });
            }
            Event::Repriced { window, hash, old, new, .. } => {
                let priority = Some((*old, *new));
                self.push(*window, KvEventData::Updated { hash: *hash, tier: None, priority });
            }
            Event::Expired { window, hash: Some(hash), old, .. } => {
                let priority = Some((*old, crate::block::PRIORITY_DEFAULT));
                self.push(*window, KvEventData::Updated { hash: *hash, tier: None, priority });
            }
            _ => {}
        }
    }

    fn push(&mut self, window: u16, data: KvEventData) {
        let window_size = self.window_sizes.get(usize::from(window)).copied().unwrap_or_default();
        self.gathered.push(KvEvent { id: self.next_id, window_size, rank: self.rank, data });
        self.next_id += 1;
    }

    /// A block stored under the last one stored continues its event.
    fn stored(&mut self, event: &Event) {
        let Event::Stored { window, parent_hash, key, hash, priority, tier, .. } = event else {
            return;
        };
        let block = StoredBlock { hash: *hash, key: key.clone(), tier: *tier, priority: *priority };
        let size = self.window_sizes.get(usize::from(*window)).copied();
        if let Some(KvEvent { window_size, data: KvEventData::Stored { blocks, .. }, .. }) =
            self.gathered.last_mut()
            && Some(*window_size) == size
            && blocks.last().map(|last| last.hash) == *parent_hash
        {
            blocks.push(block);
        } else {
            self.push(
                *window,
                KvEventData::Stored { parent: *parent_hash, blocks: chain_of(block) },
            );
        }
    }

    /// Neighbouring removals of one window are one event.
    fn removed(&mut self, window: u16, hash: u64) {
        let size = self.window_sizes.get(usize::from(window)).copied();
        if let Some(KvEvent { window_size, data: KvEventData::Removed { hashes }, .. }) =
            self.gathered.last_mut()
            && Some(*window_size) == size
        {
            hashes.push(hash);
        } else {
            self.push(window, KvEventData::Removed { hashes: chain_of(hash) });
        }
    }

    /// Ends the iteration: what it gathered becomes visible.
    pub fn flush(&mut self) {
        self.visible.extend(self.gathered.drain(..));
        let excess = self.visible.len().saturating_sub(self.visible_max);
        self.visible.drain(..excess);
        self.forgotten += excess as u64;
    }

    /// Takes the visible events, oldest first.
    pub fn take(&mut self) -> Vec<KvEvent> {
        self.visible.drain(..).collect()
    }

    /// Events forgotten since the start because nobody took them in time.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// A list that starts with `first`. Chains are long: growing from 1 would move them again and again.
fn chain_of<T>(first: T) -> Vec<T> {
    let mut chain = Vec::with_capacity(16);
    chain.push(first);
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::BlockId;

    fn stored(hash: u64, parent_hash: Option<u64>) -> Event {
        Event::Stored {
            window: 0,
            block: BlockId(0),
            parent: None,
            parent_hash,
            key: BlockKey::Hash { tenant: 0, id: hash },
            hash,
            priority: 35,
            tier: Tier::Device,
        }
    }

    #[test]
    fn a_chain_is_one_event_and_so_are_neighbouring_removals() {
        let mut events = KvEvents::new(vec![4096], 10).unwrap();
        events.observe(&stored(1, None));
        events.observe(&stored(2, Some(1)));
        events.observe(&stored(9, None));
        for hash in [2, 1] {
            events.observe(&Event::Removed { window: 0, block: BlockId(0), hash });
        }
        assert!(events.take().is_empty(), "nothing is visible before the flush");
        events.flush();
        let taken = events.take();
        let lens: Vec<usize> = taken
            .iter()
            .map(|event| match &event.data {
                KvEventData::Stored { blocks, .. } => blocks.len(),
                KvEventData::Removed { hashes } => hashes.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(lens, [2, 1, 2]);
        assert_eq!(taken.iter().map(|event| event.id).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn the_oldest_are_forgotten_beyond_the_bound() {
        let mut events = KvEvents::new(vec![4096], 2).unwrap();
        (0..5).for_each(|i| events.observe(&stored(10 * i + 1, None)));
        events.flush();
        let ids: Vec<u64> = events.take().iter().map(|event| event.id).collect();
        assert_eq!((ids, events.forgotten()), (vec![3, 4], 3));
    }

    #[test]
    fn rank_and_bound_are_checked() {
        assert!(KvEvents::new(vec![], 0).is_err());
        assert!(KvEvents::new(vec![], 1).unwrap().with_rank(2, 2).is_err());
        let rank0 = KvEvents::new(vec![], 3).unwrap().with_rank(0, 4).unwrap();
        assert_eq!(rank0.visible_max, 12);
    }
}
