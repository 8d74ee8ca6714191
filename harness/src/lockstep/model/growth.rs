//! Sequences grow, shrink, are stored and end; single blocks move; time passes.

use super::block::{BlockId, DEVICE, Parent};
use super::key::Key;
use super::request::{PRIORITY_DEFAULT, Request};
use super::window::Window;
use super::{Outcome, Refusal};

impl Window {
    /// Whether there is room for one more token, `request` being as it was before.
    pub(crate) fn may_append(&self, request: &Request) -> bool {
        let per_block = self.config.tokens_per_block;
        if !request.len().is_multiple_of(per_block) {
            return true;
        }
        let held = &self.held[&request.id];
        let gone = &held.blocks[held.front..self.front_at(request, request.len() + 1)];
        let frees = |beams: &&Vec<BlockId>| {
            let block = &self.blocks[beams[0]];
            block.refs == 1 && block.tier == DEVICE && !self.quarantine.contains(&beams[0])
        };
        let freed = gone.iter().filter(frees).count();
        self.empties[DEVICE].len() + self.queues[DEVICE].len() + freed >= request.beams
    }

    /// One more token, for which there is room; `request` is as it was before.
    pub(crate) fn append(&mut self, request: &Request) {
        let per_block = self.config.tokens_per_block;
        let front = self.front_at(request, request.len() + 1);
        while self.held[&request.id].front < front {
            self.slide(request.id);
        }
        if !request.len().is_multiple_of(per_block) {
            return;
        }
        let (priority, duration_ms) =
            (request.retention.decode_priority, request.retention.decode_duration_ms);
        let mut stats = self.held[&request.id].stats;
        let blocks: Vec<BlockId> = (0..request.beams)
            .map(|_| self.fresh(1, priority, duration_ms, request.files, &mut stats))
            .collect();
        let held = self.held.get_mut(&request.id).expect("a live request is held");
        held.blocks.push(blocks);
        held.stats = stats;
    }

    /// Where the front of a sequence of `tokens` tokens is: blocks before it are no longer attended
    /// to.
    fn front_at(&self, request: &Request, tokens: usize) -> usize {
        let per_block = self.config.tokens_per_block;
        let mut front = self.held[&request.id].front;
        while self.slides()
            && request.beams == 1
            && tokens - front * per_block >= self.sizes.size + per_block
        {
            front += 1;
        }
        front
    }

    /// The front block is given up.
    fn slide(&mut self, request: u64) {
        let held = &self.held[&request];
        let block = held.blocks[held.front][0];
        self.release(block, false);
        let era = self.blocks[block].era;
        let held = self.held.get_mut(&request).expect("seen above");
        held.left.push((block, era));
        held.front += 1;
    }

    /// Whether a sequence may shrink to `tokens` tokens: what it still attends to must be here, and
    /// the block that it will write to next must be its own.
    pub(crate) fn may_rewind(&self, request: &Request, tokens: usize) -> bool {
        let per_block = self.config.tokens_per_block;
        let held = &self.held[&request.id];
        if tokens < held.front * per_block {
            return false;
        }
        if tokens.is_multiple_of(per_block) || tokens == request.len() {
            return true;
        }
        let last = &self.blocks[held.blocks[tokens / per_block][0]];
        !last.findable() && last.refs == 1
    }

    /// The sequence shrinks from `from` to `to` tokens.
    pub(crate) fn rewind(&mut self, request: u64, from: usize, to: usize) {
        for tokens in (to..from).rev() {
            if tokens.is_multiple_of(self.config.tokens_per_block) {
                let held = self.held.get_mut(&request).expect("a live request is held");
                let last = held.blocks.pop().expect("its tokens are in blocks");
                self.release(last[0], true);
            }
        }
    }

    /// The context blocks become findable.
    pub(crate) fn store_context(&mut self, request: &Request) {
        if self.config.reuse && !self.slides() {
            self.store(request, &self.full(request.wanted_keys()));
        }
    }

    /// The blocks filled by now become findable, if one was just filled.
    pub(crate) fn store_new(&mut self, request: &Request) {
        let done = request.len() - 1;
        let just_filled = done.is_multiple_of(self.config.tokens_per_block);
        if self.config.reuse && request.beams == 1 && !self.slides() && just_filled {
            let keys = self.full(request.first_keys(done));
            let last = keys.len().checked_sub(1).map(|at| self.held[&request.id].blocks[at][0]);
            if last.is_some_and(|last| !self.blocks[last].findable()) {
                self.store(request, &keys);
            }
        }
    }

    fn full(&self, mut keys: Vec<Key>) -> Vec<Key> {
        let per_block = self.config.tokens_per_block;
        keys.retain(|key| key.len(per_block) == per_block);
        keys
    }

    /// Blocks of beam 0 get these keys, where no block has them. A block that is findable already
    /// stays where it is: after a rewind the last block may hang there whole when its shorter key
    /// comes.
    fn store(&mut self, request: &Request, keys: &[Key]) {
        let mut cursor = Parent::Root;
        for (index, key) in keys.iter().enumerate() {
            if let Some(child) = self.child(cursor, key) {
                cursor = Parent::Block(child);
                continue;
            }
            let block = self.held[&request.id].blocks[index][0];
            if self.blocks[block].findable() {
                return;
            }
            self.blocks[block].hangs = Some((cursor, key.clone()));
            let under = match cursor {
                Parent::Root => "-1".to_owned(),
                Parent::Block(parent) => parent.to_string(),
            };
            self.log(&format!("store {} {block} {under}", self.number));
            cursor = Parent::Block(block);
        }
    }

    /// The request ends here, and `stores` its blocks if it may.
    pub(crate) fn remove(&mut self, request: &Request, stores: bool) {
        let held = self.held[&request.id].clone();
        let intact = held.left.iter().all(|(block, era)| self.blocks[*block].era == *era);
        if stores && self.config.reuse && request.beams == 1 && intact {
            self.store(request, &request.final_keys());
        }
        self.held.remove(&request.id);
        for beams in held.blocks.iter().skip(held.front).rev() {
            for block in beams.iter().rev() {
                self.release(*block, false);
            }
        }
    }

    /// The blocks of beam 0 that the request still holds, in order.
    pub(crate) fn first_beam(&self, request: u64) -> Vec<BlockId> {
        let held = &self.held[&request];
        held.blocks.iter().skip(held.front).map(|beams| beams[0]).collect()
    }

    /// A block is sent down.
    pub(crate) fn offload_explicit(&mut self, block: BlockId) -> Outcome {
        let old = &self.blocks[block];
        if old.tier != DEVICE || old.refs == 0 {
            return Outcome::Refused(Refusal::Invalid);
        }
        let Some(below) = self.below_for(block).filter(|_| self.config.onboard) else {
            return Outcome::Refused(Refusal::Exhausted);
        };
        if self.empties[below].is_empty() && self.queues[below].is_empty() {
            return Outcome::Refused(Refusal::Exhausted);
        }
        let target = self.vacate(below, None).expect("there is an empty or a queued block");
        self.offload_to(block, target);
        self.empties[DEVICE].push(target);
        Outcome::Done
    }

    /// A block is fetched.
    pub(crate) fn onboard_explicit(&mut self, block: BlockId) -> Outcome {
        let old = &self.blocks[block];
        if old.tier == DEVICE || old.refs == 0 {
            return Outcome::Refused(Refusal::Invalid);
        }
        if self.empties[DEVICE].is_empty() && self.queues[DEVICE].is_empty() {
            return Outcome::Refused(Refusal::Exhausted);
        }
        self.onboard(block);
        Outcome::Done
    }

    /// It is `now_ms`: priorities whose time is over end.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        let mut over: Vec<(u64, BlockId)> = Vec::new();
        for block in self.queues.iter().flatten() {
            if let Some(expiry_ms) = self.blocks[*block].expiry_ms
                && expiry_ms <= now_ms
            {
                over.push((expiry_ms, *block));
            }
        }
        over.sort_unstable();
        for (_, block) in over {
            self.leave_queue(block);
            self.blocks[block].priority = PRIORITY_DEFAULT;
            self.blocks[block].expiry_ms = None;
            self.queue_at_back(block);
            self.log(&format!("expire {} {block}", self.number));
        }
    }
}
