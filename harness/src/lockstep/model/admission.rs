//! A request comes: what is found, whether there is room, and what is then done.

use super::block::{BlockId, DEVICE, Parent};
use super::counters::RequestStats;
use super::key::Key;
use super::request::{PRIORITY_DEFAULT, Request};
use super::window::{Held, Window};

/// What a request would get of one window.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// Context blocks.
    blocks: usize,
    matched: Vec<BlockId>,
    partial: Option<Partial>,
    /// Whether the beams share the last context block.
    last_shared: bool,
}

/// A block of which only the first tokens are wanted.
#[derive(Debug, Clone)]
struct Partial {
    source: BlockId,
    tokens: usize,
    in_place: bool,
}

impl Admission {
    /// Blocks that keep their content and change hands.
    fn taken(&self) -> Vec<BlockId> {
        let mut taken = self.matched.clone();
        taken.extend(self.partial.iter().filter(|it| it.in_place).map(|it| it.source));
        taken
    }

    fn source_to_copy(&self) -> Option<BlockId> {
        self.partial.as_ref().filter(|it| !it.in_place).map(|it| it.source)
    }
}

impl Window {
    // ---- Plan ----

    /// What the request would get, or nothing if there is no room. Changes nothing.
    pub(crate) fn admit(&self, request: &Request) -> Option<Admission> {
        let mut plan = self.look_up(request);
        if !self.has_room(request, &plan) && plan.source_to_copy().is_some() {
            plan.partial = None;
        }
        self.has_room(request, &plan).then_some(plan)
    }

    fn look_up(&self, request: &Request) -> Admission {
        let per_block = self.config.tokens_per_block;
        let len = request.prompt_len();
        let blocks = len.div_ceil(per_block);
        let last_shared = request.beams == 1
            || (!self.config.reuse && (request.cross_attention || len.is_multiple_of(per_block)));
        let mut plan = Admission { blocks, matched: Vec::new(), partial: None, last_shared };
        if !self.config.reuse {
            return plan;
        }
        let matchable = if request.beams == 1 { blocks } else { blocks - 1 };
        let mut cursor = Parent::Root;
        for key in request.wanted_keys().iter().take(matchable) {
            match self.child(cursor, key) {
                Some(child) if key.len(per_block) == per_block => {
                    plan.matched.push(child);
                    cursor = Parent::Block(child);
                }
                Some(child) => {
                    plan.partial = Some(self.partial(child, key.len(per_block)));
                    break;
                }
                None => {
                    plan.partial = self.best_partial(cursor, key);
                    break;
                }
            }
        }
        plan
    }

    /// The child that shares most leading tokens with the key.
    fn best_partial(&self, cursor: Parent, key: &Key) -> Option<Partial> {
        if !self.config.partial_reuse {
            return None;
        }
        let mut best: Option<Partial> = None;
        for child in self.children(cursor) {
            let (_, child_key) = self.blocks[child].hangs.as_ref().expect("a child hangs");
            let tokens = key.common_prefix(child_key, self.config.tokens_per_block);
            let partial = self.partial(child, tokens);
            let counts = tokens > 0 && (partial.in_place || self.config.copy_on_partial_reuse);
            if counts && best.as_ref().is_none_or(|best| tokens > best.tokens) {
                best = Some(partial);
            }
        }
        best
    }

    fn partial(&self, source: BlockId, tokens: usize) -> Partial {
        let alone =
            self.blocks[source].refs == 0 && self.children(Parent::Block(source)).is_empty();
        Partial { source, tokens, in_place: alone }
    }

    fn has_room(&self, request: &Request, plan: &Admission) -> bool {
        let taken = plan.taken();
        let mut fresh = plan.blocks - taken.len();
        if !plan.last_shared {
            fresh += request.beams - 1;
        }
        let elsewhere = taken.iter().filter(|id| self.blocks[**id].tier != DEVICE).count();
        let need = fresh + elsewhere;
        let spoken_for = |id: &&BlockId| taken.contains(id) || plan.source_to_copy() == Some(**id);
        let queued = self.queues[DEVICE].len();
        let have = self.empties[DEVICE].len() + queued
            - self.queues[DEVICE].iter().filter(spoken_for).count();
        need <= have
    }

    // ---- Commit ----

    /// Does what was planned.
    pub(crate) fn commit(&mut self, request: &Request, plan: &Admission) {
        let mut blocks: Vec<Vec<BlockId>> = Vec::new();
        let found = plan.matched.len() + usize::from(plan.partial.is_some());
        let (reused, missed) = (found as u64, (plan.blocks - found) as u64);
        let mut stats = RequestStats { reused, missed, ..RequestStats::default() };
        let mut hits = Vec::new();
        for (index, block) in plan.matched.iter().enumerate() {
            hits.push(self.blocks[*block].tier);
            self.hit(request, index, *block);
            blocks.push(vec![*block; request.beams]);
        }
        let source_queued = self.claim_partial(request, plan);
        for block in &plan.matched {
            if self.blocks[*block].tier != DEVICE {
                self.onboard(*block);
            }
        }
        if let Some(partial) = &plan.partial {
            let block = if partial.in_place {
                self.finish_in_place(partial.source)
            } else {
                self.copy_partial(request, partial, &mut stats)
            };
            blocks.push(vec![block; request.beams]);
        }
        for index in blocks.len()..plan.blocks {
            let shared = plan.last_shared || index + 1 < plan.blocks;
            blocks.push(self.fresh_context(request, index, shared, &mut stats));
        }
        if let Some(source) = plan.source_to_copy().filter(|_| source_queued) {
            self.queue_anew(source, false);
        }
        self.counters.lookups += plan.blocks as u64;
        self.counters.missed += (plan.blocks - plan.taken().len()) as u64;
        let partial_tokens = plan.partial.as_ref().map_or(0, |partial| partial.tokens);
        let held = Held { blocks, hits, partial_tokens, stats, ..Held::default() };
        self.held.insert(request.id, held);
    }

    /// Step 1: a matched block.
    fn hit(&mut self, request: &Request, index: usize, block: BlockId) {
        let tier = self.blocks[block].tier;
        self.refer(block, request.beams);
        self.log(&format!("hit {} {block} {tier}", self.number));
        self.counters.hits[tier] += 1;
        self.retain(request, index, block);
    }

    /// A found block gets what the request gives for its position.
    fn retain(&mut self, request: &Request, index: usize, block: BlockId) {
        self.blocks[block].duration_ms = request.duration_at(index);
        self.blocks[block].files = request.files;
        let old = self.blocks[block].priority;
        if let Some(new) = request.priority_at(index)
            && new != old
        {
            self.blocks[block].priority = new;
            self.log(&format!("price {} {block} {old} {new}", self.number));
        }
    }

    /// Step 2: nobody else may take the source any more. Tells whether it has to be queued again.
    fn claim_partial(&mut self, request: &Request, plan: &Admission) -> bool {
        let Some(Partial { source, tokens, in_place }) = plan.partial.clone() else {
            return false;
        };
        self.log(&format!("partial {} {source} {tokens}", self.number));
        self.counters.partial_tokens += tokens as u64;
        let queued = self.queued(source);
        if in_place {
            self.counters.partials_in_place += 1;
            self.refer(source, request.beams);
            self.retain(request, plan.matched.len(), source);
        } else {
            self.counters.partials_copied += 1;
            self.leave_queue(source);
        }
        queued && !in_place
    }

    /// Step 4, in place.
    fn finish_in_place(&mut self, source: BlockId) -> BlockId {
        self.detach(source);
        self.blocks[source].era += 1;
        if self.blocks[source].tier != DEVICE {
            self.onboard(source);
        }
        source
    }

    /// Step 4, copy.
    fn copy_partial(
        &mut self,
        request: &Request,
        partial: &Partial,
        stats: &mut RequestStats,
    ) -> BlockId {
        let Partial { source, tokens, .. } = *partial;
        let (priority, duration_ms) =
            (self.blocks[source].priority, self.blocks[source].duration_ms);
        let block = self.fresh(request.beams, priority, duration_ms, request.files, stats);
        self.log(&format!("copy {} {source} {block} {tokens}", self.number));
        self.decide_move(self.place(source), self.place(block));
        let copied = self.content(source)[..tokens].to_vec();
        self.content_mut(block)[..tokens].copy_from_slice(&copied);
        block
    }

    /// Step 5: the blocks of one index, by beam.
    fn fresh_context(
        &mut self,
        request: &Request,
        index: usize,
        shared: bool,
        stats: &mut RequestStats,
    ) -> Vec<BlockId> {
        let priority = request.priority_at(index).unwrap_or(PRIORITY_DEFAULT);
        let duration_ms = request.duration_at(index);
        let mut fresh = |refs| self.fresh(refs, priority, duration_ms, request.files, stats);
        if shared {
            vec![fresh(request.beams); request.beams]
        } else {
            (0..request.beams).map(|_| fresh(1)).collect()
        }
    }

    /// A block of the device with nothing in it and `refs` references.
    pub(crate) fn fresh(
        &mut self,
        refs: usize,
        priority: u8,
        duration_ms: Option<u64>,
        files: bool,
        stats: &mut RequestStats,
    ) -> BlockId {
        let unused = u64::from(self.has_unused());
        stats.allocated += 1;
        stats.allocated_unused += unused;
        self.counters.alloc_unused += unused;
        let block = self.vacate(DEVICE, None).expect("the caller has seen that there is room");
        self.log(&format!("alloc {} {block}", self.number));
        self.counters.alloc_total += 1;
        let place = self.place(block);
        self.brought.remove(&place);
        self.content_mut(block).fill(None);
        let fresh = &mut self.blocks[block];
        (fresh.refs, fresh.priority, fresh.duration_ms, fresh.files) =
            (refs, priority, duration_ms, files);
        block
    }
}
