//! Trips between memories: batched by what is ready, launched together, seen through to their ends.

use super::batch::{Batch, slip_len};
use super::gpu::Gpu;
use super::manifest::Manifest;
use super::memory::DeviceMemory;
#[cfg(feature = "nixl")]
use super::trip::Side;
use super::trip::{Going, Hall, Landed, Need, Stage, Trip};
use super::trouble::kind_of;
use crate::clock::Clock;
use crate::lend::Memory;
use crate::sheets::Sheets;
#[cfg(feature = "nixl")]
use crate::terms::Terms;
use cudarc::driver::{CudaStream, DriverError};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, ErrorKind, Fault, Nanos, Result};

/// Bytes of a batch at most, but for one long trip: short enough that what follows starts early.
const BATCH_BYTES: usize = 32 << 20;
const BATCH_TRIPS: usize = 256;
/// Device memory for looking at what comes from host memory, and for joining pieces.
const HALL_SLAB: usize = 32 << 20;
const HALL_BYTES_MAX: Bytes = 256 << 20;
/// Pinned host memory for tables and records.
const SLIP_SLAB: usize = 2 << 20;
/// How long a mover that is dropped waits for the GPU.
const DROP_WAIT: Nanos = Nanos::from_millis(10_000);

/// All trips of one backend.
#[derive(Debug)]
pub(crate) struct Mover<T> {
    gpu: Arc<Gpu>,
    halls: Sheets<DeviceMemory>,
    slips: Sheets<Memory>,
    waiting: VecDeque<Trip<T>>,
    ready: VecDeque<Going<T>>,
    flying: Vec<Batch<T>>,
    landed: Vec<Landed<T>>,
    /// Batches so far.
    launched: usize,
}

impl<T> Mover<T> {
    pub(crate) fn new(gpu: &Arc<Gpu>) -> Self {
        Self {
            gpu: Arc::clone(gpu),
            halls: Sheets::new(HALL_SLAB, HALL_BYTES_MAX),
            slips: Sheets::new(SLIP_SLAB, Bytes::MAX),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            flying: Vec::new(),
            landed: Vec::new(),
            launched: 0,
        }
    }

    pub(crate) fn send(&mut self, trip: Trip<T>) {
        self.waiting.push_back(trip);
    }

    /// Leaves zeros in a target of which the trip failed before it came here, and then ends that.
    #[cfg(feature = "nixl")]
    pub(crate) fn wipe(&mut self, target: Side, terms: Terms, cargo: T, fault: Fault) {
        let trip = Trip::new(Side::Nowhere, target, terms, Nanos::MAX, cargo);
        let mut going = Going::new(trip, Hall::Nowhere);
        going.stage = Stage::Wipe(fault);
        self.ready.push_back(going);
    }

    /// Sees how far everything is, and launches what is ready. Answers with what has ended.
    pub(crate) fn drive(&mut self, now: Nanos) -> Vec<Landed<T>> {
        self.collect();
        self.begin(now);
        self.launch();
        std::mem::take(&mut self.landed)
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.ready.is_empty() && self.flying.is_empty()
    }

    /// Makes `stream` wait for all launched stages that touch `range`. `false` if others are to follow.
    pub(super) fn precede(
        &self,
        memory: &Arc<DeviceMemory>,
        range: &Range<Bytes>,
        stream: &CudaStream,
    ) -> Result<bool, DriverError> {
        let of = |trip: &Trip<T>| {
            trip.source.touches(memory, range) || trip.target.touches(memory, range)
        };
        let queued = self.waiting.iter().chain(self.ready.iter().map(|going| &going.trip));
        let mut last = !queued.into_iter().any(of);
        for batch in &self.flying {
            let mut theirs = batch.trips.iter().filter(|(going, _)| of(&going.trip)).peekable();
            if theirs.peek().is_some() {
                batch.precede(stream)?;
            }
            // What stops on its way to a file may be read once more.
            last &= theirs.all(|(going, _)| going.is_last() && !going.trip.pad);
        }
        Ok(last)
    }

    fn begin(&mut self, now: Nanos) {
        while let Some(trip) = self.waiting.front() {
            if now > trip.deadline {
                let trip = self.waiting.pop_front().expect("it was there just before");
                self.land(Going::new(trip, Hall::Nowhere), Err(Fault::new(ErrorKind::TimedOut)));
                continue;
            }
            let len = trip.terms.len;
            let hall = match trip.need() {
                Need::Nowhere => Ok(Some(Hall::Nowhere)),
                Need::Source => Ok(Some(Hall::Source)),
                Need::Target => Ok(Some(Hall::Target)),
                Need::Sheet => self.hall(len),
            };
            match hall {
                Ok(Some(hall)) => {
                    let trip = self.waiting.pop_front().expect("it was there just before");
                    self.ready.push_back(Going::new(trip, hall));
                }
                // Until somebody gives a sheet back.
                Ok(None) => break,
                Err(error) => {
                    let trip = self.waiting.pop_front().expect("it was there just before");
                    let fault = Fault::new(error.kind());
                    self.land(Going::new(trip, Hall::Nowhere), Err(fault));
                }
            }
        }
    }

    fn hall(&mut self, len: usize) -> Result<Option<Hall>> {
        let make = |len| DeviceMemory::new(&self.gpu, len);
        let sheet = self.halls.take(len, make)?;
        Ok(sheet.map(|sheet| {
            let claim = sheet.claim(0..len);
            Hall::Sheet(sheet, claim)
        }))
    }

    fn launch(&mut self) {
        while !self.ready.is_empty() {
            let mut manifest = Manifest::default();
            let (mut trips, mut bytes) = (Vec::new(), 0);
            while trips.len() < BATCH_TRIPS && (trips.is_empty() || bytes < BATCH_BYTES) {
                let Some(mut going) = self.ready.pop_front() else { break };
                bytes += going.trip.terms.len;
                let number = manifest.looks.len();
                let looks = manifest.add(&mut going);
                trips.push((going, looks.then_some(number)));
            }
            let slip = self.slips.take(slip_len(&manifest), |len| Memory::pinned(&self.gpu, len));
            let slip = match slip {
                Ok(slip) => slip.expect("slips have no bound"),
                Err(error) => {
                    let fault = Fault::new(error.kind());
                    trips.into_iter().for_each(|(going, _)| self.land(going, Err(fault)));
                    continue;
                }
            };
            self.launched += 1;
            let side = self.gpu.side(self.launched);
            let (batch, launched) = Batch::launch(&self.gpu, side, &manifest, trips, slip);
            match launched {
                Ok(()) => self.flying.push(batch),
                Err(error) => self.fail(batch, error),
            }
        }
    }

    fn collect(&mut self) {
        let mut index = 0;
        while index < self.flying.len() {
            match self.flying[index].has_ended() {
                Ok(false) => index += 1,
                Ok(true) => {
                    let (trips, slip) = self.flying.remove(index).end();
                    self.slips.give_back(slip);
                    for (mut going, record) in trips {
                        let seen = record.map_or(Ok(()), |record| going.verify(&record));
                        self.advance(going, seen);
                    }
                }
                Err(error) => {
                    let batch = self.flying.remove(index);
                    self.gpu.settle_all();
                    self.fail(batch, error);
                }
            }
        }
    }

    fn advance(&mut self, mut going: Going<T>, seen: Result<(), Fault>) {
        if let Err(fault) = seen {
            return self.refuse(going, fault);
        }
        match going.stage {
            Stage::Look if going.trip.terms.check.is_some() => {
                going.stage = Stage::Move;
                self.ready.push_back(going);
            }
            Stage::Look | Stage::Move => {
                if going.finish_tail() {
                    self.land(going, Ok(()));
                } else {
                    going.stage = Stage::Tail;
                    self.ready.push_back(going);
                }
            }
            Stage::Tail => self.land(going, Ok(())),
            Stage::Wipe(fault) => self.land(going, Err(fault)),
        }
    }

    fn refuse(&mut self, mut going: Going<T>, fault: Fault) {
        if !going.trip.wipe || going.wipe_host() {
            return self.land(going, Err(fault));
        }
        going.stage = Stage::Wipe(fault);
        self.ready.push_back(going);
    }

    fn fail(&mut self, batch: Batch<T>, error: DriverError) {
        let fault = Fault::new(kind_of(error.0));
        let (trips, slip) = batch.end();
        self.slips.give_back(slip);
        trips.into_iter().for_each(|(going, _)| self.land(going, Err(fault)));
    }

    fn land(&mut self, going: Going<T>, outcome: std::result::Result<(), Fault>) {
        let Going { trip, hall, .. } = going;
        if let Hall::Sheet(sheet, claim) = hall {
            drop(claim);
            self.halls.give_back(sheet);
        }
        let Trip { source, target, cargo, .. } = trip;
        self.landed.push(Landed { source, target, cargo, outcome });
    }
}

impl<T> Drop for Mover<T> {
    /// Waits for the GPU; what it does not end by then keeps its memory for good.
    fn drop(&mut self) {
        let clock = Clock::start();
        while !self.flying.is_empty() {
            self.flying.retain_mut(|batch| !matches!(batch.has_ended(), Ok(true) | Err(_)));
            if clock.now() > DROP_WAIT {
                std::mem::take(&mut self.flying).into_iter().for_each(std::mem::forget);
            }
            std::thread::yield_now();
        }
    }
}
