//! A fenced workload over any backend: blocks with trailers copied between a device, host memory and
//! two files, at most a few at a time, and a list of all that was told.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, FileMedium, FileRole, Medium, Nanos, Part, RegionId,
    Stamp, TransferId, TransferRequest,
};

pub(crate) const LEN: Bytes = 200;
pub(crate) const SLOTS: u64 = 6;
/// Every region has slots of this length: payload and trailer, at an alignment of 64.
pub(crate) const STRIDE: Bytes = 384;
/// What a transfer may take.
const TIMEOUT: Nanos = Nanos(1_000_000);
const REGIONS: u64 = 4;

/// A copy from slot to slot, both of any region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) source: (usize, u64),
    pub(crate) target: (usize, u64),
}

/// Copies drawn from a seed; some are of two parts.
pub(crate) fn copies(seed: u64, count: u64) -> Vec<Vec<Copy>> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x55aa;
    let mut next = |max: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % max
    };
    let mut requests = Vec::new();
    for _ in 0..count {
        // Files are never copied to files, and parts of a request go the same way.
        let source = next(REGIONS) as usize;
        let target = if source < 2 { next(REGIONS) } else { next(2) } as usize;
        let mut request: Vec<Copy> = Vec::new();
        for _ in 0..1 + next(3) / 2 {
            let copy = Copy { source: (source, next(SLOTS)), target: (target, next(SLOTS)) };
            let apart = |other: &Copy| {
                other.target != copy.target
                    && other.target != copy.source
                    && other.source != copy.target
            };
            if copy.source != copy.target && request.iter().all(apart) {
                request.push(copy);
            }
        }
        if !request.is_empty() {
            requests.push(request);
        }
    }
    requests
}

/// What a slot holds as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    content: u64,
    generation: u64,
}

struct Flight {
    copies: Vec<Copy>,
    contents: Vec<Held>,
    deadline: Nanos,
}

pub(crate) struct Workload<B> {
    pub(crate) backend: B,
    regions: Vec<RegionId>,
    held: BTreeMap<(usize, u64), Held>,
    flights: BTreeMap<TransferId, Flight>,
    pub(crate) now: Nanos,
    next: u64,
    pub(crate) told: Vec<String>,
}

fn payload(content: u64) -> Vec<u8> {
    (0..LEN).map(|byte| (byte.wrapping_mul(content * 2 + 1) + content) as u8).collect()
}

impl<B: Backend> Workload<B> {
    pub(crate) fn new(mut backend: B) -> Self {
        let directory = String::new;
        let file = |pool| {
            let (rank, window, stride) = (0, 0, STRIDE);
            Medium::File(FileMedium {
                directory: directory(),
                rank,
                window,
                pool,
                role: FileRole::Scratch,
                stride,
            })
        };
        let media = [Medium::Device { ordinal: 0 }, Medium::Host, file(0), file(1)];
        let mut told = Vec::new();
        let regions = media.iter().map(|medium| {
            loop {
                // An allocation that fails is asked for again.
                match backend.allocate(medium, SLOTS * STRIDE) {
                    Ok(region) => break region,
                    Err(error) => told.push(format!("allocate {:?}", error.kind())),
                }
            }
        });
        let regions = regions.collect();
        let (held, flights) = (BTreeMap::new(), BTreeMap::new());
        Self { backend, regions, held, flights, now: Nanos::ZERO, next: 1, told }
    }

    pub(crate) fn at(&self, (region, slot): (usize, u64)) -> Descriptor {
        Descriptor { region: self.regions[region], offset: slot * STRIDE, len: LEN }
    }

    fn stamp(&self, (region, slot): (usize, u64), held: Held) -> Option<Stamp> {
        let (slot, pool, generation) = (slot as u32, region as u32, held.generation);
        let key = [held.content as u8; 32];
        let stamp = Stamp { key, tenant: 1, layout: [9; 16], generation, slot, pool, len: LEN };
        (region > 0).then_some(stamp)
    }

    /// Does all requests, each when its slots are free, and waits for what does not hang.
    pub(crate) fn run(&mut self, requests: &[Vec<Copy>]) {
        for request in requests {
            self.start(request);
            if self.flights.len() > 3 {
                self.wait();
            }
        }
        self.wait_for_all();
    }

    /// Until nothing is left but what is over time.
    pub(crate) fn wait_for_all(&mut self) {
        while self.flights.values().any(|flight| flight.deadline > self.now) {
            self.wait();
        }
    }

    fn in_use(&self, copy: &Copy) -> bool {
        let mut busy = self.flights.values().flat_map(|flight| &flight.copies);
        busy.any(|other| {
            [other.source, other.target].contains(&copy.target) || other.target == copy.source
        })
    }

    fn start(&mut self, request: &[Copy]) {
        while request.iter().any(|copy| self.in_use(copy)) {
            if self.flights.values().all(|flight| flight.deadline <= self.now) {
                // What hangs keeps its slots.
                return;
            }
            self.wait();
        }
        if !request.iter().all(|copy| self.prepare(copy.source)) {
            return;
        }
        let mut parts = Vec::new();
        let mut contents = Vec::new();
        for copy in request {
            let from = self.held[&copy.source];
            let to = Held { generation: self.next, ..from };
            self.next += 1;
            let (source, target) = (self.at(copy.source), self.at(copy.target));
            let (check, seal) = (self.stamp(copy.source, from), self.stamp(copy.target, to));
            parts.push(Part { source, target, rows: None, check, seal });
            contents.push(to);
        }
        let deadline = Nanos(self.now.0 + TIMEOUT.0);
        let request_of_all = TransferRequest { parts, deadline, ..Default::default() };
        match self.backend.submit(&request_of_all) {
            Ok(id) => {
                self.held.retain(|place, _| request.iter().all(|copy| copy.target != *place));
                self.told.push(format!("submit {}", id.0));
                self.flights.insert(id, Flight { copies: request.to_vec(), contents, deadline });
            }
            Err(error) => self.told.push(format!("refused {:?}", error.kind())),
        }
    }

    /// Whether a slot holds something; on the device, what it does not hold is computed.
    fn prepare(&mut self, place: (usize, u64)) -> bool {
        if place.0 == 0 && !self.held.contains_key(&place) {
            let content = self.next;
            self.next += 1;
            self.backend.fill(self.at(place), &payload(content)).expect("the slot is free");
            self.held.insert(place, Held { content, generation: 0 });
        }
        self.held.contains_key(&place)
    }

    /// Waits until something is told, or for the next deadline.
    pub(crate) fn wait(&mut self) {
        let next = self.flights.values().map(|flight| flight.deadline);
        let next = next.filter(|deadline| *deadline > self.now).min().unwrap_or(self.now);
        self.wait_until(next);
    }

    /// Waits until something is told, at most until `next`.
    pub(crate) fn wait_until(&mut self, next: Nanos) {
        let now = self.backend.park(next);
        assert!(now >= self.now, "time never runs backwards");
        self.now = now;
        let mut done = Vec::new();
        if let Err(error) = self.backend.poll(&mut done) {
            self.told.push(format!("poll {:?}", error.kind()));
        }
        done.iter().for_each(|completion| self.note(completion));
    }

    fn note(&mut self, completion: &Completion) {
        let faults: Vec<_> = completion.faults.iter().map(|(part, fault)| (part, fault)).collect();
        self.told.push(format!("{} {} {faults:?}", completion.at, completion.id.0));
        let Some(flight) = self.flights.remove(&completion.id) else { return };
        for ((index, copy), held) in (0..).zip(flight.copies).zip(flight.contents) {
            if completion.faults.iter().any(|(failed, _)| *failed == index) {
                continue;
            }
            if copy.target.0 == 0 {
                let mut found = vec![0; LEN as usize];
                self.backend.peek(self.at(copy.target), &mut found).expect("it has ended");
                assert!(found == payload(held.content), "S1: wrong bytes were told as a success");
            }
            self.held.insert(copy.target, held);
        }
    }

    /// Loads all that is known to be stored, and says what was not right.
    pub(crate) fn load_all(&mut self) -> Vec<String> {
        let stored: Vec<_> = self.held.keys().copied().filter(|place| place.0 > 0).collect();
        let before = self.told.len();
        for source in stored {
            self.start(&[Copy { source, target: (0, 0) }]);
            self.wait_for_all();
        }
        let told = self.told[before..].iter();
        told.filter(|line| !line.starts_with("submit") && !line.ends_with("[]")).cloned().collect()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.flights.len()
    }
}
