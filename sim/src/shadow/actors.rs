//! Who there is, and what each of them comes after.
//!
//! A transfer takes a seat that nobody sits on and leaves it when its completion is polled. The next
//! one on that seat was submitted by a host that had seen the end of the one before, so it really
//! comes after it, and clocks stay as short as what is in flight.

use super::clock::{Clock, Seat};
use super::hazard::{Access, Actor};
use crate::streams::StreamId;
use std::collections::BTreeMap;
use tierproof_core::{Descriptor, TransferId};

const HOST: Seat = 0;

/// An event that somebody waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    /// How many events were recorded before it.
    pub(super) number: u64,
    pub(super) on: StreamId,
}

/// What is known of one seat.
#[derive(Debug, Clone, Default)]
pub(super) struct Sitter {
    pub(super) clock: Clock,
    /// How far of it the last event on it reaches.
    pub(super) recorded: u64,
    /// The last event that it waited for.
    pub(super) waited: Option<Waited>,
}

/// What a part of a transfer touches: where, how, and which part.
pub(super) type Range = (Descriptor, Access, u32);

/// A transfer in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) seat: Seat,
    pub(super) ranges: Vec<Range>,
}

#[derive(Debug)]
pub(super) struct Actors {
    sitters: Vec<Sitter>,
    streams: BTreeMap<StreamId, Seat>,
    flights: BTreeMap<TransferId, Flight>,
    /// Seats that transfers have left, with the room that their ranges had.
    left: Vec<(Seat, Vec<Range>)>,
}

impl Default for Actors {
    fn default() -> Self {
        let mut actors = Self {
            sitters: Vec::new(),
            streams: BTreeMap::new(),
            flights: BTreeMap::new(),
            left: Vec::new(),
        };
        actors.sit();
        actors
    }
}

impl Actors {
    /// The seat of an actor that is there; a stream is from when it is first named.
    pub(super) fn seat(&mut self, actor: Actor) -> Option<Seat> {
        match actor {
            Actor::Host => Some(HOST),
            Actor::Stream(id) => Some(self.stream(id)),
            Actor::Transfer(id) => self.flights.get(&id).map(|flight| flight.seat),
        }
    }

    pub(super) fn host(&self) -> Seat {
        HOST
    }

    pub(super) fn stream(&mut self, id: StreamId) -> Seat {
        if let Some(&seat) = self.streams.get(&id) {
            return seat;
        }
        let seat = self.sit();
        self.streams.insert(id, seat);
        seat
    }

    pub(super) fn of(&self, seat: Seat) -> &Sitter {
        &self.sitters[seat]
    }

    pub(super) fn of_mut(&mut self, seat: Seat) -> &mut Sitter {
        &mut self.sitters[seat]
    }

    /// What `later` does from now on comes after all that `earlier` did so far.
    pub(super) fn order(&mut self, earlier: Seat, later: Seat) {
        let Ok([earlier_sitter, later_sitter]) = self.sitters.get_disjoint_mut([earlier, later])
        else {
            return;
        };
        later_sitter.clock.join(&earlier_sitter.clock);
        earlier_sitter.clock.tick(earlier);
    }

    /// Seats a transfer that the host submits, and answers the room for its ranges.
    pub(super) fn board(&mut self) -> (Seat, Vec<Range>) {
        let (seat, mut ranges) = match self.left.pop() {
            Some(left) => left,
            None => (self.sit(), Vec::new()),
        };
        ranges.clear();
        self.order(HOST, seat);
        let sitter = &mut self.sitters[seat];
        sitter.clock.tick(seat);
        (sitter.recorded, sitter.waited) = (0, None);
        (seat, ranges)
    }

    /// A seated transfer is on its way.
    pub(super) fn depart(&mut self, id: TransferId, flight: Flight) {
        self.flights.insert(id, flight);
    }

    /// The host sees the end of a transfer; nothing if there is no such one.
    pub(super) fn land(&mut self, id: TransferId) {
        if let Some(Flight { seat, ranges }) = self.flights.remove(&id) {
            self.order(seat, HOST);
            self.left.push((seat, ranges));
        }
    }

    pub(super) fn flights(&self) -> impl Iterator<Item = (TransferId, &Flight)> {
        self.flights.iter().map(|(id, flight)| (*id, flight))
    }

    fn sit(&mut self) -> Seat {
        let seat = self.sitters.len();
        let mut sitter = Sitter::default();
        sitter.clock.tick(seat);
        self.sitters.push(sitter);
        seat
    }
}
