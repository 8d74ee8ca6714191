//! Ends that are told before their time: what a missing wait comes to.

use std::collections::BTreeSet;

use tierproof_core::{Completion, Nanos, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene, Way};

/// Requests of some ways are told to have ended while they go on.
#[derive(Debug)]
pub(super) struct Early {
    ways: fn(Way) -> bool,
    /// Only once somebody waits for them, who then doesn't.
    elided: bool,
    under_way: BTreeSet<TransferId>,
    due: BTreeSet<TransferId>,
    told: BTreeSet<TransferId>,
}

impl Early {
    /// Nobody waits for requests of these ways.
    pub(super) fn of(ways: fn(Way) -> bool) -> Self {
        let (under_way, due, told) = Default::default();
        Self { ways, elided: false, under_way, due, told }
    }

    /// Whoever waits for anything goes on at once, as if it had ended.
    pub(super) fn elided() -> Self {
        Self { elided: true, ..Self::of(|_| true) }
    }
}

impl Deed for Early {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        if scene.way(request).is_some_and(self.ways) {
            if self.elided { &mut self.under_way } else { &mut self.due }.insert(id);
        }
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for completion in scene.ended()? {
            self.due.remove(&completion.id);
            self.under_way.remove(&completion.id);
            if !self.told.remove(&completion.id) {
                done.push(completion);
            }
        }
        let at = scene.now();
        for id in std::mem::take(&mut self.due) {
            self.told.insert(id);
            done.push(Completion { id, at, faults: Vec::new() });
        }
        Ok(())
    }

    fn park(&mut self, scene: &mut Scene<'_>, until: Nanos) -> Nanos {
        if until > Nanos::ZERO {
            self.due.append(&mut self.under_way);
        }
        scene.below.park(if self.due.is_empty() { until } else { Nanos::ZERO })
    }
}
