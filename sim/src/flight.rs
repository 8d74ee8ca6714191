//! Requests in flight, and the ranges they hold until their completion is polled.

use crate::memory::{Memory, extent};
use crate::ranges::Holder;
use std::ops::Range;
use tierproof_core::{
    Bytes, Descriptor, Error, ErrorKind, Fault, Part, Result, TransferId, TransferRequest,
};

/// One accepted request.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    pub(crate) id: Option<TransferId>,
    /// Names the request by what it touches, for draws.
    pub(crate) operation: u64,
    pub(crate) parts: Vec<Part>,
    /// Faults to end with, by ascending part.
    pub(crate) faults: Vec<(u32, Fault)>,
}

/// All accepted requests whose completion was not yet polled, by number.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flights: Vec<Flight>,
    /// Numbers to use again, with the room that their parts had.
    free: Vec<u32>,
    parts: u32,
}

impl Flights {
    /// Parts in flight.
    pub(crate) fn parts(&self) -> u32 {
        self.parts
    }

    /// Requests in flight.
    pub(crate) fn count(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    pub(crate) fn board(&mut self, id: TransferId, operation: u64, parts: &[Part]) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.flights.push(Flight::default());
            self.flights.len() as u32 - 1
        });
        let flight = &mut self.flights[number as usize];
        (flight.id, flight.operation) = (Some(id), operation);
        flight.parts.extend_from_slice(parts);
        self.parts += parts.len() as u32;
        number
    }

    pub(crate) fn get(&mut self, number: u32) -> &mut Flight {
        &mut self.flights[number as usize]
    }

    /// Parts that are to succeed of requests that have not `ended`, by request.
    pub(crate) fn under_way(&self, ended: &[u32]) -> impl Iterator<Item = Part> {
        let mut flights: Vec<_> = (0..).zip(&self.flights).collect();
        flights.retain(|(number, flight)| flight.id.is_some() && !ended.contains(number));
        flights.sort_by_key(|(_, flight)| flight.id);
        flights.into_iter().flat_map(|(_, flight)| {
            let fails = |index: u32| flight.faults.iter().any(|(failed, _)| *failed == index);
            let parts = (0..).zip(&flight.parts).filter(move |(index, _)| !fails(*index));
            parts.map(|(_, part)| *part)
        })
    }

    /// Every request in flight, and its parts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (TransferId, &[Part])> {
        self.flights.iter().filter_map(|flight| Some((flight.id?, flight.parts.as_slice())))
    }

    /// The number of request `id`.
    pub(crate) fn find(&self, id: TransferId) -> Option<u32> {
        let found = self.flights.iter().position(|flight| flight.id == Some(id));
        found.map(|number| number as u32)
    }

    /// Ends a flight: gives its ranges back, and answers how it ended.
    pub(crate) fn leave(
        &mut self,
        number: u32,
        memory: &mut Memory,
        alignment: Bytes,
    ) -> (TransferId, Vec<(u32, Fault)>) {
        let flight = &mut self.flights[number as usize];
        let id = flight.id.take().expect("it was boarded");
        give_back(memory, id, &flight.parts, alignment);
        self.parts -= flight.parts.len() as u32;
        flight.parts.clear();
        self.free.push(number);
        (id, std::mem::take(&mut flight.faults))
    }
}

/// Takes every range of a request for `id`, or none.
///
/// # Errors
/// `Busy` where another request is in the way, `OutOfRange` where the request is itself.
pub(crate) fn take(
    memory: &mut Memory,
    id: TransferId,
    request: &TransferRequest,
    alignment: Bytes,
) -> Result<()> {
    for (index, part) in request.parts.iter().enumerate() {
        for (side, (at, sealed, writing)) in sides(part).into_iter().enumerate() {
            let range = held(at, sealed, alignment);
            let ranges = &mut memory.get_mut(at.region).expect("the request was judged").ranges;
            let Some(other) = ranges.conflict(&range, writing) else {
                ranges.hold(&range, writing, holder(id, index, side));
                continue;
            };
            give_back(memory, id, &request.parts[..index], alignment);
            if side == 1 {
                let range = held(part.source, part.check.is_some(), alignment);
                free(memory, part.source, &range, holder(id, index, 0));
            }
            return Err(overlap(other, id, index, at, writing));
        }
    }
    Ok(())
}

/// Gives back the ranges of the first `parts` of `id`.
pub(crate) fn give_back(memory: &mut Memory, id: TransferId, parts: &[Part], alignment: Bytes) {
    for (index, part) in parts.iter().enumerate() {
        for (side, (at, sealed, _)) in sides(part).into_iter().enumerate() {
            free(memory, at, &held(at, sealed, alignment), holder(id, index, side));
        }
    }
}

fn free(memory: &mut Memory, at: Descriptor, range: &Range<Bytes>, holder: Holder) {
    if let Some(region) = memory.get_mut(at.region) {
        region.ranges.free(range.start, holder);
    }
}

/// Descriptor, whether with a trailer, and whether written: of the source, then of the target.
fn sides(part: &Part) -> [(Descriptor, bool, bool); 2] {
    [(part.source, part.check.is_some(), false), (part.target, part.seal.is_some(), true)]
}

/// What each part of an acceptable request touches, trailers included: where, whether it writes, and
/// which part.
pub(crate) fn touched(
    parts: &[Part],
    alignment: Bytes,
) -> impl Iterator<Item = (Descriptor, bool, u32)> + '_ {
    (0..).zip(parts).flat_map(move |(index, part)| {
        sides(part).map(|(at, sealed, writing)| {
            let range = extent(at, sealed, alignment);
            let len = range.map_or(at.len, |range| range.end - range.start);
            (Descriptor { len, ..at }, writing, index)
        })
    })
}

fn held(at: Descriptor, sealed: bool, alignment: Bytes) -> Range<Bytes> {
    extent(at, sealed, alignment).expect("the request was judged")
}

fn holder(id: TransferId, index: usize, side: usize) -> Holder {
    (id, (index * 2 + side) as u32)
}

fn overlap(
    other: TransferId,
    id: TransferId,
    index: usize,
    at: Descriptor,
    writing: bool,
) -> Error {
    let side = if writing { "target" } else { "source" };
    let (this, that) = (id.0, other.0);
    if other == id {
        let context =
            format!("transfer {this}: {side} {at:?} of part {index} overlaps another part");
        return Error::new(ErrorKind::OutOfRange, context);
    }
    let context = format!(
        "transfer {this}: {side} {at:?} of part {index} overlaps transfer {that}, which is in \
         flight: wait for its completion"
    );
    Error::new(ErrorKind::Busy, context)
}
