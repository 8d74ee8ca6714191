//! Admission: which of a request's blocks are here already, whether the rest has room, and taking
//! both. Planning reads, committing writes and can't fail.

use super::{Held, Terms, Window};
use crate::block::{Block, BlockId, Spill, Tier};
use crate::event::Event;
use crate::eviction::End;
use crate::key::ChainKey;
use crate::order::{Move, Order, Outbox};
use crate::retention::Retention;

/// What a request needs of every window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    /// Keys of the leading blocks that could be found.
    pub(crate) chain: &'a [ChainKey],
    /// Blocks of the prompt.
    pub(crate) blocks: usize,
    pub(crate) beams: u32,
    /// All beams share the last block.
    pub(crate) last_shared: bool,
    pub(crate) retention: &'a Retention,
    pub(crate) spill: Spill,
}

impl Demand<'_> {
    /// Leading blocks that could be found: with more beams the last one never is.
    pub(super) fn matchable(&self) -> usize {
        if self.beams == 1 { self.blocks } else { self.blocks - 1 }
    }

    fn terms(&self, index: usize, tokens_per_block: u32) -> Terms {
        let token = index as u32 * tokens_per_block;
        Terms { worth: self.retention.worth_at(token), spill: self.spill }
    }
}

/// A block whose first tokens are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partial {
    source: BlockId,
    tokens: u32,
    /// Others may still want the rest, so the tokens are copied; else the block is taken.
    copy: bool,
}

/// What admitting a request to one window would do. Reused, so that planning allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    matched: Vec<BlockId>,
    partial: Option<Partial>,
}

impl Plan {
    /// Leading blocks that are here already, whole or in part, on the tier where they are.
    fn taken(&self) -> impl Iterator<Item = BlockId> {
        let in_place = self.partial.filter(|partial| !partial.copy);
        self.matched.iter().copied().chain(in_place.map(|partial| partial.source))
    }
}

impl Window {
    /// Plans an admission. `false` if there is no room; nothing has changed either way.
    pub(crate) fn plan(&self, demand: &Demand<'_>, plan: &mut Plan) -> bool {
        plan.matched.clear();
        plan.partial = None;
        if self.rules.reuse {
            self.find(demand, plan);
        }
        if self.fits(demand, plan) {
            return true;
        }
        // A source to copy from has to stay: without it there may be room for all.
        let copied = plan.partial.take_if(|partial| partial.copy);
        let fits = copied.is_some() && self.fits(demand, plan);
        sometimes!(fits, "a plan gives up its copy source to fit");
        fits
    }

    fn find(&self, demand: &Demand<'_>, plan: &mut Plan) {
        let mut parent = self.tree.root();
        for link in demand.chain.iter().take(demand.matchable()) {
            let whole = self.tree.child(parent, link);
            let tokens = link.key.tokens(self.rules.tokens_per_block);
            match whole {
                Some(id) if tokens == self.rules.tokens_per_block => {
                    plan.matched.push(id);
                    parent = id;
                }
                Some(id) => {
                    sometimes!("a short block is found whole");
                    plan.partial = Some(self.partial(id, tokens));
                    return;
                }
                None => {
                    plan.partial = self.closest(parent, link);
                    return;
                }
            }
        }
    }

    fn closest(&self, parent: BlockId, link: &ChainKey) -> Option<Partial> {
        if !self.rules.partial_reuse {
            return None;
        }
        let accept = |block: &Block| self.rules.copy_on_partial_reuse || is_free_leaf(block);
        let (id, tokens) = self.tree.closest_child(parent, &link.key, accept)?;
        Some(self.partial(id, tokens))
    }

    fn partial(&self, source: BlockId, tokens: u32) -> Partial {
        Partial { source, tokens, copy: !is_free_leaf(&self.tree[source]) }
    }

    fn fits(&self, demand: &Demand<'_>, plan: &Plan) -> bool {
        let taken = plan.taken().count();
        let unshared = if demand.last_shared { 0 } else { demand.beams as usize - 1 };
        let mut need = demand.blocks - taken + unshared;
        let mut have = self.room();
        for id in plan.taken() {
            let block = &self.tree[id];
            need += usize::from(block.tier != Tier::Device);
            have -= usize::from(block.queued && block.tier == Tier::Device);
        }
        if let Some(Partial { source, copy: true, .. }) = plan.partial {
            let block = &self.tree[source];
            have -= usize::from(block.queued && block.tier == Tier::Device);
        }
        need <= have
    }

    /// Takes what was planned. Sources are claimed before anything makes room for anything.
    pub(crate) fn admit(&mut self, demand: &Demand<'_>, plan: &Plan, out: &mut Outbox) -> Held {
        let mut held = Held {
            first: Vec::with_capacity(demand.blocks + 1),
            others: vec![Vec::new(); demand.beams as usize - 1],
            hits: Vec::with_capacity(plan.matched.len()),
            ..Held::default()
        };
        let tokens_per_block = self.rules.tokens_per_block;
        for (index, &block) in plan.matched.iter().enumerate() {
            let tier = self.tree[block].tier;
            sometimes!(tier == Tier::Disk, "a hit is on disk");
            out.event(Event::Hit { window: self.index, block, tier });
            self.claim(block, demand.beams, demand.terms(index, tokens_per_block), out);
            held.hits.push(tier);
            held.push_shared(block);
        }
        let index = plan.matched.len();
        let pinned = plan.partial.map(|partial| self.claim_partial(demand, partial, index, out));
        for &block in &plan.matched {
            if self.tree[block].tier != Tier::Device {
                self.raise(block, out);
            }
        }
        if let Some(partial) = plan.partial {
            self.take_partial(demand, partial, &mut held, out);
        }
        self.take_fresh(demand, &mut held, out);
        held.stats.reused = (held.hits.len() + usize::from(plan.partial.is_some())) as u32;
        held.stats.missed = demand.blocks as u32 - held.stats.reused;
        if let (Some(true), Some(partial)) = (pinned, plan.partial) {
            self.queue(partial.source, End::Back);
        }
        held
    }

    /// Claims the source of a partial match. `true` if it was queued and is only to be read.
    fn claim_partial(
        &mut self,
        demand: &Demand<'_>,
        partial: Partial,
        index: usize,
        out: &mut Outbox,
    ) -> bool {
        let Partial { source, tokens, copy } = partial;
        out.event(Event::PartialHit { window: self.index, block: source, tokens });
        if copy {
            return self.unqueue(source);
        }
        self.claim(source, demand.beams, demand.terms(index, self.rules.tokens_per_block), out);
        false
    }

    fn take_partial(
        &mut self,
        demand: &Demand<'_>,
        partial: Partial,
        held: &mut Held,
        out: &mut Outbox,
    ) {
        let Partial { source, tokens, copy } = partial;
        held.partial_tokens = tokens;
        sometimes!(
            copy && self.tree[source].tier != Tier::Device,
            "a partial copy comes from a lower tier"
        );
        if !copy {
            sometimes!("a partial match is taken in place");
            self.detach(source, out);
            // The rest of it will be written over.
            self.give_up(source);
            if self.tree[source].tier != Tier::Device {
                self.raise(source, out);
            }
            held.push_shared(source);
            return;
        }
        sometimes!("a partial match is copied from a block that is to stay");
        let worth = (Some(self.tree[source].priority), self.tree[source].duration);
        let terms = Terms { worth, spill: demand.spill };
        let (target, unused) = self.allocate(demand.beams, terms, out);
        held.stats.allocated += 1;
        held.stats.allocated_unused += u32::from(unused);
        held.push_shared(target);
        let window = self.index;
        out.event(Event::Copied { window, source, target, tokens });
        out.order(|| {
            Order::Move(Move {
                window,
                block: target,
                source: self.tree[source].place(),
                target: self.tree[target].place(),
                tokens: Some(tokens),
                gds: demand.spill.gds(),
                key: None,
                priority: self.tree[target].priority,
                duration: self.tree[target].duration,
            })
        });
    }

    fn take_fresh(&mut self, demand: &Demand<'_>, held: &mut Held, out: &mut Outbox) {
        for index in held.first.len()..demand.blocks {
            let terms = demand.terms(index, self.rules.tokens_per_block);
            let mut take = |refs| {
                let (id, unused) = self.allocate(refs, terms, out);
                held.stats.allocated += 1;
                held.stats.allocated_unused += u32::from(unused);
                id
            };
            if demand.last_shared || index + 1 < demand.blocks {
                let id = take(demand.beams);
                held.push_shared(id);
            } else {
                held.first.push(take(1));
                held.others.iter_mut().for_each(|beam| beam.push(take(1)));
            }
        }
    }
}

fn is_free_leaf(block: &Block) -> bool {
    block.refs == 0 && block.child == BlockId::NONE
}
