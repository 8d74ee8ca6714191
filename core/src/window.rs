//! One attention window: its blocks, and every decision about them. Bytes are elsewhere.

mod admission;
mod held;
mod unclaimed;

use crate::block::{Block, BlockId, PRIORITY_DEFAULT, Place, Spill, Tier};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, RequestId};
use crate::eviction::{Candidate, End, EvictionPolicy};
use crate::key::ChainKey;
use crate::order::{Move, Order, Outbox};
use crate::retention::Worth;
use crate::tiers::{TierBlocks, TierUse, Tiers};
use crate::tree::Tree;
use crate::units::Nanos;
use std::collections::BTreeSet;

pub(crate) use admission::{Demand, Plan};
pub(crate) use held::Held;
pub use held::RequestStats;
use unclaimed::Unclaimed;

/// What windows of one engine share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) tokens_per_block: u32,
    pub(crate) reuse: bool,
    pub(crate) partial_reuse: bool,
    pub(crate) copy_on_partial_reuse: bool,
    pub(crate) offload: bool,
}

/// What a request asks for the blocks it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) worth: Worth,
    pub(crate) spill: Spill,
}

#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) index: u16,
    /// Attention size in tokens.
    pub(crate) size: u32,
    /// Sequences slide: they may be longer than the window.
    pub(crate) sliding: bool,
    rules: Rules,
    pub(crate) tree: Tree,
    tiers: Tiers,
    policy: Box<dyn EvictionPolicy>,
    now: Nanos,
    /// Blocks that slid out at the front of a live sequence, and those of these sequences whose
    /// content was given up since: they can't be stored whole any more.
    fronts: BTreeSet<(BlockId, RequestId)>,
    broken: BTreeSet<RequestId>,
    /// Out of use once nobody holds them.
    quarantined: BTreeSet<BlockId>,
    unclaimed: Unclaimed,
}

/// An empty block that nobody owns.
struct Vacated {
    block: BlockId,
    /// No findable content had to go for it.
    unused: bool,
}

impl Window {
    pub(crate) fn new(
        index: u16,
        size: u32,
        sliding: bool,
        rules: Rules,
        (blocks, reserve): (TierBlocks, u32),
        policy: Box<dyn EvictionPolicy>,
    ) -> Self {
        let (tiers, made) = Tiers::new(blocks, reserve);
        Self {
            index,
            size,
            sliding,
            rules,
            tree: Tree::new(made),
            tiers,
            policy,
            now: Nanos::ZERO,
            fronts: BTreeSet::new(),
            broken: BTreeSet::new(),
            quarantined: BTreeSet::new(),
            unclaimed: Unclaimed::default(),
        }
    }

    pub(crate) fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Device blocks that can be had.
    pub(crate) fn room(&self) -> usize {
        self.tiers.empties(Tier::Device) + self.policy.len(Tier::Device)
    }

    /// Time in the workload; ends what has expired.
    pub(crate) fn advance(&mut self, now: Nanos, out: &mut Outbox) {
        self.now = self.now.max(now);
        let mut expired = Vec::new();
        self.policy.advance(self.now, &mut expired);
        for id in expired {
            let block = &mut self.tree[id];
            sometimes!(block.tier != Tier::Device, "a priority expires below the device");
            let old = std::mem::replace(&mut block.priority, PRIORITY_DEFAULT);
            let hash = block.findable().then_some(block.hash);
            out.event(Event::Expired { window: self.index, block: id, hash, old });
        }
    }

    /// An empty block of `tier`, or nothing where every block there is in use. Content is about to
    /// leave tier `leaving`, so there a reserve block may stand in for the one that becomes empty.
    fn vacate(&mut self, tier: Tier, leaving: Option<Tier>, out: &mut Outbox) -> Option<Vacated> {
        if let Some(block) = self.tiers.take(tier, leaving) {
            return Some(Vacated { block, unused: true });
        }
        sometimes!(leaving == Some(tier), "the reserve is exhausted");
        let victim = self.policy.victim(tier)?;
        let unused = !self.tree[victim].findable() && !self.tree[victim].unclaimed;
        // Not queued any more, whatever making room for it below detaches.
        self.tree[victim].queued = false;
        if let Some(next) = self.refuge(victim)
            && let Some(below) = self.vacate(next, leaving, out)
        {
            if self.tree[victim].findable() {
                sometimes!(tier == Tier::Host, "a victim is demoted from host to disk");
                self.exchange(victim, below.block, out);
                self.policy.relocate(victim, next);
                self.tree[victim].queued = true;
                return Some(Vacated { block: below.block, unused });
            }
            // The room below was an ancestor's, so there is nothing left to keep.
            sometimes!("a victim lost its parent while room was made for it");
            self.tiers.give(next, below.block);
        }
        sometimes!(!unused && !self.policy.keeps(victim), "a victim is not worth keeping");
        sometimes!(self.refuge(victim).is_some(), "a victim has no room below");
        self.policy.remove(victim);
        self.give_up(victim);
        if self.tree[victim].findable() {
            out.event(Event::Dropped { window: self.index, block: victim, tier });
            self.detach(victim, out);
        } else if self.disown(victim) {
            out.event(Event::Dropped { window: self.index, block: victim, tier });
        }
        Some(Vacated { block: victim, unused })
    }

    /// The tier below that a victim may go to, if it is worth it.
    fn refuge(&self, victim: BlockId) -> Option<Tier> {
        let block = &self.tree[victim];
        let next = self.tiers.below(block.tier)?;
        let allowed = next != Tier::Disk || block.spill.directory().is_some();
        (self.rules.offload && block.findable() && allowed && self.policy.keeps(victim))
            .then_some(next)
    }

    /// Moves the content of `block` to the place of `empty`, and lets them swap places.
    fn exchange(&mut self, block: BlockId, empty: BlockId, out: &mut Outbox) {
        let source = self.tree[block].place();
        let mut target = self.tree[empty].place();
        target.directory = self.tree[block].spill.directory().unwrap_or(0);
        let moved = &mut self.tree[block];
        moved.tier = target.tier;
        moved.slot = target.slot;
        moved.directory = target.directory;
        let findable = moved.findable();
        let (hash, spill) = (findable.then_some(moved.hash), moved.spill);
        let window = self.index;
        out.event(Event::Moved { window, block, hash, from: source.tier, to: target.tier });
        out.order(|| {
            Order::Move(Move {
                window,
                block,
                source,
                target,
                tokens: None,
                gds: spill.gds(),
                key: findable.then(|| moved.key.clone()),
                priority: moved.priority,
                duration: moved.duration,
            })
        });
        let emptied = &mut self.tree[empty];
        emptied.tier = source.tier;
        emptied.slot = source.slot;
    }

    /// Brings the content of a block that is not queued up to the device.
    fn raise(&mut self, block: BlockId, out: &mut Outbox) -> bool {
        let from = self.tree[block].tier;
        let Some(Vacated { block: empty, .. }) = self.vacate(Tier::Device, Some(from), out) else {
            return false;
        };
        self.exchange(block, empty, out);
        self.tiers.give_vacated(from, empty);
        true
    }

    /// Takes a block and all beneath it out of the tree. Queued descendants are empty from now on.
    fn detach(&mut self, block: BlockId, out: &mut Outbox) {
        if self.tree[block].child == BlockId::NONE {
            self.unhook(block, out);
            return;
        }
        sometimes!("a subtree is detached");
        for id in self.tree.subtree(block) {
            self.unhook(id, out);
            if id != block {
                self.empty_if_queued(id);
            }
        }
    }

    fn unhook(&mut self, block: BlockId, out: &mut Outbox) {
        let hash = self.tree[block].hash;
        self.tree.remove(block);
        out.event(Event::Removed { window: self.index, block, hash });
    }

    /// Takes a block from the policy. `false` if it was not there.
    fn unqueue(&mut self, id: BlockId) -> bool {
        let queued = std::mem::take(&mut self.tree[id].queued);
        if queued {
            self.policy.remove(id);
        }
        queued
    }

    /// A queued block holds nothing any more.
    fn empty_if_queued(&mut self, id: BlockId) {
        if self.unqueue(id) {
            sometimes!("a queued descendant is emptied");
            self.give_up(id);
            self.tiers.give(self.tree[id].tier, id);
        }
    }

    /// The content of a block is gone for whoever still counts on it.
    fn give_up(&mut self, block: BlockId) {
        if self.fronts.is_empty() {
            return;
        }
        let all = (block, RequestId(0))..=(block, RequestId(u64::MAX));
        sometimes!(
            self.fronts.range(all.clone()).count() > 0,
            "a front's block is given to another"
        );
        self.broken.extend(self.fronts.range(all).map(|&(_, request)| request));
    }

    /// A device block for new content. There must be room.
    fn allocate(&mut self, refs: u32, terms: Terms, out: &mut Outbox) -> (BlockId, bool) {
        let Vacated { block: id, unused } =
            self.vacate(Tier::Device, None, out).expect("room is checked before anything is taken");
        let window = self.index;
        out.event(Event::Allocated { window, block: id, unused });
        let block = &mut self.tree[id];
        let (priority, duration) = terms.worth;
        block.refs = refs;
        block.priority = priority.unwrap_or(PRIORITY_DEFAULT);
        block.duration = duration;
        block.spill = terms.spill;
        let place = block.place();
        out.order(|| Order::Fresh { window, place });
        (id, unused)
    }

    /// Takes a found block. A duration is always overwritten, a priority only by an explicit one.
    fn claim(&mut self, id: BlockId, refs: u32, terms: Terms, out: &mut Outbox) {
        self.unqueue(id);
        let block = &mut self.tree[id];
        let (priority, duration) = terms.worth;
        block.refs += refs;
        block.duration = duration;
        block.spill = terms.spill;
        if let Some(new) = priority
            && new != block.priority
        {
            sometimes!("a hit gets another priority");
            let old = std::mem::replace(&mut block.priority, new);
            let (window, hash) = (self.index, block.hash);
            out.event(Event::Repriced { window, block: id, hash, old, new });
        }
    }

    /// Gives up one reference.
    fn release(&mut self, id: BlockId, end: End) {
        let block = &mut self.tree[id];
        block.refs = block.refs.checked_sub(1).expect("a released block is referenced");
        if block.refs == 0 && !self.quarantined.contains(&id) {
            self.queue(id, end);
        }
    }

    fn queue(&mut self, id: BlockId, end: End) {
        let block = &mut self.tree[id];
        block.queued = true;
        let expires = if block.duration == Nanos::MAX {
            Nanos::MAX
        } else {
            self.now.saturating_add(block.duration)
        };
        let candidate =
            Candidate { block: id, tier: block.tier, priority: block.priority, expires };
        self.policy.insert(candidate, end);
    }

    /// Hangs the blocks of a sequence into the tree, each under the one before. Where an equal
    /// block hangs already, that one is followed and the sequence's own stays out.
    fn store(&mut self, chain: &[ChainKey], blocks: &[BlockId], out: &mut Outbox) {
        let mut parent = self.tree.root();
        for (link, &own) in chain.iter().zip(blocks) {
            // The common case without a search: it hangs here already.
            if self.tree[own].parent == parent {
                parent = own;
                continue;
            }
            if let Some(found) = self.tree.child(parent, link) {
                sometimes!("an equal block hangs already");
                parent = found;
                continue;
            }
            self.hang(own, parent, link, out);
            parent = own;
        }
    }

    /// Hangs a block under `parent` by a key that no other child there has: it can be found from now on.
    fn hang(&mut self, id: BlockId, parent: BlockId, link: &ChainKey, out: &mut Outbox) {
        self.tree.insert(id, parent, link);
        let above = (parent != self.tree.root()).then_some(parent);
        let block = &self.tree[id];
        out.event(Event::Stored {
            window: self.index,
            block: id,
            parent: above,
            parent_hash: above.map(|id| self.tree[id].hash),
            key: link.key.clone(),
            hash: link.hash,
            priority: block.priority,
            tier: block.tier,
        });
    }

    fn referenced(&self, id: BlockId) -> Result<&Block> {
        let known = (id.index() < self.tree.len()).then(|| &self.tree[id]);
        known.filter(|block| block.refs > 0).ok_or_else(|| {
            Error::new(
                ErrorKind::OutOfRange,
                format!("window {}: block {id} is not held by any request", self.index),
            )
        })
    }

    /// Sends a referenced block of the device to the next tier.
    pub(crate) fn offload(&mut self, id: BlockId, out: &mut Outbox) -> Result<()> {
        let block = self.referenced(id)?;
        let (tier, spill) = (block.tier, block.spill);
        if tier != Tier::Device {
            return Err(Error::new(ErrorKind::Config, format!("block {id} is not on the device")));
        }
        let below = self.tiers.below(tier).filter(|_| self.rules.offload);
        let next = below.filter(|&next| next != Tier::Disk || spill.directory().is_some());
        let vacated = next.and_then(|next| self.vacate(next, None, out));
        let Some(Vacated { block: empty, .. }) = vacated else {
            return Err(Error::new(
                ErrorKind::Exhausted,
                format!("window {}: no tier below has room for block {id}", self.index),
            ));
        };
        self.exchange(id, empty, out);
        self.tiers.give(Tier::Device, empty);
        Ok(())
    }

    /// Brings a referenced block back to the device.
    pub(crate) fn onboard(&mut self, id: BlockId, out: &mut Outbox) -> Result<()> {
        if self.referenced(id)?.tier == Tier::Device {
            return Err(Error::new(ErrorKind::Config, format!("block {id} is on the device")));
        }
        if self.raise(id, out) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Exhausted,
            format!("window {}: every device block is in use", self.index),
        ))
    }

    /// Applies failed transfers to blocks that no request waits for. What is findable in a
    /// `wrong` place is lost; an unreferenced block in an `unsafe_now` place stays out of use until
    /// its place is safe again.
    pub(crate) fn sweep(
        &mut self,
        wrong: impl Fn(Place) -> bool,
        unsafe_now: impl Fn(Place) -> bool,
        out: &mut Outbox,
    ) {
        for id in self.tree.ids() {
            let place = self.tree[id].place();
            let (lost, kept_out) = (wrong(place), unsafe_now(place));
            if (lost || kept_out) && self.tree[id].findable() {
                sometimes!("a findable block is lost at a drain");
                out.event(Event::Lost { window: self.index, block: id, hit: None });
                self.detach(id, out);
                self.empty_if_queued(id);
            }
            if kept_out {
                if self.tiers.withdraw(place.tier, id) {
                    sometimes!("a block stays out of use");
                    self.quarantined.insert(id);
                }
            } else if self.quarantined.remove(&id) && self.tree[id].refs == 0 {
                sometimes!("a block comes back into use");
                if self.tree[id].findable() {
                    self.queue(id, End::Back);
                } else {
                    self.tiers.give(place.tier, id);
                }
            }
        }
    }

    /// How the blocks of a tier are used.
    pub(crate) fn tier_use(&self, tier: Tier) -> TierUse {
        let here = || self.tree.ids().filter(|&id| self.tree[id].tier == tier);
        TierUse {
            capacity: here().count(),
            empty: self.tiers.empties(tier),
            queued: self.policy.len(tier),
            referenced: here().filter(|&id| self.tree[id].refs > 0).count(),
            reserved: self.tiers.reserved(tier),
            quarantined: here()
                .filter(|id| self.tree[*id].refs == 0 && self.quarantined.contains(id))
                .count(),
        }
    }

    /// Heap bytes of the window's metadata, without what token keys point to.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.tree.heap_bytes()
            + self.tiers.heap_bytes()
            + self.policy.heap_bytes()
            + self.unclaimed.heap_bytes()
    }
}
