//! Blocks that nobody uses: the empty ones of each tier, and the reserve that lets a full
//! hierarchy exchange blocks without dropping any.

use crate::block::{Block, BlockId, Tier};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many blocks each tier of a window has. The device needs one; the others are optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierBlocks {
    /// Blocks in device memory.
    pub device: u32,
    /// Blocks in host memory.
    pub host: u32,
    /// Blocks in files.
    pub disk: u32,
}

impl TierBlocks {
    /// As an array in tier order.
    #[must_use]
    pub fn by_tier(self) -> [u32; 3] {
        [self.device, self.host, self.disk]
    }
}

/// Blocks of one tier by where they are: the five add up to the capacity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TierUse {
    /// All slots, those of the reserve included.
    pub capacity: usize,
    /// Nothing in them.
    pub empty: usize,
    /// Unreferenced, perhaps with content.
    pub queued: usize,
    /// Somebody holds them.
    pub referenced: usize,
    /// Kept for exchanges.
    pub reserved: usize,
    /// Out of use until a transfer that was given up has really ended.
    pub quarantined: usize,
}

impl TierUse {
    /// Blocks that a request can have: empty or queued.
    #[must_use]
    pub fn free(&self) -> usize {
        self.empty + self.queued
    }
}

#[derive(Debug)]
pub(crate) struct Tiers {
    blocks: [u32; 3],
    below: [Option<Tier>; 3],
    reserve_max: u32,
    empties: [VecDeque<BlockId>; 3],
    reserve: [VecDeque<BlockId>; 3],
}

impl Tiers {
    /// The lists of a new window, and its blocks: ordinary ones by tier, then the reserves.
    pub(crate) fn new(blocks: TierBlocks, reserve_max: u32) -> (Self, Vec<Block>) {
        let exists = |tier: Tier| blocks.by_tier()[tier as usize] > 0;
        let below = |tier| Tier::ALL.into_iter().find(|&lower| lower > tier && exists(lower));
        let mut tiers = Self {
            blocks: blocks.by_tier(),
            below: Tier::ALL.map(below),
            reserve_max,
            empties: Default::default(),
            reserve: Default::default(),
        };
        let slots: usize = Tier::ALL.map(|tier| tiers.slots(tier) as usize).into_iter().sum();
        // One more for the root of the tree, so that the list never grows.
        let mut made = Vec::with_capacity(slots + 1);
        for tier in Tier::ALL {
            let (first, count) = (made.len() as u32, tiers.blocks(tier));
            made.extend((0..count).map(|slot| Block::new(tier, slot)));
            tiers.empties[tier as usize] = (first..first + count).map(BlockId).collect();
        }
        for tier in Tier::ALL {
            let (first, count) = (made.len() as u32, tiers.slots(tier) - tiers.blocks(tier));
            made.extend((0..count).map(|slot| Block::new(tier, tiers.blocks(tier) + slot)));
            tiers.reserve[tier as usize] = (first..first + count).map(BlockId).collect();
        }
        (tiers, made)
    }

    /// The block that has a slot of a tier at the start.
    pub(crate) fn first_in(&self, tier: Tier, slot: u32) -> BlockId {
        let before = |count: fn(&Self, Tier) -> u32, end: usize| -> u32 {
            Tier::ALL[..end].iter().map(|&tier| count(self, tier)).sum()
        };
        let reserve = |tiers: &Self, tier| tiers.slots(tier) - tiers.blocks(tier);
        BlockId(match slot.checked_sub(self.blocks(tier)) {
            None => before(Self::blocks, tier as usize) + slot,
            Some(rank) => before(Self::blocks, 3) + before(reserve, tier as usize) + rank,
        })
    }

    /// Some blocks of a tier are not empty, those of its reserve included: of the others, the last ones are its
    /// reserve now.
    pub(crate) fn fill(&mut self, tier: Tier, is_taken: impl Fn(BlockId) -> bool) {
        let (empties, reserve) =
            (&mut self.empties[tier as usize], &mut self.reserve[tier as usize]);
        let mut rest: Vec<BlockId> = empties.drain(..).chain(reserve.drain(..)).collect();
        rest.retain(|&id| !is_taken(id));
        rest.sort_unstable();
        let kept = rest.split_off(rest.len().saturating_sub(self.reserve_max as usize));
        empties.extend(rest);
        reserve.extend(kept);
    }

    /// Blocks of a tier, without its reserve.
    pub(crate) fn blocks(&self, tier: Tier) -> u32 {
        self.blocks[tier as usize]
    }

    /// Slots of a tier, with its reserve.
    pub(crate) fn slots(&self, tier: Tier) -> u32 {
        let blocks = self.blocks(tier);
        if tier == Tier::Device || blocks == 0 { blocks } else { blocks + self.reserve_max }
    }

    /// The next tier below that exists.
    pub(crate) fn below(&self, tier: Tier) -> Option<Tier> {
        self.below[tier as usize]
    }

    pub(crate) fn empties(&self, tier: Tier) -> usize {
        self.empties[tier as usize].len()
    }

    pub(crate) fn reserved(&self, tier: Tier) -> usize {
        self.reserve[tier as usize].len()
    }

    /// Takes an empty block; of the reserve only where content is about to leave the tier.
    pub(crate) fn take(&mut self, tier: Tier, leaving: Option<Tier>) -> Option<BlockId> {
        self.empties[tier as usize].pop_front().or_else(|| {
            let reserve = &mut self.reserve[tier as usize];
            let block = if leaving == Some(tier) { reserve.pop_front() } else { None };
            sometimes!(block.is_some(), "a reserve block stands in");
            block
        })
    }

    /// Gives an empty block to its tier.
    pub(crate) fn give(&mut self, tier: Tier, block: BlockId) {
        self.empties[tier as usize].push_back(block);
    }

    /// Gives a block whose content left its tier: the reserve is filled first.
    pub(crate) fn give_vacated(&mut self, tier: Tier, block: BlockId) {
        let reserve = &mut self.reserve[tier as usize];
        if reserve.len() < self.reserve_max as usize {
            reserve.push_back(block);
        } else {
            self.give(tier, block);
        }
    }

    /// Takes one particular empty block out, if it is one.
    pub(crate) fn withdraw(&mut self, tier: Tier, block: BlockId) -> bool {
        let lists = [&mut self.empties[tier as usize], &mut self.reserve[tier as usize]];
        lists.into_iter().any(|list| {
            let position = list.iter().position(|&id| id == block);
            position.and_then(|position| list.remove(position)).is_some()
        })
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let lists = self.empties.iter().chain(&self.reserve);
        lists.map(|list| list.capacity() * size_of::<BlockId>()).sum()
    }
}
