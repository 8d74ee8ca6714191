//! What one sequence holds of one window, and how that grows, shrinks and ends.

use super::{Terms, Window};
use crate::block::{BlockId, Tier};
use crate::event::{Event, RequestId};
use crate::eviction::End;
use crate::key::ChainKey;
use crate::order::Outbox;
use serde::Serialize;
use std::collections::BTreeSet;
use std::iter::Sum;

/// What a request took from one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RequestStats {
    /// Blocks taken for new content.
    pub allocated: u32,
    /// Of these, without displacing findable content.
    pub allocated_unused: u32,
    /// Blocks found, whole or by their first tokens.
    pub reused: u32,
    /// Blocks of the prompt not found.
    pub missed: u32,
}

impl Sum for RequestStats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            allocated: sum.allocated + one.allocated,
            allocated_unused: sum.allocated_unused + one.allocated_unused,
            reused: sum.reused + one.reused,
            missed: sum.missed + one.missed,
        })
    }
}

impl RequestStats {
    /// Found blocks in thousandths of those of the prompt; 0 without any.
    #[must_use]
    pub fn hit_per_mille(&self) -> u32 {
        let all = u64::from(self.reused) + u64::from(self.missed);
        // At most 1000.
        (u64::from(self.reused) * 1000).checked_div(all).unwrap_or(0) as u32
    }
}

#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Blocks of beam 0.
    pub(crate) first: Vec<BlockId>,
    /// Blocks of the other beams.
    pub(crate) others: Vec<Vec<BlockId>>,
    /// Blocks that slid out at the front.
    pub(crate) front: usize,
    /// Where the whole matches were found.
    pub(crate) hits: Vec<Tier>,
    /// Tokens of the block behind them that were found.
    pub(crate) partial_tokens: u32,
    /// The first block whose content was lost and that the sequence has not been told of.
    pub(crate) lost: Option<usize>,
    pub(crate) stats: RequestStats,
}

impl Held {
    pub(crate) fn beam(&self, beam: usize) -> Option<&[BlockId]> {
        if beam == 0 { Some(&self.first) } else { self.others.get(beam - 1).map(Vec::as_slice) }
    }

    /// Every block that did not slide out, of every beam, with its index, by index.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (usize, BlockId)> {
        (self.front..self.first.len()).flat_map(move |index| {
            let beams = std::iter::once(&self.first).chain(&self.others);
            beams.map(move |beam| (index, beam[index]))
        })
    }

    fn beams(&self) -> u32 {
        1 + self.others.len() as u32
    }

    /// The same block for all beams.
    pub(super) fn push_shared(&mut self, block: BlockId) {
        self.first.push(block);
        self.others.iter_mut().for_each(|beam| beam.push(block));
    }

    pub(crate) fn matched_tokens(&self, tokens_per_block: u32) -> u32 {
        self.hits.len() as u32 * tokens_per_block + self.partial_tokens
    }
}

impl Window {
    /// Whether `held` can grow from `tokens` by one token.
    pub(crate) fn can_grow(&self, held: &Held, tokens: u32) -> bool {
        let starts_block = tokens.is_multiple_of(self.rules.tokens_per_block);
        let slid = &held.first[held.front..self.front_at(held, tokens + 1)];
        let frees = |id: &BlockId| {
            let block = &self.tree[*id];
            block.refs == 1 && block.tier == Tier::Device && !self.quarantined.contains(id)
        };
        let freed = slid.iter().filter(|id| frees(id)).count();
        !starts_block || held.beams() as usize <= self.room() + freed
    }

    /// Where the front of a sequence of `tokens` tokens is.
    fn front_at(&self, held: &Held, tokens: u32) -> usize {
        if !self.sliding || held.beams() > 1 {
            return held.front;
        }
        let block = u64::from(self.rules.tokens_per_block);
        let beyond = (u64::from(tokens) + 1).checked_sub(u64::from(self.size) + block);
        let front = beyond.map_or(0, |beyond| beyond.div_ceil(block) as usize);
        front.clamp(held.front, held.first.len())
    }

    /// The sequence grows from `tokens` by one token; there must be room.
    pub(crate) fn grow(
        &mut self,
        request: RequestId,
        held: &mut Held,
        tokens: u32,
        terms: Terms,
        out: &mut Outbox,
    ) {
        let front = self.front_at(held, tokens + 1);
        for &id in &held.first[held.front..front] {
            sometimes!("a window slides");
            self.fronts.insert((id, request));
            self.release(id, End::Back);
        }
        held.front = front;
        if !tokens.is_multiple_of(self.rules.tokens_per_block) {
            return;
        }
        let mut take = || {
            let (id, unused) = self.allocate(1, terms, out);
            held.stats.allocated += 1;
            held.stats.allocated_unused += u32::from(unused);
            id
        };
        held.first.push(take());
        held.others.iter_mut().for_each(|beam| beam.push(take()));
    }

    /// Whether the sequence can shrink to `tokens` tokens: what it keeps is its own to write.
    pub(crate) fn can_shrink(&self, held: &Held, tokens: u32) -> bool {
        let block = self.rules.tokens_per_block;
        let (whole, rest) = ((tokens / block) as usize, tokens % block);
        let cut = held.first.get(whole).filter(|_| rest > 0);
        whole >= held.front
            && cut.is_none_or(|&id| !self.tree[id].findable() && self.tree[id].refs == 1)
    }

    /// The sequence shrinks to `tokens` tokens. What it gives up is worth nothing to others.
    pub(crate) fn shrink(&mut self, held: &mut Held, tokens: u32) {
        let keep = tokens.div_ceil(self.rules.tokens_per_block) as usize;
        while held.first.len() > keep {
            sometimes!("a rewind gives a block back");
            let last = held.first.pop().expect("longer than what is kept");
            self.release(last, End::Front);
        }
    }

    /// Makes the blocks under `chain` findable, unless the window slides.
    pub(crate) fn store_context(&mut self, held: &Held, chain: &[ChainKey], out: &mut Outbox) {
        if !self.sliding && self.rules.reuse {
            self.store(chain, &held.first, out);
        }
    }

    /// Makes the blocks under `chain` findable if the last of them is not.
    pub(crate) fn store_new(&mut self, held: &Held, chain: &[ChainKey], out: &mut Outbox) {
        let last = chain.len().checked_sub(1).and_then(|last| held.first.get(last));
        if last.is_some_and(|&last| !self.tree[last].findable()) {
            self.store_context(held, chain, out);
        }
    }

    /// The sequence ends: stores what `chain` names, if anything, and gives up everything.
    pub(crate) fn end(
        &mut self,
        request: RequestId,
        held: &Held,
        chain: Option<&[ChainKey]>,
        out: &mut Outbox,
    ) {
        let broken = self.broken.remove(&request);
        sometimes!(
            broken && chain.is_some(),
            "a sequence stores nothing because its front is gone"
        );
        if let Some(chain) = chain.filter(|_| self.rules.reuse && !broken) {
            self.store(chain, &held.first, out);
        }
        for &id in &held.first[..held.front] {
            self.fronts.remove(&(id, request));
        }
        for index in (held.front..held.first.len()).rev() {
            held.others.iter().rev().for_each(|beam| self.release(beam[index], End::Back));
            self.release(held.first[index], End::Back);
        }
    }

    /// Takes one more reference to every block of beam 0.
    pub(crate) fn pin(&mut self, held: &Held) -> Vec<BlockId> {
        let blocks = held.first[held.front..].to_vec();
        blocks.iter().for_each(|&id| self.tree[id].refs += 1);
        blocks
    }

    /// Gives up the references of a pin, last block first.
    pub(crate) fn unpin(&mut self, blocks: &[BlockId]) {
        blocks.iter().rev().for_each(|&id| self.release(id, End::Back));
    }

    /// Some contents are `lost`: from the first of them on, what a sequence found is a miss.
    pub(crate) fn lose(&mut self, held: &mut Held, lost: &BTreeSet<BlockId>, out: &mut Outbox) {
        let Some((first, _)) = held.blocks().find(|(_, id)| lost.contains(id)) else { return };
        sometimes!(held.lost.is_some(), "a loss is told that was noted earlier");
        held.lost = Some(held.lost.map_or(first, |earlier| earlier.min(first)));
        let matched = held.hits.len() + usize::from(held.partial_tokens > 0);
        for index in first..held.first.len() {
            let mut beams: Vec<BlockId> = held.others.iter().map(|beam| beam[index]).collect();
            beams.push(held.first[index]);
            beams.sort_unstable();
            beams.dedup();
            for block in beams {
                let is_lost = lost.contains(&block);
                if is_lost || index < matched {
                    let hit = held.hits.get(index).copied();
                    out.event(Event::Lost { window: self.index, block, hit });
                }
                if is_lost && self.tree[block].findable() {
                    self.detach(block, out);
                }
            }
        }
        if first < matched {
            held.stats.reused -= (matched - first) as u32;
            held.stats.missed += (matched - first) as u32;
            held.hits.truncate(first);
            held.partial_tokens = 0;
        }
    }

    /// Puts a new block in the place of one that nobody may touch for now, which stays out of use.
    /// Without room nothing changes, and the answer is `false`.
    pub(crate) fn replace(
        &mut self,
        held: &mut Held,
        (index, old): (usize, BlockId),
        out: &mut Outbox,
    ) -> bool {
        if self.room() == 0 {
            sometimes!("there is no block to replace one with");
            return false;
        }
        sometimes!("a block is replaced");
        let block = &self.tree[old];
        let terms = Terms { worth: (Some(block.priority), block.duration), spill: block.spill };
        let (new, _) = self.allocate(0, terms, out);
        let beams = std::iter::once(&mut held.first).chain(&mut held.others);
        for shared in beams.filter(|beam| beam[index] == old) {
            shared[index] = new;
            self.tree[old].refs -= 1;
            self.tree[new].refs += 1;
        }
        self.quarantined.insert(old);
        true
    }
}
