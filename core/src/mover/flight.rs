//! Requests that the backend works on, and those given up that it may still be working on.

use super::job::Seq;
use super::{Spot, Way};
use crate::transfer::TransferId;
use crate::units::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// A request in flight. Every part belongs to a job.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) way: Way,
    pub(super) deadline: Nanos,
    pub(super) owners: Vec<Seq>,
}

/// All requests in flight.
#[derive(Debug, Default)]
pub(super) struct Flights {
    by_id: BTreeMap<TransferId, Flight>,
    deadlines: BTreeSet<(Nanos, TransferId)>,
}

impl Flights {
    pub(super) fn depart(&mut self, id: TransferId, flight: Flight) {
        self.deadlines.insert((flight.deadline, id));
        self.by_id.insert(id, flight);
    }

    /// Ends a flight; nothing if there is no such one.
    pub(super) fn land(&mut self, id: TransferId) -> Option<Flight> {
        let flight = self.by_id.remove(&id)?;
        self.deadlines.remove(&(flight.deadline, id));
        Some(flight)
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// A flight that is over time.
    pub(super) fn overdue(&self, now: Nanos) -> Option<TransferId> {
        let first = self.deadlines.first().filter(|(deadline, _)| *deadline <= now);
        first.map(|&(_, id)| id)
    }
}

/// Requests given up before they ended: what they touch is out of bounds until they do.
#[derive(Debug, Default)]
pub(super) struct Late {
    spots: BTreeMap<TransferId, Vec<Spot>>,
    all: BTreeSet<Spot>,
}

impl Late {
    pub(super) fn insert(&mut self, id: TransferId, spots: Vec<Spot>) {
        self.all.extend(&spots);
        self.spots.insert(id, spots);
    }

    /// Whether `id` is one of them; it has ended now.
    pub(super) fn end(&mut self, id: TransferId) -> bool {
        let ended = self.spots.remove(&id).is_some();
        if ended {
            self.all = self.spots.values().flatten().copied().collect();
        }
        ended
    }

    pub(super) fn touch(&self, spot: Spot) -> bool {
        self.all.contains(&spot)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }
}
