//! What becomes of every move, worked out from what was decided and what passes the backend, without
//! asking the engine. A second implementation of what `docs/blocks.md` and `docs/design.md` say of
//! moves, that sends nothing: it watches another send.
//!
//! * `seen`: what passes the backend, in the words of the model.
//! * `errand`: one move, from its decision to its end.
//! * `errands`: the moves of one window, and what waits for what.

mod errand;
mod errands;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{ErrorKind, Fault, Nanos, RetryPolicy, TransferId, TransferStats};

use crate::lockstep::law::{Broken, Check};
use crate::lockstep::model::{Failures, Move, Place};

use errand::End;
use errands::Errands;
pub(crate) use seen::{Leg, Seen};

/// The owner of a part: its window, and the number of its move.
type Owner = (usize, u64);

/// A request that the backend took.
#[derive(Debug)]
struct Flight {
    deadline: Nanos,
    owners: Vec<Owner>,
    slots: Vec<(usize, Place)>,
}

/// What becomes of every move.
#[derive(Debug)]
pub(crate) struct Fates {
    retry: RetryPolicy,
    windows: Vec<Errands>,
    flights: BTreeMap<TransferId, Flight>,
    /// The slots of requests that were given up and have not ended.
    late: BTreeMap<TransferId, Vec<(usize, Place)>>,
    now: Nanos,
    stats: TransferStats,
}

impl Fates {
    /// Of so many windows, whose blocks have so many parts.
    pub(crate) fn new(windows: usize, pools: usize, retry: RetryPolicy) -> Self {
        Self {
            retry,
            windows: (0..windows).map(|_| Errands::new(pools)).collect(),
            flights: BTreeMap::new(),
            late: BTreeMap::new(),
            now: Nanos::ZERO,
            stats: TransferStats::default(),
        }
    }

    /// What the engine has to have counted.
    pub(crate) fn stats(&self) -> &TransferStats {
        &self.stats
    }

    /// The backend's time when it was last asked.
    pub(crate) fn now(&self) -> Nanos {
        self.now
    }

    /// A move is to be carried out from now on.
    pub(crate) fn order(&mut self, moved: Move) {
        self.stats.moves += 1;
        self.windows[moved.window].order(moved);
    }

    /// Whether every move has ended.
    pub(crate) fn is_idle(&self) -> bool {
        self.windows.iter().all(Errands::is_empty)
    }

    /// Moves that have not ended.
    pub(crate) fn open(&self) -> Vec<Move> {
        self.windows.iter().flat_map(Errands::open).collect()
    }

    /// Requests that were given up and have not ended.
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }

    /// Whether a move still reads or writes a slot, or waits to.
    pub(crate) fn is_busy(&self, window: usize, place: Place) -> bool {
        self.windows[window].touch(place)
    }

    /// One thing passed the backend.
    pub(crate) fn see(&mut self, seen: &Seen) -> Check {
        match seen {
            Seen::Time(now) => self.now = *now,
            Seen::End { id, faults } => self.end(*id, faults),
            Seen::Polled => {
                self.give_up_overdue();
                self.end_hopeless();
            }
            Seen::Sent { id, deadline, legs } => {
                let owners = self.board(legs, *deadline)?;
                self.stats.requests += 1;
                let slots = legs.iter().flat_map(Leg::slots).collect();
                self.flights.insert(*id, Flight { deadline: *deadline, owners, slots });
            }
            Seen::Refused { kind: ErrorKind::Busy, deadline, legs } => {
                self.refused_for_now(legs, *deadline)?;
            }
            Seen::Refused { kind, deadline, legs } => {
                for owner in self.board(legs, *deadline)? {
                    self.end_part(owner, Some(Fault::new(*kind)));
                }
                self.end_hopeless();
            }
        }
        Ok(())
    }

    fn end(&mut self, id: TransferId, faults: &[(u32, Fault)]) {
        if self.late.remove(&id).is_some() {
            return;
        }
        let Some(flight) = self.flights.remove(&id) else {
            self.stats.strays += 1;
            return;
        };
        for (part, owner) in (0..).zip(flight.owners) {
            let fault = faults.iter().rev().find(|(failed, _)| *failed == part);
            self.end_part(owner, fault.map(|(_, fault)| *fault));
        }
    }

    /// What has not ended at its deadline is given up.
    fn give_up_overdue(&mut self) {
        let overdue = self.flights.iter().filter(|(_, flight)| flight.deadline <= self.now);
        let mut overdue: Vec<_> = overdue.map(|(id, flight)| (flight.deadline, *id)).collect();
        overdue.sort_unstable();
        for (_, id) in overdue {
            let flight = self.flights.remove(&id).expect("seen above");
            self.stats.timed_out += 1;
            self.late.insert(id, flight.slots);
            for owner in flight.owners {
                self.end_part(owner, Some(Fault::new(ErrorKind::TimedOut)));
            }
        }
    }

    /// Moves that may start and can't succeed fail at once.
    fn end_hopeless(&mut self) {
        let slots: BTreeSet<(usize, Place)> = self.late.values().flatten().copied().collect();
        for (window, errands) in self.windows.iter_mut().enumerate() {
            let is_unsafe = |place| slots.contains(&(window, place));
            self.stats.failed += errands.end_hopeless(is_unsafe);
        }
    }

    /// Finds the moves that parts are sent for.
    fn board(&mut self, legs: &[Leg], deadline: Nanos) -> Result<Vec<Owner>, Broken> {
        let mut owners = Vec::with_capacity(legs.len());
        for leg in legs {
            let [source, target] = leg.slots().map(|(window, place)| self.is_unsafe(window, place));
            let number = self.windows[leg.window].board(leg, deadline, source || target)?;
            owners.push((leg.window, number));
        }
        Ok(owners)
    }

    /// The backend has no room. Whose time is up in being refused is given up.
    fn refused_for_now(&mut self, legs: &[Leg], deadline: Nanos) -> Check {
        let mut first = None;
        for leg in legs {
            let (number, give_up_at) = self.windows[leg.window].offer(leg, deadline)?;
            first.get_or_insert((leg.window, number, give_up_at));
        }
        if let Some((window, number, give_up_at)) = first
            && self.now >= give_up_at
        {
            let end = self.windows[window].abandon(number, &self.retry);
            self.count(end);
            self.end_hopeless();
        }
        Ok(())
    }

    fn end_part(&mut self, (window, number): Owner, fault: Option<Fault>) {
        let end = self.windows[window].end_part(number, fault, &self.retry);
        self.count(end);
    }

    fn count(&mut self, end: Option<End>) {
        let corrupt = |fault: Fault| u64::from(fault.kind == ErrorKind::Corrupt);
        match end {
            None => {}
            Some(End::Done { bytes }) => {
                self.stats.done += 1;
                self.stats.bytes += bytes;
            }
            Some(End::Again(fault)) => {
                self.stats.retries += 1;
                self.stats.corrupt += corrupt(fault);
            }
            Some(End::Failed(fault)) => {
                self.stats.failed += 1;
                self.stats.corrupt += corrupt(fault);
            }
        }
    }
}

impl Failures for Fates {
    fn failed(&self, window: usize, number: u64) -> bool {
        self.windows[window].failed(number)
    }

    fn is_unsafe(&self, window: usize, place: Place) -> bool {
        self.late.values().flatten().any(|slot| *slot == (window, place))
    }
}
