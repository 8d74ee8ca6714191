//! Requests handed to a backend until it is busy, and more as soon as something ends. Nothing waits for ever.

use crate::batches::{Batches, Slots, Trailers};
use crate::rounds::Lap;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, ErrorKind, Nanos, TransferId, TransferRequest,
};

/// How long all of a flood may take.
const PATIENCE: Nanos = Nanos::from_millis(60_000);

/// Requests to be handed over in order.
#[derive(Debug)]
pub struct Flood {
    requests: Vec<TransferRequest>,
    bytes: Bytes,
    done: Vec<Completion>,
    submitted: Vec<TransferId>,
}

impl Flood {
    /// Copies of `len` bytes from each first slot to each second one, in requests as large as keep at least
    /// eight in flight.
    #[must_use]
    pub fn new(
        way: (Slots, Slots),
        pairs: &[(u32, u32)],
        len: Bytes,
        trailers: Trailers,
        capability: &Capability,
    ) -> Self {
        let Capability { request_parts_max, request_bytes_max, in_flight_parts_max, .. } =
            capability;
        let parts = (*request_parts_max)
            .min(in_flight_parts_max / 8)
            .min((request_bytes_max / len) as u32)
            .min(pairs.len() as u32 / 8)
            .max(1);
        let batches = Batches::new(way, pairs, len, parts as usize, trailers);
        Self::of(batches.into_requests())
    }

    /// These and those by turns.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let pairs = self.requests.into_iter().zip(other.requests);
        Self::of(pairs.flat_map(|(one, other)| [one, other]).collect())
    }

    fn of(requests: Vec<TransferRequest>) -> Self {
        let bytes = requests.iter().map(TransferRequest::bytes).sum();
        Self { requests, bytes, done: Vec::new(), submitted: Vec::new() }
    }

    /// All of it once.
    ///
    /// # Panics
    /// If a part fails or does not end in a minute.
    pub fn run(&mut self, backend: &mut impl Backend) -> Lap {
        let until = backend.park(Nanos(0)).saturating_add(PATIENCE);
        self.requests.iter_mut().for_each(|request| request.deadline = until);
        let (lap, ()) = Lap::of(self.bytes, || {
            let mut next = self.requests.iter();
            let mut waiting = next.next();
            while waiting.is_some() || self.done.len() < self.submitted.len() {
                while let Some(request) = waiting {
                    match backend.submit(request) {
                        Ok(id) => self.submitted.push(id),
                        Err(error) if error.kind() == ErrorKind::Busy => break,
                        Err(error) => panic!("{}: {error}", backend.name()),
                    }
                    waiting = next.next();
                }
                let now = backend.park(until);
                let ended = self.done.len();
                backend.poll(&mut self.done).expect("the backend goes on");
                assert!(
                    self.done.len() > ended || now < until,
                    "{}: {} of {} requests ended in time",
                    backend.name(),
                    ended,
                    self.requests.len()
                );
            }
        });
        self.submitted.clear();
        for completion in self.done.drain(..) {
            assert!(completion.faults.is_empty(), "{}: {completion:?}", backend.name());
        }
        lap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierproof_backends::Dram;
    use tierproof_core::Medium;

    #[test]
    fn all_of_both_floods_is_moved() {
        let mut dram = Dram::new();
        let mut slots = |stride: Bytes| {
            let region = dram.allocate(&Medium::Host, stride * 32).unwrap();
            Slots { region, stride }
        };
        let (one, sealed, other) = (slots(4096), slots(8192), slots(4096));
        let pairs: Vec<_> = (0..16).map(|slot| (slot, 31 - slot)).collect();
        let capability = dram.capability().clone();
        let flood = |way, trailers| Flood::new(way, &pairs, 4096, trailers, &capability);
        let lap = flood((one, sealed), Trailers::Seal).run(&mut dram);
        assert_eq!(lap.elements, 16 * 4096);
        let both = flood((one, other), Trailers::Off).and(flood((other, one), Trailers::Off));
        assert_eq!(both.bytes, 2 * 16 * 4096);
    }
}
