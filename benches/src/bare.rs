//! NIXL by itself: ready-made requests of as many descriptors as may be in flight, one after the other.

use crate::rounds::Lap;
use std::time::Duration;
use tierproof_backends::{Bare, BareWay, Flight};
use tierproof_core::Bytes;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// All blocks of a pool, one way.
#[derive(Debug)]
pub struct Flights(Vec<Flight>);

impl Flights {
    /// Blocks of `len` bytes between each first slot of the memory and each second one of the file. They are
    /// made beforehand, so that only moving is timed.
    ///
    /// # Panics
    /// If NIXL refuses.
    #[must_use]
    pub fn new(
        bare: &Bare,
        way: BareWay,
        pairs: &[(u32, u32)],
        len: Bytes,
        in_flight: u32,
    ) -> Self {
        let at = |slot: u32| Bytes::from(slot) * len;
        let blocks: Vec<_> = pairs.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        let most = bare.blocks_max(len).min(in_flight as usize);
        let flights = blocks.chunks(most).map(|blocks| bare.flight(way, blocks, len));
        Self(flights.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}")))
    }

    /// All of it once.
    ///
    /// # Panics
    /// If a request fails or does not end in a minute.
    pub fn run(&mut self, bare: &Bare) -> Lap {
        let bytes = self.0.iter().map(Flight::bytes).sum();
        let (lap, flown) =
            Lap::of(bytes, || self.0.iter_mut().try_for_each(|flight| bare.fly(flight, PATIENCE)));
        flown.unwrap_or_else(|error| panic!("{error}"));
        lap
    }
}
