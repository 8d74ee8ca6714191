//! Making room, and moving content between tiers.

use super::block::{BlockId, DEVICE, Tier};
use super::window::Window;

impl Window {
    /// Whether a block of the device can be had without displacing anything that can be found.
    pub(crate) fn has_unused(&self) -> bool {
        !self.empties[DEVICE].is_empty()
            || self.victim(DEVICE).is_some_and(|victim| !self.blocks[victim].findable())
    }

    /// An unowned, empty block of `tier`. `leaving` is the tier that a block is about to leave.
    pub(crate) fn vacate(&mut self, tier: Tier, leaving: Option<Tier>) -> Option<BlockId> {
        let block = if !self.empties[tier].is_empty() {
            self.empties[tier].remove(0)
        } else if leaving == Some(tier) && !self.reserve[tier].is_empty() {
            self.reserve[tier].remove(0)
        } else {
            self.evict(tier, leaving)?
        };
        self.give_up_content(block);
        Some(block)
    }

    /// Takes the victim's place: its content goes down a tier, or is given up.
    fn evict(&mut self, tier: Tier, leaving: Option<Tier>) -> Option<BlockId> {
        let victim = self.victim(tier)?;
        self.leave_queue(victim);
        let wanted = self.blocks[victim].findable() && self.keeps(victim) && self.config.onboard;
        if wanted
            && let Some(below) = self.below_for(victim)
            && let Some(target) = self.vacate(below, leaving)
        {
            if self.blocks[victim].findable() {
                self.offload_to(victim, target);
                self.queue_at_back(victim);
                return Some(target);
            }
            // Making room below detached the victim, so nobody could find it there.
            self.empties[below].push(target);
        }
        if self.blocks[victim].findable() {
            self.counters.drops += 1;
            self.log(&format!("drop {} {victim} {tier}", self.number));
            self.detach(victim);
        }
        Some(victim)
    }

    pub(super) fn give_up_content(&mut self, block: BlockId) {
        self.blocks[block].era += 1;
        self.blocks[block].expiry_ms = None;
    }

    /// Content goes down to `target`, and the two swap places.
    pub(crate) fn offload_to(&mut self, block: BlockId, target: BlockId) {
        let (from, to) = (self.blocks[block].tier, self.blocks[target].tier);
        self.log(&format!("offload {} {block} {from} {to}", self.number));
        if from == DEVICE {
            self.counters.offloads += 1;
        } else {
            self.counters.demotions += 1;
        }
        self.move_content(block, target);
    }

    /// Content comes to the device. The block is below it and in no queue.
    pub(crate) fn onboard(&mut self, block: BlockId) {
        let from = self.blocks[block].tier;
        let target =
            self.vacate(DEVICE, Some(from)).expect("the caller has seen that there is room");
        self.log(&format!("onboard {} {block} {from}", self.number));
        self.counters.onboards += 1;
        self.move_content(block, target);
        if self.reserve[from].len() < self.reserved(from) {
            self.reserve[from].push(target);
        } else {
            self.empties[from].push(target);
        }
    }
}
