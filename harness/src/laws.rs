//! What must hold between the numbers of a replay that has come to rest, whatever the workload was.
//!
//! The ids are those of the conservation laws in `docs/design.md`.

use crate::outcome::Outcome;
use tierproof_core::{Counters, Engine, Tier};

/// The invariants that do not hold, one line each. `recount` are the events counted once more, by
/// their reader; `copies` are the copies between blocks among them.
pub(crate) fn broken<B>(
    engine: &Engine<B>,
    outcome: &Outcome,
    recount: &Counters,
    copies: u64,
) -> Vec<String> {
    let mut broken = Vec::new();
    let mut law = |holds: bool, what: String| {
        if !holds {
            broken.push(what);
        }
    };
    for (window, size) in engine.window_sizes().enumerate() {
        for tier in Tier::ALL {
            let Ok(used) = engine.tier_use(window, tier) else { continue };
            let sum = used.empty + used.queued + used.referenced + used.reserved + used.quarantined;
            law(sum == used.capacity, format!("C1: window {size}, {tier:?}: {used:?}"));
            law(used.referenced == 0, format!("C4: window {size}, {tier:?}: {used:?} at rest"));
        }
    }
    let moved = engine.transfer_stats();
    law(moved.moves == moved.done + moved.failed, format!("C2: {moved:?}"));
    let asked = recount.offloads + recount.onboards + recount.demotions + copies;
    law(
        moved.moves == 0 || moved.moves == asked,
        format!("C2: {asked} moves decided and {} carried out", moved.moves),
    );
    law(recount == engine.counters(), format!("C5: {recount:?} are not {:?}", engine.counters()));
    law(
        outcome.blocks == outcome.hits + outcome.misses,
        format!("C5: {} blocks, {} hits, {} misses", outcome.blocks, outcome.hits, outcome.misses),
    );
    law(moved.strays == 0, format!("C6: {} completions of nothing in flight", moved.strays));
    broken
}
