//! State against state: all that can be asked of an engine is what the model says.

use std::fmt::Debug;

use tierproof_core::{Backend, BlockState, Counters, RequestId, RequestStats, Tier, TierUse};

use crate::lockstep::model::{BlockView, SequenceView, TierView, WindowView};

use super::{Check, Driver};

impl<B: Backend> Driver<B> {
    /// Compares everything but bytes; the operation began at line `first` of the model's log.
    pub(super) fn compare(&mut self, first: usize) -> Check {
        let decided = self.events.read(self.engine.events())?;
        same("the decision log", decided, &self.model.log[first..])?;
        for (window, view) in self.model.views().iter().enumerate() {
            let blocks: Vec<BlockState> =
                self.engine.blocks(window).map_err(|error| error.to_string())?.collect();
            compare_blocks(window, &blocks, &view.blocks)?;
            self.events.compare(window, &blocks)?;
            self.compare_tiers(window, view)?;
            for (request, sequence) in &view.sequences {
                self.compare_sequence(window, *request, sequence)?;
            }
        }
        self.compare_counters()?;
        self.compare_transfers()
    }

    /// Law C1, and each list's length.
    fn compare_tiers(&self, window: usize, view: &WindowView) -> Check {
        for (tier, expected) in Tier::ALL.into_iter().zip(&view.tiers) {
            let found = self.engine.tier_use(window, tier).map_err(|error| error.to_string())?;
            let TierView { capacity, empties, queued, reserve, referenced, free } = *expected;
            let reserved = reserve;
            let all =
                TierUse { capacity, empty: empties, queued, referenced, reserved, quarantined: 0 };
            same(&format!("window {window} tier {tier:?}"), &found, &all)?;
            same("free blocks", &found.free(), &free)?;
            let sum = found.empty + found.queued + found.referenced + found.reserved;
            same("C1: blocks of a tier", &(sum + found.quarantined), &found.capacity)?;
        }
        Ok(())
    }

    fn compare_sequence(&self, window: usize, request: u64, expected: &SequenceView) -> Check {
        let id = RequestId(request);
        let answered = |error: tierproof_core::Error| format!("request {request}: {error}");
        for (beam, blocks) in expected.beams.iter().enumerate() {
            let held = self.engine.held(id, window, beam).map_err(answered)?;
            let held: Vec<usize> = held.iter().map(|block| block.0 as usize).collect();
            same(&format!("request {request} window {window} beam {beam}"), &held, blocks)?;
        }
        let more = self.engine.held(id, window, expected.beams.len());
        same("beams beyond the last", &more.is_ok(), &false)?;
        let found = [
            self.engine.front(id, window).map_err(answered)?,
            self.engine.tokens(id).map_err(answered)? as usize,
            self.engine.matched_tokens(id, window).map_err(answered)? as usize,
        ];
        let expected = [expected.front, expected.tokens, expected.matched_tokens];
        same(&format!("request {request}: front, tokens and matched"), &found, &expected)?;
        let stats = self.engine.request_stats(id).map_err(answered)?;
        let expected = self.model.request_stats(request).expect("the request is live");
        let number = |of: u64| u32::try_from(of).expect("plans are small");
        let expected = RequestStats {
            allocated: number(expected.allocated),
            allocated_unused: number(expected.allocated_unused),
            reused: number(expected.reused),
            missed: number(expected.missed),
        };
        same(&format!("what request {request} took"), &stats, &expected)
    }

    /// Law C5: what was looked up was found or missed, and counters are what the log adds up to.
    fn compare_counters(&self) -> Check {
        let model = self.model.counters();
        let expected = Counters {
            requests: model.requests,
            rejected: model.rejected,
            fallbacks: self.events.count("fallback"),
            hits: model.hits,
            partial_hits: model.partials_in_place + model.partials_copied,
            partial_tokens: model.partial_tokens,
            allocated: model.alloc_total,
            allocated_unused: model.alloc_unused,
            offloads: model.offloads,
            demotions: model.demotions,
            onboards: model.onboards,
            drops: model.drops,
            recovered: 0,
            grafted: 0,
            stored: self.events.count("store"),
            removed: self.events.count("remove"),
            expired: self.events.count("expire"),
            lost_hits: 0,
            lost_unused: 0,
        };
        same("counters", self.engine.counters(), &expected)
    }

    /// Laws C2 and C6, on the way: each move that was decided is asked for once, and what the engine
    /// submitted is what the backend took.
    fn compare_transfers(&self) -> Check {
        let stats = self.engine.transfer_stats();
        let decided: u64 =
            ["offload", "onboard", "copy"].into_iter().map(|verb| self.events.count(verb)).sum();
        same("C2: moves asked for", &stats.moves, &decided)?;
        let traffic = self.engine.backend().traffic();
        same("C2: requests submitted", &stats.requests, &traffic.submitted)?;
        same("C6: strays", &stats.strays, &0)?;
        let trouble = [stats.failed, stats.retries, stats.corrupt, stats.timed_out];
        same("failures, retries, corrupt and late transfers", &trouble, &[0; 4])?;
        self.engine.backend().broken()
    }

    /// The same once nothing is on its way.
    pub(super) fn compare_transfers_at_rest(&self) -> Check {
        let stats = self.engine.transfer_stats();
        let traffic = self.engine.backend().traffic();
        same("C2: moves done", &stats.done, &stats.moves)?;
        same("C2: bytes done", &stats.bytes, &traffic.bytes)?;
        same("C6: completions", &traffic.completed, &traffic.submitted)
    }
}

fn compare_blocks(window: usize, found: &[BlockState], expected: &[BlockView]) -> Check {
    same(&format!("window {window}: number of blocks"), &found.len(), &expected.len())?;
    for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
        let BlockView { tier, slot, refs, findable, priority } = expected;
        let what = format!("window {window} block {id}: tier, slot and references");
        let place = (found.place.tier as usize, found.place.slot as usize, found.refs as usize);
        same(&what, &place, &(*tier, *slot, *refs))?;
        same(&format!("window {window} block {id}: findable"), &found.findable, findable)?;
        if *refs > 0 || *findable {
            same(&format!("window {window} block {id}: priority"), &found.priority, priority)?;
        }
    }
    Ok(())
}

fn same<T: PartialEq + Debug + ?Sized>(what: &str, engine: &T, model: &T) -> Check {
    if engine == model {
        Ok(())
    } else {
        Err(format!("{what}: the engine has {engine:?}, the model {model:?}"))
    }
}
