//! One window: its blocks, where they are, and what lies in their slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::lockstep::plan::{PlanConfig, PlanPolicy, PlanWindow};

use super::block::{Block, BlockId, DEVICE, DISK, HOST, Parent, TIERS, Tier};
use super::content::Content;
use super::counters::{Counters, RequestStats};
use super::key::Key;
use super::moves::{Move, Place};
use super::request::PRIORITY_DEFAULT;

/// The blocks that a request holds in one window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    /// By index in the sequence, then by beam. A shared block is repeated for each beam.
    pub(crate) blocks: Vec<Vec<BlockId>>,
    /// Blocks before this index were given up by the sliding window.
    pub(crate) front: usize,
    /// Those blocks, and their era when they were given up.
    pub(crate) left: Vec<(BlockId, u64)>,
    /// Where the leading blocks were found whole.
    pub(crate) hits: Vec<Tier>,
    /// Tokens found of the block behind them.
    pub(crate) partial_tokens: usize,
    /// The first block that lost its content and that the request was not told of.
    pub(crate) lost: Option<usize>,
    pub(crate) stats: RequestStats,
}

impl Held {
    /// Leading blocks that were found, in whole or in part.
    pub(crate) fn matched(&self) -> usize {
        self.hits.len() + usize::from(self.partial_tokens > 0)
    }

    pub(crate) fn matched_tokens(&self, tokens_per_block: usize) -> usize {
        self.hits.len() * tokens_per_block + self.partial_tokens
    }

    /// The blocks that did not slide out, with their index, beam by beam.
    pub(crate) fn here(&self) -> impl Iterator<Item = (usize, BlockId)> {
        let each = self.blocks.iter().enumerate().skip(self.front);
        each.flat_map(|(index, beams)| beams.iter().map(move |block| (index, *block)))
    }
}

/// One window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) number: usize,
    pub(crate) sizes: PlanWindow,
    pub(crate) config: PlanConfig,
    pub(crate) now_ms: u64,
    pub(crate) blocks: Vec<Block>,
    /// Each of these is a FIFO for each tier: the front is at index 0.
    pub(crate) empties: [Vec<BlockId>; 3],
    pub(crate) reserve: [Vec<BlockId>; 3],
    pub(crate) queues: [Vec<BlockId>; 3],
    pub(crate) contents: BTreeMap<Place, Content>,
    /// The last move into a slot, unless the slot was taken fresh since.
    pub(crate) brought: BTreeMap<Place, u64>,
    /// Moves decided so far, and those that nobody took yet.
    pub(crate) moves_decided: u64,
    pub(crate) moves: Vec<Move>,
    /// Out of use once nobody holds them, until their slots are safe.
    pub(crate) quarantine: BTreeSet<BlockId>,
    /// Whether a block ever was: those of a reserve come back as ordinary ones.
    pub(crate) was_quarantined: bool,
    pub(crate) held: BTreeMap<u64, Held>,
    pub(crate) counters: Counters,
    /// Lines that the model has not collected yet.
    pub(crate) lines: Vec<String>,
}

impl Window {
    pub(crate) fn new(number: usize, sizes: &PlanWindow, config: &PlanConfig) -> Self {
        let mut window = Self {
            number,
            sizes: sizes.clone(),
            config: config.clone(),
            now_ms: 0,
            blocks: Vec::new(),
            empties: Default::default(),
            reserve: Default::default(),
            queues: Default::default(),
            contents: BTreeMap::new(),
            brought: BTreeMap::new(),
            moves_decided: 0,
            moves: Vec::new(),
            quarantine: BTreeSet::new(),
            was_quarantined: false,
            held: BTreeMap::new(),
            counters: Counters::default(),
            lines: Vec::new(),
        };
        for tier in TIERS {
            for slot in 0..window.ordinary(tier) {
                window.empties[tier].push(window.blocks.len());
                window.blocks.push(Block::new(tier, slot));
            }
        }
        for tier in TIERS {
            for rank in 0..window.reserved(tier) {
                window.reserve[tier].push(window.blocks.len());
                window.blocks.push(Block::new(tier, window.ordinary(tier) + rank));
            }
        }
        let PlanWindow { device, host, disk, .. } = sizes;
        window.log(&format!("created {number} {device} {host} {disk}"));
        window
    }

    pub(crate) fn log(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// Ordinary blocks of a tier.
    pub(crate) fn ordinary(&self, tier: Tier) -> usize {
        [self.sizes.device, self.sizes.host, self.sizes.disk][tier]
    }

    /// Reserve blocks of a tier: a lower tier that exists has some.
    pub(crate) fn reserved(&self, tier: Tier) -> usize {
        if tier != DEVICE && self.ordinary(tier) > 0 { self.config.reserve } else { 0 }
    }

    /// Blocks of a tier that are out of use.
    pub(crate) fn quarantined(&self, tier: Tier) -> impl Iterator<Item = BlockId> {
        let out = move |id: &BlockId| self.blocks[*id].tier == tier && self.blocks[*id].refs == 0;
        self.quarantine.iter().copied().filter(out)
    }

    /// The next existing tier below.
    pub(crate) fn below(&self, tier: Tier) -> Option<Tier> {
        [HOST, DISK].into_iter().find(|lower| *lower > tier && self.ordinary(*lower) > 0)
    }

    /// The tier below a block to which its content may go.
    pub(crate) fn below_for(&self, block: BlockId) -> Option<Tier> {
        let below = self.below(self.blocks[block].tier)?;
        (below != DISK || self.blocks[block].files).then_some(below)
    }

    /// Whether sequences lose their front here.
    pub(crate) fn slides(&self) -> bool {
        self.sizes.size < self.config.sequence_tokens_max
    }

    // ---- The tree ----

    /// Children of the root or of a block, by ascending id.
    pub(crate) fn children(&self, parent: Parent) -> Vec<BlockId> {
        let hangs_there = |id: &BlockId| self.blocks[*id].parent() == Some(parent);
        (0..self.blocks.len()).filter(hangs_there).collect()
    }

    /// The child with exactly this key.
    pub(crate) fn child(&self, parent: Parent, key: &Key) -> Option<BlockId> {
        let wanted = Some((parent, key.clone()));
        (0..self.blocks.len()).find(|id| self.blocks[*id].hangs == wanted)
    }

    /// Every descendant and then the block leaves the tree; queued descendants become empty.
    pub(crate) fn detach(&mut self, block: BlockId) {
        for child in self.children(Parent::Block(block)) {
            self.detach(child);
            self.empty_if_queued(child);
        }
        self.blocks[block].hangs = None;
        self.log(&format!("remove {} {block}", self.number));
    }

    /// A queued block that can't be found any more joins the back of `empties`.
    pub(crate) fn empty_if_queued(&mut self, block: BlockId) {
        if self.queued(block) {
            self.leave_queue(block);
            self.give_up_content(block);
            self.empties[self.blocks[block].tier].push(block);
        }
    }

    // ---- The policy ----

    pub(crate) fn queued(&self, block: BlockId) -> bool {
        self.queues[self.blocks[block].tier].contains(&block)
    }

    pub(crate) fn leave_queue(&mut self, block: BlockId) {
        self.queues[self.blocks[block].tier].retain(|other| *other != block);
    }

    /// To the back of the queue of its tier, expiry as it is.
    pub(crate) fn queue_at_back(&mut self, block: BlockId) {
        self.queues[self.blocks[block].tier].push(block);
    }

    /// The one to evict next. A queue is in order of arrival, whatever the priorities.
    pub(super) fn victim(&self, tier: Tier) -> Option<BlockId> {
        let queue = &self.queues[tier];
        match self.config.policy {
            PlanPolicy::Lru => queue.first().copied(),
            PlanPolicy::PriorityLru => {
                let lowest = queue.iter().map(|id| self.blocks[*id].priority).min()?;
                queue.iter().copied().find(|id| self.blocks[*id].priority == lowest)
            }
        }
    }

    pub(super) fn keeps(&self, block: BlockId) -> bool {
        match self.config.policy {
            PlanPolicy::Lru => true,
            PlanPolicy::PriorityLru => {
                self.blocks[block].priority >= self.config.offload_priority_min
            }
        }
    }

    // ---- References ----

    /// `count` references to a block that perhaps was queued.
    pub(crate) fn refer(&mut self, block: BlockId, count: usize) {
        self.leave_queue(block);
        self.blocks[block].expiry_ms = None;
        self.blocks[block].refs += count;
    }

    /// One reference less; without any the block is queued, at the front or at the back.
    pub(crate) fn release(&mut self, block: BlockId, to_front: bool) {
        self.blocks[block].refs -= 1;
        if self.blocks[block].refs == 0 && !self.quarantine.contains(&block) {
            self.queue_anew(block, to_front);
        }
    }

    /// From now on the block is queued, and its time runs.
    pub(crate) fn queue_anew(&mut self, block: BlockId, to_front: bool) {
        let now_ms = self.now_ms;
        let timed = self.config.policy == PlanPolicy::PriorityLru;
        let freed = &mut self.blocks[block];
        freed.expiry_ms = match freed.duration_ms {
            Some(span) if timed && freed.priority != PRIORITY_DEFAULT => {
                Some(now_ms.saturating_add(span))
            }
            _ => None,
        };
        let queue = &mut self.queues[freed.tier];
        let at = if to_front { 0 } else { queue.len() };
        queue.insert(at, block);
    }
}
