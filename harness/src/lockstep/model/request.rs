//! A request as the model sees it: what was asked, what was generated, what its blocks get.

use crate::lockstep::plan::{
    BEAMS_MAX, PlanAdd, PlanConfig, PlanMode, PlanMultimodal, PlanPrompt, PlanRange, PlanRetention,
    PlanTokens, SEQUENCE_TOKENS_MAX,
};

use super::key::{Key, keys, prompt_len, token_fingerprints};

/// The priority of a block for which none was given.
pub(crate) const PRIORITY_DEFAULT: u8 = 35;
/// The highest priority.
pub(crate) const PRIORITY_MAX: u8 = 100;

/// A live request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) prompt: PlanPrompt,
    pub(crate) generated: Vec<i32>,
    pub(crate) beams: usize,
    pub(crate) cross_attention: bool,
    pub(crate) retention: PlanRetention,
    /// Whether its blocks may go to files.
    pub(crate) files: bool,
    pub(crate) tokens_per_block: usize,
}

impl Request {
    /// The request, or nothing if it is malformed by itself.
    pub(crate) fn new(add: &PlanAdd, config: &PlanConfig) -> Option<Self> {
        let len = prompt_len(&add.prompt, config.tokens_per_block);
        let parts_fit = match &add.prompt {
            PlanPrompt::Tokens(prompt) => parts_fit(prompt),
            PlanPrompt::Hashes(_) => true,
        };
        let valid = (1..=config.sequence_tokens_max).contains(&len)
            && (len as u64) <= SEQUENCE_TOKENS_MAX
            && (1..=BEAMS_MAX).contains(&add.beams)
            && parts_fit
            && retention_is_valid(&add.retention);
        valid.then(|| Self {
            id: add.request,
            prompt: add.prompt.clone(),
            generated: Vec::new(),
            beams: add.beams,
            cross_attention: add.cross_attention,
            retention: add.retention.clone(),
            files: add.retention.mode != PlanMode::Dram && fallback(add, config).is_none(),
            tokens_per_block: config.tokens_per_block,
        })
    }

    pub(crate) fn prompt_len(&self) -> usize {
        prompt_len(&self.prompt, self.tokens_per_block)
    }

    /// Tokens so far.
    pub(crate) fn len(&self) -> usize {
        self.prompt_len() + self.generated.len()
    }

    /// Keys that the request looks for when it comes: the last token is never reusable, and a
    /// hash names a whole block.
    pub(crate) fn wanted_keys(&self) -> Vec<Key> {
        match &self.prompt {
            PlanPrompt::Hashes(_) => self.first_keys(self.prompt_len()),
            PlanPrompt::Tokens(_) => self.first_keys(self.prompt_len() - 1),
        }
    }

    /// Keys under which the blocks of the first `len` tokens are stored. Of a hash prompt only the
    /// hashes are.
    pub(crate) fn first_keys(&self, len: usize) -> Vec<Key> {
        let len = match &self.prompt {
            PlanPrompt::Hashes(_) => len.min(self.prompt_len()),
            PlanPrompt::Tokens(_) => len,
        };
        keys(&self.prompt, &self.generated, len, self.tokens_per_block)
    }

    /// Keys under which the blocks are stored when the request ends. The last token was never
    /// computed with a successor, so its entry does not count.
    pub(crate) fn final_keys(&self) -> Vec<Key> {
        match &self.prompt {
            PlanPrompt::Hashes(_) => self.wanted_keys(),
            PlanPrompt::Tokens(_) => self.first_keys(self.len() - 1),
        }
    }

    /// What each token's cache entry is.
    pub(crate) fn fingerprints(&self) -> Vec<u64> {
        token_fingerprints(&self.prompt, &self.generated, self.tokens_per_block)
    }

    /// The range that holds the first token of the context block at `index`.
    fn range_at(&self, index: usize) -> Option<&PlanRange> {
        let first = index * self.tokens_per_block;
        let holds =
            |range: &&PlanRange| range.start <= first && range.end.is_none_or(|end| first < end);
        self.retention.ranges.iter().find(holds)
    }

    /// The priority that the request gives the context block at `index`, if it gives one.
    pub(crate) fn priority_at(&self, index: usize) -> Option<u8> {
        self.range_at(index).map(|range| range.priority)
    }

    /// How long the priority of the context block at `index` holds.
    pub(crate) fn duration_at(&self, index: usize) -> Option<u64> {
        self.range_at(index).and_then(|range| range.duration_ms)
    }
}

/// Why a request that asked for files does not get them: the code of its `fallback` line.
pub(crate) fn fallback(add: &PlanAdd, config: &PlanConfig) -> Option<u8> {
    if add.retention.mode == PlanMode::Dram {
        None
    } else if add.retention.directory.is_empty() {
        Some(1)
    } else if !config.directories.contains(&add.retention.directory) {
        Some(2)
    } else if config.windows.iter().all(|window| window.disk == 0) {
        Some(3)
    } else {
        None
    }
}

/// An extra id for each token, and items that stand at tokens of the prompt.
fn parts_fit(prompt: &PlanTokens) -> bool {
    let len = prompt.tokens.len();
    let inside = |item: &PlanMultimodal| item.len > 0 && item.start.saturating_add(item.len) <= len;
    prompt.extra_ids.as_ref().is_none_or(|ids| ids.len() == len)
        && prompt.multimodal.iter().all(inside)
}

/// Priorities in range; ranges that are not empty, do not overlap, and of which only the last is
/// open.
fn retention_is_valid(retention: &PlanRetention) -> bool {
    let mut ranges = retention.ranges.clone();
    ranges.sort_by_key(|range| range.start);
    let priorities = ranges.iter().all(|range| range.priority <= PRIORITY_MAX)
        && retention.decode_priority <= PRIORITY_MAX;
    let filled = ranges.iter().all(|range| range.end.is_none_or(|end| end > range.start));
    let apart = ranges.windows(2).all(|pair| pair[0].end.is_some_and(|end| end <= pair[1].start));
    priorities && filled && apart
}
