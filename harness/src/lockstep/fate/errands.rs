//! The moves of one window, and what waits for what.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{Fault, Nanos, RetryPolicy};

use crate::lockstep::law::{Broken, Law};
use crate::lockstep::model::{Move, Place};

use super::errand::{End, Errand};
use super::seen::Leg;

/// Moves that have not ended, by number, and those that failed.
#[derive(Debug)]
pub(super) struct Errands {
    pools: usize,
    open: BTreeMap<u64, Errand>,
    failed: BTreeSet<u64>,
}

impl Errands {
    pub(super) fn new(pools: usize) -> Self {
        Self { pools, open: BTreeMap::new(), failed: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = Move> {
        self.open.values().map(|errand| errand.moved)
    }

    pub(super) fn failed(&self, number: u64) -> bool {
        self.failed.contains(&number)
    }

    pub(super) fn touch(&self, place: Place) -> bool {
        let mut open = self.open.values().map(|errand| &errand.moved);
        open.any(|moved| moved.source == place || moved.target == place)
    }

    /// A move waits for the writes of its source, and for the writes and reads of its target.
    pub(super) fn order(&mut self, moved: Move) {
        let before = |earlier: &Move| {
            earlier.target == moved.source
                || earlier.target == moved.target
                || earlier.source == moved.target
        };
        let open = self.open.iter().filter(|(_, errand)| before(&errand.moved));
        let waits_for = open.map(|(number, _)| *number).collect();
        let doomed = moved.feeder.is_some_and(|feeder| self.failed(feeder));
        let errand = Errand::new(moved, waits_for, doomed, self.pools);
        self.open.insert(moved.number, errand);
    }

    /// The move that a part belongs to: the oldest that writes its target.
    fn owner(&mut self, leg: &Leg) -> Result<(u64, &mut Errand), Broken> {
        let mut open = self.open.iter_mut();
        match open.find(|(_, errand)| errand.moved.target == leg.target) {
            Some((number, errand)) if errand.moved.source == leg.source => Ok((*number, errand)),
            other => {
                let other = other.map(|(_, errand)| errand.moved);
                Err(Law::S11.broken(format!("{leg:?} is sent, which no move asks for: {other:?}")))
            }
        }
    }

    /// A part is offered to the backend and refused for now. Answers whose it is, and until when it
    /// may be refused.
    pub(super) fn offer(&mut self, leg: &Leg, deadline: Nanos) -> Result<(u64, Nanos), Broken> {
        let (number, errand) = self.owner(leg)?;
        Ok((number, errand.offer(deadline)))
    }

    /// A part is sent, perhaps from or to an unsafe slot. Answers whose it is.
    pub(super) fn board(
        &mut self,
        leg: &Leg,
        deadline: Nanos,
        is_unsafe: bool,
    ) -> Result<u64, Broken> {
        let (number, errand) = self.owner(leg)?;
        let waits_for = &errand.waits_for;
        Law::S3.holds(waits_for.is_empty(), || {
            format!("{leg:?} is sent before moves {waits_for:?} have ended")
        })?;
        Law::S1.holds(!errand.doomed, || format!("{leg:?} moves what was lost on its way"))?;
        Law::S3.holds(!is_unsafe || !errand.is_at_rest(), || {
            format!("{leg:?} is sent from or to a slot that a late transfer may still touch")
        })?;
        errand.offer(deadline);
        Law::C2.holds(errand.send(leg.pool, leg.bytes), || {
            format!("{leg:?} is sent twice, or after another part of the attempt failed")
        })?;
        Ok(number)
    }

    pub(super) fn end_part(
        &mut self,
        number: u64,
        fault: Option<Fault>,
        retry: &RetryPolicy,
    ) -> Option<End> {
        let errand = self.open.get_mut(&number).expect("a move with a part in flight is open");
        let end = errand.end_part(fault, retry);
        self.close(number, end)
    }

    /// The rest of an attempt is not sent any more.
    pub(super) fn abandon(&mut self, number: u64, retry: &RetryPolicy) -> Option<End> {
        let errand = self.open.get_mut(&number).expect("it was just offered");
        let end = errand.abandon(retry);
        self.close(number, end)
    }

    /// Ends moves that may start and whose content or slots are lost, and then those that waited for
    /// what these were to bring. Answers how many.
    pub(super) fn end_hopeless(&mut self, is_unsafe: impl Fn(Place) -> bool) -> u64 {
        let is_hopeless = |errand: &Errand| {
            let Move { source, target, .. } = errand.moved;
            errand.waits_for.is_empty()
                && errand.is_at_rest()
                && (errand.doomed || is_unsafe(source) || is_unsafe(target))
        };
        let mut count = 0;
        while let Some((&number, _)) = self.open.iter().find(|(_, errand)| is_hopeless(errand)) {
            self.finish(number, false);
            count += 1;
        }
        count
    }

    fn close(&mut self, number: u64, end: Option<End>) -> Option<End> {
        match end {
            Some(End::Done { .. }) => self.finish(number, true),
            Some(End::Failed(_)) => self.finish(number, false),
            Some(End::Again(_)) | None => {}
        }
        end
    }

    fn finish(&mut self, number: u64, done: bool) {
        self.open.remove(&number);
        if !done {
            self.failed.insert(number);
        }
        for errand in self.open.values_mut() {
            errand.waits_for.retain(|earlier| *earlier != number);
            errand.doomed |= !done && errand.moved.feeder == Some(number);
        }
    }
}
