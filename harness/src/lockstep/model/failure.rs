//! What failed moves change, once somebody waits for them.

use std::collections::BTreeSet;

use super::block::{BlockId, DEVICE, TIERS};
use super::counters::RequestStats;
use super::moves::Failures;
use super::window::Window;

/// What became of a request's blocks in unsafe slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Other blocks took the place of some.
    pub(crate) replaced: bool,
    /// One is left, since no block is free.
    pub(crate) stuck: bool,
}

impl Window {
    /// The moves from and to a request's blocks have ended: whoever holds what is lost is to be
    /// told, and each block in an unsafe slot is replaced.
    ///
    /// A block that takes another's place may be in an unsafe slot itself, and is replaced too.
    pub(crate) fn repair(&mut self, request: u64, failures: &impl Failures) -> Repair {
        let mut repair = Repair { replaced: false, stuck: false };
        let here = self.held[&request].here().map(|(_, block)| block);
        let lost: BTreeSet<BlockId> =
            here.filter(|block| self.is_lost_or_unsafe(*block, failures)).collect();
        if lost.is_empty() {
            return repair;
        }
        self.lose(request, &lost);
        let others: Vec<u64> = self.held.keys().copied().filter(|id| *id != request).collect();
        for other in others {
            self.lose(other, &lost);
        }
        for block in lost {
            self.await_new_content(block);
        }
        loop {
            let found =
                self.held[&request].here().find(|(_, block)| self.is_unsafe(*block, failures));
            let Some((index, block)) = found else { return repair };
            if self.empties[DEVICE].is_empty() && self.queues[DEVICE].is_empty() {
                repair.stuck = true;
                return repair;
            }
            self.replace(request, index, block);
            repair.replaced = true;
        }
    }

    /// From the first of the `lost` blocks on, what a request found is a miss.
    fn lose(&mut self, request: u64, lost: &BTreeSet<BlockId>) {
        let held = &self.held[&request];
        let Some((first, _)) = held.here().find(|(_, block)| lost.contains(block)) else {
            return;
        };
        let (matched, hits) = (held.matched(), held.hits.clone());
        let rest: Vec<BTreeSet<BlockId>> =
            held.blocks[first..].iter().map(|beams| beams.iter().copied().collect()).collect();
        for (index, beams) in (first..).zip(rest) {
            for block in beams {
                let is_lost = lost.contains(&block);
                if is_lost || index < matched {
                    self.log(&format!("lost {} {block}", self.number));
                    match hits.get(index) {
                        Some(tier) => {
                            self.counters.hits[*tier] -= 1;
                            self.counters.missed += 1;
                            self.counters.lost_hits += 1;
                        }
                        None => self.counters.lost_unused += 1,
                    }
                }
                if is_lost && self.blocks[block].findable() {
                    self.detach(block);
                }
            }
        }
        let held = self.held.get_mut(&request).expect("seen above");
        held.lost = Some(held.lost.map_or(first, |earlier| earlier.min(first)));
        let missed = matched.saturating_sub(first);
        held.stats.reused -= missed as u64;
        held.stats.missed += missed as u64;
        if missed > 0 {
            held.hits.truncate(first);
            held.partial_tokens = 0;
        }
    }

    fn await_new_content(&mut self, block: BlockId) {
        let place = self.place(block);
        self.brought.remove(&place);
        self.content_mut(block).fill(None);
    }

    /// Another block takes the place of one that nobody may touch for now.
    fn replace(&mut self, request: u64, index: usize, old: BlockId) {
        let block = &self.blocks[old];
        let (priority, duration_ms, files) = (block.priority, block.duration_ms, block.files);
        let new = self.fresh(0, priority, duration_ms, files, &mut RequestStats::default());
        let held = self.held.get_mut(&request).expect("only a live request is repaired");
        for beam in held.blocks[index].iter_mut().filter(|block| **block == old) {
            *beam = new;
            self.blocks[old].refs -= 1;
            self.blocks[new].refs += 1;
        }
        self.quarantine.insert(old);
    }

    /// Every move has ended: what nobody waits for is lost, and blocks in unsafe slots go out of use
    /// until they are safe.
    pub(crate) fn sweep(&mut self, failures: &impl Failures) {
        for block in 0..self.blocks.len() {
            if self.blocks[block].findable() && self.is_lost_or_unsafe(block, failures) {
                self.log(&format!("lost {} {block}", self.number));
                self.counters.lost_unused += 1;
                self.detach(block);
                self.empty_if_queued(block);
            }
            if self.is_unsafe(block, failures) {
                self.put_away(block);
            } else if self.quarantine.remove(&block) && self.blocks[block].refs == 0 {
                if self.blocks[block].findable() {
                    self.queue_anew(block, false);
                } else {
                    self.empties[self.blocks[block].tier].push(block);
                }
            }
        }
    }

    /// An empty block goes out of use.
    fn put_away(&mut self, block: BlockId) {
        for tier in TIERS {
            for list in [&mut self.empties[tier], &mut self.reserve[tier]] {
                if list.contains(&block) {
                    list.retain(|other| *other != block);
                    self.quarantine.insert(block);
                    self.was_quarantined = true;
                }
            }
        }
    }
}
