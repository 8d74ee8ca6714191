//! Least recently used: one queue a tier, blind to priority and time.

use super::list::Lists;
use super::{Candidate, End, EvictionPolicy};
use crate::block::{BlockId, Tier};
use crate::units::Nanos;

/// One queue a tier. Sequences release from tail to head, so leaves leave before their parents.
#[derive(Debug)]
pub struct Lru {
    lists: Lists,
    lens: [usize; 3],
}

impl Default for Lru {
    fn default() -> Self {
        Self { lists: Lists::new(3), lens: [0; 3] }
    }
}

impl EvictionPolicy for Lru {
    fn name(&self) -> &'static str {
        "lru"
    }

    fn insert(&mut self, candidate: Candidate, end: End) {
        self.lists.push(candidate.tier as u16, candidate.block, end);
        self.lens[candidate.tier as usize] += 1;
    }

    fn remove(&mut self, block: BlockId) {
        let list = self.lists.unlink(block);
        self.lens[usize::from(list)] -= 1;
    }

    fn victim(&self, tier: Tier) -> Option<BlockId> {
        self.lists.front(tier as u16)
    }

    fn relocate(&mut self, block: BlockId, tier: Tier) {
        self.remove(block);
        self.lists.push(tier as u16, block, End::Back);
        self.lens[tier as usize] += 1;
    }

    fn keeps(&self, _victim: BlockId) -> bool {
        true
    }

    fn len(&self, tier: Tier) -> usize {
        self.lens[tier as usize]
    }

    fn advance(&mut self, _now: Nanos, _expired: &mut Vec<BlockId>) {}

    fn heap_bytes(&self) -> usize {
        self.lists.heap_bytes()
    }
}
