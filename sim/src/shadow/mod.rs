//! The stream shadow: who touched which bytes, and whether anything orders them (law S3).
//!
//! A race that the bytes survive is still a race. So nothing here looks at bytes: [`Shadow`] is told
//! who does what in the order in which it is asked for, and keeps a vector clock for each actor and
//! the last write and the reads since of every byte range. Two accesses, one of them a write, that
//! no chain of submits, polls, events and waits connects are a [`Hazard`].
//!
//! * `clock`: what of everybody else an actor comes after.
//! * `hazard`: [`Hazard`] and the words it is made of.
//! * `actors`: who there is.
//! * `spans`: who touched which bytes of a region last.
//! * `shadowed`: [`Shadowed`], a wrapper for any backend.
//! * `compute`: the same for the simulator's compute streams.

mod actors;
mod clock;
mod compute;
mod hazard;
mod shadowed;
mod spans;

use crate::streams::{StreamId, overlap};
use actors::{Actors, Waited};
use clock::{Clock, Seat};
use spans::{Spans, Touch};
use std::collections::BTreeMap;
use tierproof_core::{Descriptor, MediumKind, RegionId, TransferId};

pub use compute::Mark;
pub use hazard::{Access, Actor, FaultId, Hazard, HazardKind, Missing, Party, What};
pub use shadowed::Shadowed;

/// Hazards kept at most; later ones are only counted.
const KEPT: usize = 64;

/// Something on a stream that others may wait for: all that the stream was given before it.
#[derive(Debug, Clone)]
pub struct Event {
    clock: Clock,
    waited: Waited,
}

#[derive(Debug)]
struct Region {
    kind: MediumKind,
    spans: Spans,
}

/// Finds accesses of the same bytes that nothing orders.
///
/// The host's calls come in the order in which it makes them. A stream does what it is given in
/// order, and after what the host did before it gave it. A transfer comes after what the host did
/// before its submit, and before what the host does after its completion was polled.
///
/// ```
/// use tierproof_core::{Descriptor, MediumKind, RegionId, TransferId};
/// use tierproof_sim::StreamId;
/// use tierproof_sim::shadow::{Access, Actor, FaultId, Shadow, What};
///
/// let (block, slot) = (RegionId(0), RegionId(1));
/// let at = |region| Descriptor { region, offset: 0, len: 64 };
/// let mut shadow = Shadow::default();
/// shadow.region(block, MediumKind::Device);
/// shadow.region(slot, MediumKind::Host);
///
/// // A load into the block is submitted, and a kernel that reads the block is launched.
/// let load = TransferId(0);
/// shadow.submit(load, [(at(slot), Access::Read, 0), (at(block), Access::Write, 0)]);
/// let stream = StreamId(0);
/// shadow.enqueue(stream);
/// shadow.access(Actor::Stream(stream), at(block), Access::Read, What::Named("attention"));
///
/// let hazard = &shadow.hazards()[0];
/// assert_eq!(hazard.fault, FaultId::G03);
/// assert_eq!(hazard.first.actor, Actor::Transfer(load));
/// assert_eq!(hazard.second.actor, Actor::Stream(stream));
/// ```
#[derive(Debug, Default)]
pub struct Shadow {
    actors: Actors,
    regions: BTreeMap<RegionId, Region>,
    /// What transfers of a range have to come after.
    notes: Vec<(Descriptor, Event)>,
    events: u64,
    hazards: Vec<Hazard>,
    found: u64,
}

impl Shadow {
    /// A region is there, on such a medium. What touches a region that is not does not count.
    pub fn region(&mut self, region: RegionId, kind: MediumKind) {
        self.regions.insert(region, Region { kind, spans: Spans::default() });
    }

    /// A region is given back, which nobody may be using: that counts as a write of all of it.
    pub fn release(&mut self, region: RegionId) {
        let all = Descriptor { region, offset: 0, len: u64::MAX };
        self.access(Actor::Host, all, Access::Write, What::Named("release"));
        self.regions.remove(&region);
    }

    /// What `stream` is given from now on comes after all that the host did so far.
    pub fn enqueue(&mut self, stream: StreamId) {
        let (host, seat) = (self.actors.host(), self.actors.stream(stream));
        self.actors.order(host, seat);
    }

    /// `actor` touches bytes: the host at once, a stream when it comes to it. Nothing for a transfer
    /// that is not in flight. A range that reaches beyond 64 bits ends there.
    pub fn access(&mut self, actor: Actor, at: Descriptor, access: Access, what: What) {
        if let Some(seat) = self.actors.seat(actor) {
            self.touch(seat, at, Party { actor, access, what });
        }
    }

    /// The host submits a transfer, whose parts touch these ranges in any order.
    pub fn submit(
        &mut self,
        id: TransferId,
        parts: impl IntoIterator<Item = (Descriptor, Access, u32)>,
    ) {
        let (seat, mut ranges) = self.actors.board();
        ranges.extend(parts);
        for (noted, event) in &self.notes {
            if ranges.iter().any(|(at, ..)| overlap(*at, *noted)) {
                let sitter = self.actors.of_mut(seat);
                sitter.clock.join(&event.clock);
                sitter.waited = Some(event.waited);
            }
        }
        let actor = Actor::Transfer(id);
        for &(at, access, part) in &ranges {
            self.touch(seat, at, Party { actor, access, what: What::Part(part) });
        }
        self.actors.depart(id, actors::Flight { seat, ranges });
    }

    /// The host asked for a transfer of these ranges and was refused. That has no effect, but what asks
    /// for ranges of a transfer in flight has not waited for it.
    pub fn refused(&mut self, parts: impl IntoIterator<Item = (Descriptor, Access, u32)>) {
        for (at, access, _) in parts {
            let second = Party { actor: Actor::Host, access, what: What::Named("refused submit") };
            let mut clashes = Vec::new();
            for (id, flight) in self.actors.flights() {
                for &(other, before, part) in &flight.ranges {
                    let kind = HazardKind::of(before, access).filter(|_| overlap(at, other));
                    let first = Party {
                        actor: Actor::Transfer(id),
                        access: before,
                        what: What::Part(part),
                    };
                    clashes.extend(kind.map(|kind| (kind, first)));
                }
            }
            let medium = self.regions.get(&at.region).map_or(MediumKind::Device, |of| of.kind);
            for (kind, first) in clashes {
                let fault = fault(kind, Missing::Poll, [&first, &second], medium);
                self.find(Hazard { kind, fault, first, second, missing: Missing::Poll, range: at });
            }
        }
    }

    /// The host polls the completion of a transfer; nothing for one that is not in flight.
    pub fn complete(&mut self, id: TransferId) {
        self.actors.land(id);
    }

    /// An event behind all that `stream` was given so far.
    pub fn record(&mut self, stream: StreamId) -> Event {
        let seat = self.actors.stream(stream);
        let sitter = self.actors.of_mut(seat);
        let clock = sitter.clock.clone();
        sitter.recorded = clock.of(seat);
        sitter.clock.tick(seat);
        let waited = Waited { number: self.events, on: stream };
        self.events += 1;
        Event { clock, waited }
    }

    /// What `stream` is given from now on comes after `event`.
    pub fn wait(&mut self, stream: StreamId, event: &Event) {
        let seat = self.actors.stream(stream);
        self.join(seat, event);
    }

    /// What the host does from now on comes after `event`.
    pub fn host_waits(&mut self, event: &Event) {
        self.join(self.actors.host(), event);
    }

    /// What the host does from now on comes after all that `stream` was given so far.
    pub fn synchronize(&mut self, stream: StreamId) {
        let event = self.record(stream);
        self.host_waits(&event);
    }

    /// Transfers of `range` that are submitted from now on, and the host's fills and peeks of it, come
    /// after all that `stream` was given so far.
    pub fn transfers_after(&mut self, range: Descriptor, stream: StreamId) {
        let event = self.record(stream);
        let host = &self.actors.of(self.actors.host()).clock;
        self.notes.retain(|(_, noted)| !host.covers(&noted.clock));
        self.notes.push((range, event));
    }

    /// What `stream` is given from now on comes after the transfers of `range` that are in flight.
    pub fn stream_after(&mut self, range: Descriptor, stream: StreamId) {
        let seat = self.actors.stream(stream);
        let touching =
            |flight: &&actors::Flight| flight.ranges.iter().any(|(at, ..)| overlap(*at, range));
        let flights = self.actors.flights().map(|(_, flight)| flight);
        let seats: Vec<Seat> = flights.filter(touching).map(|flight| flight.seat).collect();
        for transfer in seats {
            self.actors.order(transfer, seat);
        }
    }

    /// The host fills or peeks a range, which waits for those that [`Self::transfers_after`] told of.
    pub fn host_access(&mut self, at: Descriptor, access: Access, what: What) {
        for index in 0..self.notes.len() {
            if overlap(self.notes[index].0, at) {
                let event = self.notes[index].1.clone();
                self.host_waits(&event);
            }
        }
        self.access(Actor::Host, at, access, what);
    }

    /// All that was in flight has vanished, as by a power cut: nobody has to wait for it any more.
    pub fn forget(&mut self) {
        self.actors = Actors::default();
        self.notes.clear();
        for region in self.regions.values_mut() {
            region.spans = Spans::default();
        }
    }

    /// The first hazards, in the order in which they were found. A correct caller leaves this empty.
    #[must_use]
    pub fn hazards(&self) -> &[Hazard] {
        &self.hazards
    }

    /// How many there were, also of those that were not kept.
    #[must_use]
    pub fn hazards_found(&self) -> u64 {
        self.found
    }

    fn find(&mut self, hazard: Hazard) {
        self.found += 1;
        if self.hazards.len() < KEPT {
            self.hazards.push(hazard);
        }
    }

    fn join(&mut self, seat: Seat, event: &Event) {
        let sitter = self.actors.of_mut(seat);
        sitter.clock.join(&event.clock);
        sitter.waited = Some(event.waited);
    }

    fn touch(&mut self, seat: Seat, at: Descriptor, party: Party) {
        let Some(region) = self.regions.get_mut(&at.region) else { return };
        let sitter = self.actors.of(seat);
        let epoch = sitter.clock.of(seat);
        let touch = Touch { seat, epoch, events: self.events, party };
        let own_parts = matches!(party.actor, Actor::Transfer(_));
        let before = |earlier: &Touch| {
            let seen = sitter.clock.of(earlier.seat);
            if own_parts && earlier.seat == seat {
                earlier.epoch < seen
            } else {
                earlier.epoch <= seen
            }
        };
        let (hazards, found, actors) = (&mut self.hazards, &mut self.found, &self.actors);
        let range = at.offset..at.offset.saturating_add(at.len);
        region.spans.touch(&range, touch, before, |range, earlier| {
            let Some(kind) = HazardKind::of(earlier.party.access, party.access) else { return };
            *found += 1;
            if hazards.len() < KEPT {
                let missing = missing(actors, earlier, &touch);
                let fault = fault(kind, missing, [&earlier.party, &party], region.kind);
                let range = Descriptor { offset: range.start, len: range.end - range.start, ..at };
                hazards.push(Hazard {
                    kind,
                    fault,
                    first: earlier.party,
                    second: party,
                    missing,
                    range,
                });
            }
        });
    }
}

/// Why `second` does not come after `first`.
fn missing(actors: &Actors, first: &Touch, second: &Touch) -> Missing {
    if first.seat == second.seat {
        return Missing::Parts;
    }
    let Actor::Stream(on) = first.party.actor else { return Missing::Poll };
    match actors.of(second.seat).waited {
        Some(waited) if waited.number >= first.events && waited.on != on => {
            Missing::EventElsewhere(waited.on)
        }
        _ if actors.of(first.seat).recorded >= first.epoch => Missing::WaitForEvent,
        _ => Missing::Wait,
    }
}

fn fault(
    kind: HazardKind,
    missing: Missing,
    [first, second]: [&Party; 2],
    medium: MediumKind,
) -> FaultId {
    let staging = medium == MediumKind::Host && first.actor != Actor::Host;
    match (missing, kind) {
        (Missing::WaitForEvent | Missing::EventElsewhere(_), _) => FaultId::G06,
        (_, HazardKind::Raw) => FaultId::G03,
        (_, HazardKind::War) if staging && second.actor == Actor::Host => FaultId::G07,
        (_, HazardKind::War) => FaultId::G04,
        (_, HazardKind::Waw) => FaultId::G05,
    }
}
