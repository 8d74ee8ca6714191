//! State against state: all that can be asked of an engine is what the model says.

use tierproof_core::{Backend, BlockState, Counters, RequestId, RequestStats, Tier, TierUse};

use crate::lockstep::law::{Broken, Check, Law};
use crate::lockstep::model::{Held, TIERS, Window};

use super::{Driver, Trouble};

impl<B: Backend> Driver<B> {
    /// Compares everything but bytes.
    pub(super) fn compare(&mut self) -> Check {
        self.compare_log()?;
        for number in 0..self.model.windows.len() {
            let window = &self.model.windows[number];
            let blocks = self.engine.blocks(number).map_err(unanswered)?;
            compare_blocks(window, blocks)?;
            let blocks = self.engine.blocks(number).map_err(unanswered)?;
            self.events.compare(number, blocks)?;
            self.compare_tiers(window)?;
            for (request, held) in &window.held {
                self.compare_sequence(window, *request, held)?;
            }
        }
        self.compare_counters()?;
        self.compare_transfers()?;
        self.digest_state();
        Ok(())
    }

    /// Decisions, line by line.
    pub(super) fn compare_log(&mut self) -> Check {
        let found = self.events.read(self.engine.events())?;
        let expected = &self.model.log[self.compared..];
        for line in found {
            self.decisions.bytes(line.as_bytes());
        }
        if found != expected {
            let at = found.iter().zip(expected).take_while(|(found, here)| found == here).count();
            let lines = [found.get(at), expected.get(at)];
            let what = format!("the engine decides {found:?}, the model {expected:?}");
            return Err(law_of(lines).broken(what));
        }
        self.compared = self.model.log.len();
        Ok(())
    }

    /// Law C1, and each list's length.
    fn compare_tiers(&self, window: &Window) -> Check {
        for (tier, number) in Tier::ALL.into_iter().zip(TIERS) {
            let found = self.engine.tier_use(window.number, tier).map_err(unanswered)?;
            let here = || window.blocks.iter().filter(|block| block.tier == number);
            let expected = TierUse {
                capacity: here().count(),
                empty: window.empties[number].len(),
                queued: window.queues[number].len(),
                referenced: here().filter(|block| block.refs > 0).count(),
                reserved: window.reserve[number].len(),
                quarantined: window.quarantined(number).count(),
            };
            Law::C1.same(&found, &expected, || format!("window {} {tier:?}", window.number))?;
            let sum =
                found.empty + found.queued + found.referenced + found.reserved + found.quarantined;
            Law::C1.same(&sum, &found.capacity, || format!("window {} {tier:?}", window.number))?;
        }
        Ok(())
    }

    fn compare_sequence(&self, window: &Window, request: u64, held: &Held) -> Check {
        let (id, number) = (RequestId(request), window.number);
        let beams = self.model.requests[&request].beams;
        for beam in 0..beams {
            let found = self.engine.held(id, number, beam).map_err(unanswered)?;
            let expected = held.blocks.iter().map(|beams| beams[beam]);
            let alike = found.iter().map(|block| block.0 as usize).eq(expected.clone());
            Law::S2.holds(alike, || {
                let expected: Vec<usize> = expected.collect();
                format!(
                    "request {request} window {number} beam {beam}: the engine has {found:?}, the \
                     model {expected:?}"
                )
            })?;
        }
        let more = self.engine.held(id, number, beams).is_ok();
        Law::S2.holds(!more, || format!("request {request} has more than {beams} beams"))?;
        let found = [
            self.engine.front(id, number).map_err(unanswered)?,
            self.engine.tokens(id).map_err(unanswered)? as usize,
            self.engine.matched_tokens(id, number).map_err(unanswered)? as usize,
        ];
        let matched = held.matched_tokens(self.model.config.tokens_per_block);
        let expected = [held.front, self.model.tokens(request), matched];
        Law::S2.same(&found, &expected, || {
            format!("request {request} window {number}: front, tokens and matched")
        })?;
        let stats = self.engine.request_stats(id).map_err(unanswered)?;
        let expected = self.model.request_stats(request).expect("the request is live");
        let number = |of: u64| u32::try_from(of).expect("plans are small");
        let expected = RequestStats {
            allocated: number(expected.allocated),
            allocated_unused: number(expected.allocated_unused),
            reused: number(expected.reused),
            missed: number(expected.missed),
        };
        Law::C5.same(&stats, &expected, || format!("what request {request} took"))
    }

    /// Law C5: what was looked up was found or missed, and counters are what the log adds up to.
    fn compare_counters(&self) -> Check {
        let (model, tally) = (self.model.counters(), self.events.tally());
        let expected = Counters {
            requests: model.requests,
            rejected: model.rejected,
            fallbacks: tally.fallbacks,
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
            stored: tally.stored,
            removed: tally.removed,
            expired: tally.expired,
            lost_hits: model.lost_hits,
            lost_unused: model.lost_unused,
        };
        Law::C5.same(self.engine.counters(), &expected, || "counters".to_owned())
    }

    /// Laws C2 and C6, on the way: each move that was decided is asked for once, and what became of
    /// it is what the backend said.
    fn compare_transfers(&self) -> Check {
        self.engine.backend().broken()?;
        let (stats, seen) = (self.engine.transfer_stats(), self.fates.stats());
        Law::C6.same(&stats.strays, &seen.strays, || "strays".to_owned())?;
        Law::C2.same(stats, seen, || "transfers".to_owned())?;
        if self.setup.trouble == Trouble::Expected {
            return Ok(());
        }
        Law::C6.same(&stats.strays, &0, || "strays".to_owned())?;
        let trouble = [stats.failed, stats.retries, stats.corrupt, stats.timed_out];
        Law::S5
            .same(&trouble, &[0; 4], || "failures, retries, corrupt and late transfers".to_owned())
    }

    /// The same once nothing is on its way, and law L5.
    pub(super) fn compare_at_rest(&self) -> Check {
        let late = self.fates.late();
        Law::L5.holds(late == 0, || format!("{late} transfers that were given up never ended"))?;
        let stats = self.engine.transfer_stats();
        Law::C2.same(&(stats.done + stats.failed), &stats.moves, || "moves ended".to_owned())?;
        let traffic = self.engine.backend().traffic();
        Law::C6.same(&traffic.completed, &traffic.submitted, || "requests ended".to_owned())?;
        for window in &self.model.windows {
            let out: Vec<usize> =
                TIERS.into_iter().flat_map(|tier| window.quarantined(tier)).collect();
            Law::L5.holds(out.is_empty(), || {
                format!("window {}: blocks {out:?} are still out of use", window.number)
            })?;
        }
        Ok(())
    }

    fn digest_state(&mut self) {
        for window in &self.model.windows {
            for block in &window.blocks {
                let place = (block.tier as u64) << 32 | block.slot as u64;
                let state = (block.refs as u64) << 1 | u64::from(block.findable());
                self.decisions.word(place);
                self.decisions.word(state);
            }
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where errors are mapped"
)]
fn unanswered(error: tierproof_core::Error) -> Broken {
    Law::S2.broken(format!("the engine does not know what the model knows: {error}"))
}

/// The law that a decision breaks which one of two made and the other did not.
fn law_of(lines: [Option<&String>; 2]) -> Law {
    let verb = |verbs: &[&str]| {
        let lines = lines.into_iter().flatten();
        lines.filter_map(|line| line.split(' ').next()).any(|verb| verbs.contains(&verb))
    };
    if verb(&["lost"]) {
        Law::S5
    } else if verb(&["hit", "partial", "copy", "store"]) {
        Law::S2
    } else {
        Law::S7
    }
}

fn compare_blocks(window: &Window, found: impl Iterator<Item = BlockState>) -> Check {
    let mut count = 0;
    for (id, found) in found.enumerate() {
        count += 1;
        let Some(expected) = window.blocks.get(id) else { continue };
        let what = |part: &str| format!("window {} block {id}: {part}", window.number);
        let place = (found.place.tier as usize, found.place.slot as usize);
        Law::S7.same(&place, &(expected.tier, expected.slot), || what("tier and slot"))?;
        Law::C4.same(&(found.refs as usize), &expected.refs, || what("references"))?;
        Law::S2.same(&found.findable, &expected.findable(), || what("findable"))?;
        if expected.refs > 0 || expected.findable() {
            Law::S7.same(&found.priority, &expected.priority, || what("priority"))?;
        }
    }
    Law::C1.same(&count, &window.blocks.len(), || format!("blocks of window {}", window.number))
}
