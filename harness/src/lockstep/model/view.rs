//! What a test compares with the engine after each operation.

use std::collections::{BTreeMap, BTreeSet};

use crate::lockstep::plan::PlanPrompt;

use super::block::{BlockId, DEVICE, TIERS, Tier};
use super::content::Content;
use super::counters::{Counters, RequestStats};
use super::window::Window;
use super::{Held, Model};

/// Blocks of one tier, by where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TierView {
    /// All of them, reserve included.
    pub capacity: usize,
    /// Empty or queued.
    pub free: usize,
    /// With nothing in them.
    pub empties: usize,
    /// Unreferenced, perhaps with content.
    pub queued: usize,
    /// Kept for exchanges.
    pub reserve: usize,
    /// Referenced.
    pub referenced: usize,
    /// Out of use until their slots are safe.
    pub quarantined: usize,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    /// 0 device, 1 host, 2 disk.
    pub tier: usize,
    /// In its tier.
    pub slot: usize,
    /// How many hold it.
    pub refs: usize,
    /// Whether it hangs in the tree.
    pub findable: bool,
    /// 0 to 100.
    pub priority: u8,
}

/// One live request in one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceView {
    /// For each beam its block ids, given up ones included.
    pub beams: Vec<Vec<usize>>,
    /// How many of these the sliding window has given up.
    pub front: usize,
    /// Tokens of the sequence.
    pub tokens: usize,
    /// Leading tokens found when the request came, and not lost since.
    pub matched_tokens: usize,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowView {
    /// Device, host, disk.
    pub tiers: [TierView; 3],
    /// By id.
    pub blocks: Vec<BlockView>,
    /// By request.
    pub sequences: BTreeMap<u64, SequenceView>,
}

impl Model {
    /// The state of every window.
    #[must_use]
    pub fn views(&self) -> Vec<WindowView> {
        self.windows.iter().map(|window| self.view(window)).collect()
    }

    fn view(&self, window: &Window) -> WindowView {
        let block = |id: BlockId| {
            let block = &window.blocks[id];
            BlockView {
                tier: block.tier,
                slot: block.slot,
                refs: block.refs,
                findable: block.findable(),
                priority: block.priority,
            }
        };
        let sequence = |(id, held): (&u64, &Held)| (*id, self.sequence_view(*id, held));
        WindowView {
            tiers: TIERS.map(|tier| tier_view(window, tier)),
            blocks: (0..window.blocks.len()).map(block).collect(),
            sequences: window.held.iter().map(sequence).collect(),
        }
    }

    fn sequence_view(&self, id: u64, held: &Held) -> SequenceView {
        let request = &self.requests[&id];
        let beam = |beam: usize| held.blocks.iter().map(|beams| beams[beam]).collect();
        SequenceView {
            beams: (0..request.beams).map(beam).collect(),
            front: held.front,
            tokens: request.len(),
            matched_tokens: held.matched_tokens(self.config.tokens_per_block),
        }
    }

    /// What is counted, over all windows.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut sum =
            Counters { requests: self.accepted, rejected: self.rejected, ..Counters::default() };
        for window in &self.windows {
            sum.add(&window.counters);
        }
        sum
    }

    /// What must be readable in a block now: token by token its fingerprint, none where nothing was
    /// written. Nothing for a block that is neither referenced nor findable.
    #[must_use]
    pub fn expected_content(&self, window: usize, block: usize) -> Option<Content> {
        let window = self.windows.get(window)?;
        let state = window.blocks.get(block)?;
        (state.refs > 0 || state.findable()).then(|| window.content(block))
    }

    /// Leading tokens that a live request need not compute: the least of all windows.
    #[must_use]
    pub fn matched_tokens(&self, request: u64) -> Option<usize> {
        let of = |window: &Window| {
            let held = window.held.get(&request)?;
            Some(held.matched_tokens(self.config.tokens_per_block))
        };
        self.windows.iter().filter_map(of).min()
    }

    /// What a live request took, over all windows.
    #[must_use]
    pub fn request_stats(&self, request: u64) -> Option<RequestStats> {
        let mut sum = RequestStats::default();
        for window in &self.windows {
            sum.add(&window.held.get(&request)?.stats);
        }
        Some(sum)
    }

    /// The fingerprints of a live request's tokens.
    #[must_use]
    pub fn fingerprints(&self, request: u64) -> Option<Vec<u64>> {
        self.requests.get(&request).map(super::Request::fingerprints)
    }
}

/// What the driver asks, without a view of everything.
impl Model {
    pub(crate) fn is_live(&self, request: u64) -> bool {
        self.requests.contains_key(&request)
    }

    /// Tokens of a request; 0 if it does not live.
    pub(crate) fn tokens(&self, request: u64) -> usize {
        self.requests.get(&request).map_or(0, super::Request::len)
    }

    pub(crate) fn tenant(&self, request: u64) -> u32 {
        match self.requests.get(&request).map(|request| &request.prompt) {
            Some(PlanPrompt::Tokens(prompt)) => prompt.tenant,
            Some(PlanPrompt::Hashes(_)) | None => 0,
        }
    }

    /// Leading tokens found in each window.
    pub(crate) fn matched_by_window(&self, request: u64) -> Vec<usize> {
        let per_block = self.config.tokens_per_block;
        let of = |window: &Window| window.held[&request].matched_tokens(per_block);
        self.windows.iter().map(of).collect()
    }

    /// The first token that did not slide out of a window.
    pub(crate) fn first_token_held(&self, window: usize, request: u64) -> usize {
        self.windows[window].held[&request].front * self.config.tokens_per_block
    }

    /// The blocks that hold a token, each once.
    pub(crate) fn blocks_of_token(
        &self,
        window: usize,
        request: u64,
        token: usize,
    ) -> Vec<BlockId> {
        let held = &self.windows[window].held[&request];
        let mut blocks = held.blocks[token / self.config.tokens_per_block].clone();
        blocks.dedup();
        blocks
    }

    /// The blocks that a request holds, each once.
    pub(crate) fn blocks_held(&self, window: usize, request: u64) -> BTreeSet<BlockId> {
        let held = self.windows[window].held.get(&request);
        held.into_iter().flat_map(Held::here).map(|(_, block)| block).collect()
    }

    pub(crate) fn is_on_device(&self, window: usize, block: BlockId) -> bool {
        self.windows[window].blocks[block].tier == DEVICE
    }
}

fn tier_view(window: &Window, tier: Tier) -> TierView {
    let here = || window.blocks.iter().filter(|block| block.tier == tier);
    TierView {
        capacity: here().count(),
        free: window.empties[tier].len() + window.queues[tier].len(),
        empties: window.empties[tier].len(),
        queued: window.queues[tier].len(),
        reserve: window.reserve[tier].len(),
        referenced: here().filter(|block| block.refs > 0).count(),
        quarantined: window.quarantined(tier).count(),
    }
}
