//! Copies in ready-made requests, handed to a backend as fast as it takes them.

use crate::rounds::Lap;
use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, ErrorKind, Nanos, Part, RegionId, Stamp,
    TransferRequest,
};

/// What trailers a copy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailers {
    /// None.
    Off,
    /// Its source is verified.
    Check,
    /// Its target gets one.
    Seal,
}

/// Blocks of one region.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    /// The region.
    pub region: RegionId,
    /// Bytes from slot to slot.
    pub stride: Bytes,
}

/// Requests over all blocks of a pool.
#[derive(Debug)]
pub struct Batches {
    requests: Vec<TransferRequest>,
    bytes: Bytes,
    done: Vec<Completion>,
}

impl Batches {
    /// Copies of `len` bytes from each first slot to each second one, `parts` a request.
    #[must_use]
    pub fn new(
        (source, target): (Slots, Slots),
        pairs: &[(u32, u32)],
        len: Bytes,
        parts: usize,
        trailers: Trailers,
    ) -> Self {
        let at = |slots: Slots, slot: u32| Descriptor {
            region: slots.region,
            offset: slots.stride * Bytes::from(slot),
            len,
        };
        let part = |&(from, to): &(u32, u32)| Part {
            source: at(source, from),
            target: at(target, to),
            rows: None,
            check: (trailers == Trailers::Check).then(|| stamp(from, len)),
            seal: (trailers == Trailers::Seal).then(|| stamp(to, len)),
        };
        let request = |pairs: &[(u32, u32)]| TransferRequest {
            deadline: Nanos::MAX,
            parts: pairs.iter().map(part).collect(),
            ..TransferRequest::default()
        };
        let requests = pairs.chunks(parts).map(request).collect();
        Self { requests, bytes: len * pairs.len() as Bytes, done: Vec::new() }
    }

    /// The requests alone.
    #[must_use]
    pub fn into_requests(self) -> Vec<TransferRequest> {
        self.requests
    }

    /// All of it once, with as much in flight as the backend takes.
    ///
    /// # Panics
    /// If a copy fails.
    pub fn run(&mut self, backend: &mut impl Backend) -> Lap {
        let (lap, ()) = Lap::of(self.bytes, || {
            for request in &self.requests {
                while let Err(error) = backend.submit(request) {
                    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                    backend.park(Nanos::MAX);
                    backend.poll(&mut self.done).expect("the backend goes on");
                }
            }
            while self.done.len() < self.requests.len() {
                backend.park(Nanos::MAX);
                backend.poll(&mut self.done).expect("the backend goes on");
            }
        });
        assert!(self.done.drain(..).all(|completion| completion.faults.is_empty()));
        lap
    }
}

fn stamp(slot: u32, len: Bytes) -> Stamp {
    Stamp { key: [7; 32], tenant: 0, layout: [0; 16], generation: 1, slot, pool: 0, len }
}
