//! TensorRT-LLM's policy: a queue for each tier and priority, and priorities that expire.

use super::list::Lists;
use super::{Candidate, End, EvictionPolicy};
use crate::block::{BlockId, PRIORITY_DEFAULT, PRIORITY_MAX, Tier};
use crate::units::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// Lists of one tier: more than there are priorities, so that a shift tells tier and priority.
const PRIORITIES: u16 = (PRIORITY_MAX as u16 + 1).next_power_of_two();

/// The victim is the front of the lowest priority that has blocks. Victims below a threshold are
/// dropped rather than offloaded.
#[derive(Debug)]
pub struct PriorityLru {
    offload_priority_min: u8,
    lists: Lists,
    lens: [usize; 3],
    /// For each tier, a bit for each priority that has blocks.
    occupied: [Occupied; 3],
    expiries: BTreeSet<(Nanos, BlockId)>,
    expires: BTreeMap<BlockId, Nanos>,
}

/// A set of priorities. Two words: shifts of 128 bits are slow.
#[derive(Debug, Clone, Copy, Default)]
struct Occupied([u64; 2]);

impl Occupied {
    fn add(&mut self, priority: u8) {
        self.0[usize::from(priority >> 6)] |= 1 << (priority & 63);
    }

    fn remove(&mut self, priority: u8) {
        self.0[usize::from(priority >> 6)] &= !(1 << (priority & 63));
    }

    fn lowest(self) -> Option<u8> {
        let [low, high] = self.0;
        let lowest = if low > 0 { low.trailing_zeros() } else { 64 + high.trailing_zeros() };
        // Below 128 where there is one.
        (low | high > 0).then_some(lowest as u8)
    }
}

impl Default for PriorityLru {
    fn default() -> Self {
        Self::new(30)
    }
}

fn list(tier: Tier, priority: u8) -> u16 {
    tier as u16 * PRIORITIES + u16::from(priority)
}

impl PriorityLru {
    /// Victims whose priority is below `offload_priority_min` are dropped.
    #[must_use]
    pub fn new(offload_priority_min: u8) -> Self {
        Self {
            offload_priority_min,
            lists: Lists::new(3 * PRIORITIES),
            lens: [0; 3],
            occupied: [Occupied::default(); 3],
            expiries: BTreeSet::new(),
            expires: BTreeMap::new(),
        }
    }

    /// The priority that a known block has now.
    #[must_use]
    pub fn priority(&self, block: BlockId) -> Option<u8> {
        self.lists.list_of(block).map(|list| (list % PRIORITIES) as u8)
    }

    fn push(&mut self, block: BlockId, tier: Tier, priority: u8, end: End) {
        self.lists.push(list(tier, priority), block, end);
        self.lens[tier as usize] += 1;
        self.occupied[tier as usize].add(priority);
    }

    fn unlink(&mut self, block: BlockId) -> (Tier, u8) {
        let list = self.lists.unlink(block);
        let (tier, priority) = (usize::from(list / PRIORITIES), (list % PRIORITIES) as u8);
        self.lens[tier] -= 1;
        if self.lists.front(list).is_none() {
            self.occupied[tier].remove(priority);
        }
        (Tier::ALL[tier], priority)
    }
}

impl EvictionPolicy for PriorityLru {
    fn name(&self) -> &'static str {
        "priority-lru"
    }

    fn insert(&mut self, candidate: Candidate, end: End) {
        let Candidate { block, tier, priority, expires } = candidate;
        self.push(block, tier, priority.min(PRIORITY_MAX), end);
        if expires != Nanos::MAX && priority != PRIORITY_DEFAULT {
            self.expiries.insert((expires, block));
            self.expires.insert(block, expires);
        }
    }

    fn remove(&mut self, block: BlockId) {
        self.unlink(block);
        // Few blocks are timed, often none: spare the others the search.
        if !self.expires.is_empty()
            && let Some(expires) = self.expires.remove(&block)
        {
            self.expiries.remove(&(expires, block));
        }
    }

    fn victim(&self, tier: Tier) -> Option<BlockId> {
        let lowest = self.occupied[tier as usize].lowest()?;
        self.lists.front(list(tier, lowest))
    }

    fn relocate(&mut self, block: BlockId, tier: Tier) {
        let (_, priority) = self.unlink(block);
        self.push(block, tier, priority, End::Back);
    }

    fn keeps(&self, victim: BlockId) -> bool {
        self.priority(victim).is_some_and(|priority| priority >= self.offload_priority_min)
    }

    fn len(&self, tier: Tier) -> usize {
        self.lens[tier as usize]
    }

    fn advance(&mut self, now: Nanos, expired: &mut Vec<BlockId>) {
        while let Some(&(expires, block)) = self.expiries.first()
            && expires <= now
        {
            self.expiries.pop_first();
            self.expires.remove(&block);
            let (tier, _) = self.unlink(block);
            self.push(block, tier, PRIORITY_DEFAULT, End::Back);
            expired.push(block);
        }
    }

    fn heap_bytes(&self) -> usize {
        self.lists.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: Nanos = Nanos::MAX;

    fn insert(policy: &mut PriorityLru, id: u32, priority: u8, expires: Nanos, end: End) {
        let tier = if id < 8 { Tier::Device } else { Tier::Host };
        policy.insert(Candidate { block: BlockId(id), tier, priority, expires }, end);
    }

    /// Eight device blocks and four host blocks at the default priority, as upstream starts.
    fn full() -> PriorityLru {
        let mut policy = PriorityLru::default();
        (0..12).for_each(|id| insert(&mut policy, id, PRIORITY_DEFAULT, FOREVER, End::Back));
        policy
    }

    fn claim(policy: &mut PriorityLru) -> u32 {
        let victim = policy.victim(Tier::Device).unwrap();
        policy.remove(victim);
        victim.0
    }

    /// Vector 8.
    #[test]
    fn counts_follow_claims() {
        let mut policy = full();
        assert_eq!((policy.len(Tier::Device), policy.len(Tier::Host)), (8, 4));
        policy.remove(policy.victim(Tier::Device).unwrap());
        assert_eq!((policy.len(Tier::Device), policy.len(Tier::Host)), (7, 4));
        assert_eq!(policy.victim(Tier::Host), Some(BlockId(8)));
        policy.remove(BlockId(8));
        assert_eq!((policy.len(Tier::Device), policy.len(Tier::Host)), (7, 3));
    }

    /// Vector 9.
    #[test]
    fn a_release_joins_the_end_it_asks_for() {
        let mut policy = full();
        let front = claim(&mut policy);
        assert_ne!(policy.victim(Tier::Device), Some(BlockId(front)));
        insert(&mut policy, front, PRIORITY_DEFAULT, FOREVER, End::Front);
        assert_eq!(policy.victim(Tier::Device), Some(BlockId(front)));
        policy.remove(BlockId(front));
        insert(&mut policy, front, PRIORITY_DEFAULT, FOREVER, End::Back);
        assert_ne!(policy.victim(Tier::Device), Some(BlockId(front)));
    }

    /// Vector 11.
    #[test]
    fn low_priorities_leave_first_and_are_not_offloaded() {
        let mut policy = full();
        assert!(policy.keeps(policy.victim(Tier::Device).unwrap()));
        let low = claim(&mut policy);
        insert(&mut policy, low, 5, FOREVER, End::Back);
        assert_eq!(policy.victim(Tier::Device), Some(BlockId(low)));
        assert!(!policy.keeps(BlockId(low)));

        let mut policy = full();
        let (high, low) = (claim(&mut policy), claim(&mut policy));
        (0..6).for_each(|_| _ = claim(&mut policy));
        insert(&mut policy, high, 80, FOREVER, End::Back);
        insert(&mut policy, low, 5, FOREVER, End::Back);
        assert_eq!(policy.victim(Tier::Device), Some(BlockId(low)));
    }

    /// Vector 12.
    #[test]
    fn priorities_expire() {
        let millis = Nanos::from_millis;
        let mut policy = full();
        let mut expired = Vec::new();
        let b0 = claim(&mut policy);
        insert(&mut policy, b0, 80, millis(1), End::Back);
        policy.advance(millis(0), &mut expired);
        assert_eq!(policy.priority(BlockId(b0)), Some(80));
        policy.advance(millis(2), &mut expired);
        assert_eq!(policy.priority(BlockId(b0)), Some(35));
        let (b1, b2) = (claim(&mut policy), claim(&mut policy));
        (0..6).for_each(|_| _ = claim(&mut policy));
        insert(&mut policy, b1, 80, millis(8), End::Back);
        insert(&mut policy, b2, 50, millis(13), End::Back);
        policy.advance(millis(5), &mut expired);
        assert_eq!(policy.victim(Tier::Device), Some(BlockId(b2)));
        policy.advance(millis(9), &mut expired);
        assert_eq!(policy.victim(Tier::Device), Some(BlockId(b1)));
        assert_eq!(expired, [BlockId(b0), BlockId(b1)]);
    }

    /// Vector 50: upstream's offload forgets the expiry of a timed block.
    #[test]
    fn expiry_follows_a_block_through_the_tiers() {
        let mut policy = full();
        let block = BlockId(claim(&mut policy));
        insert(&mut policy, block.0, 80, Nanos::from_millis(10), End::Back);
        policy.relocate(block, Tier::Host);
        policy.relocate(block, Tier::Disk);
        policy.advance(Nanos::from_millis(10), &mut Vec::new());
        assert_eq!(policy.priority(block), Some(PRIORITY_DEFAULT));
        assert_eq!(policy.len(Tier::Disk), 1);
    }
}
