//! A backend that counts what passes through it, knows what is in flight, writes down what it sees,
//! and notes what may not be: ranges in use twice, regions never given back, waiting for ever.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, MediumKind,
    Nanos, Part, RegionId, Result, TransferId, TransferRequest,
};

use crate::lockstep::fate::Seen;
use crate::lockstep::law::{Broken, Check, Law};

use super::atlas::Atlas;

/// So many questions in a row without news mean that nobody will ever have an answer.
const FRUITLESS_MAX: u32 = 1 << 18;

/// What passed through a [`Watch`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests accepted.
    pub submitted: u64,
    /// Their completions.
    pub completed: u64,
    /// Completions of nothing in flight.
    pub strays: u64,
    /// Parts accepted.
    pub parts: u64,
    /// Payload bytes of parts that completed without a fault.
    pub bytes: Bytes,
    /// Parts accepted from one medium to another, both by [`MediumKind`].
    pub routes: [[u64; 3]; 3],
    /// The most parts that were in flight at once.
    pub parts_in_flight_max: u64,
}

/// A backend that is watched.
#[derive(Debug)]
pub struct Watch<B> {
    inner: B,
    traffic: Traffic,
    /// Parts of requests not yet completed.
    in_flight: BTreeMap<TransferId, Vec<Part>>,
    parts_in_flight: u64,
    /// In the order in which they were allocated.
    regions: Vec<(RegionId, Medium, Bytes)>,
    broken: Option<Broken>,
    /// Keeps a journal where there is one.
    atlas: Option<Atlas>,
    journal: Vec<Seen>,
    /// Polls in a row without news.
    fruitless: u32,
    lost: bool,
}

impl Traffic {
    /// Parts that read or wrote a file.
    #[must_use]
    pub fn file_parts(&self) -> u64 {
        let file = MediumKind::File as usize;
        let to: u64 = self.routes.iter().map(|from| from[file]).sum();
        let from: u64 = self.routes[file].iter().sum();
        to + from - self.routes[file][file]
    }
}

impl<B: Backend> Watch<B> {
    /// Watches from now on.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            traffic: Traffic::default(),
            in_flight: BTreeMap::new(),
            parts_in_flight: 0,
            regions: Vec::new(),
            broken: None,
            atlas: None,
            journal: Vec::new(),
            fruitless: 0,
            lost: false,
        }
    }

    /// What passed through so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The backend.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// The backend, to change what goes wrong there.
    pub fn inner_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// From now on what passes is written down.
    pub(super) fn record(&mut self, atlas: Atlas) {
        self.atlas = Some(atlas);
    }

    /// What was allocated.
    pub(super) fn regions(&self) -> &[(RegionId, Medium, Bytes)] {
        &self.regions
    }

    /// What passed since the last call.
    pub(super) fn take_journal(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.journal)
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether the backend as a whole has said that it can't go on.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The first thing that may not be.
    pub(crate) fn broken(&self) -> Check {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Law C3: at the end everything was given back.
    pub(crate) fn end(self) -> Result<B, Broken> {
        self.broken()?;
        let (regions, requests) = (self.regions.len(), self.in_flight.len());
        Law::C3.holds(regions == 0 && requests == 0, || {
            format!("{regions} regions and {requests} requests are left")
        })?;
        Ok(self.inner)
    }

    fn note(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }

    fn write_down(&mut self, seen: impl FnOnce() -> Seen) {
        if self.atlas.is_some() {
            self.journal.push(seen());
        }
    }

    fn medium(&self, region: RegionId) -> Option<usize> {
        let known = self.regions.iter().find(|(id, ..)| *id == region);
        known.map(|(_, medium, _)| medium.kind() as usize)
    }

    fn write_down_request(&mut self, request: &TransferRequest, answer: &Result<TransferId>) {
        let Some(atlas) = &self.atlas else { return };
        let legs: Result<Vec<_>, _> = request.parts.iter().map(|part| atlas.leg(part)).collect();
        let deadline = request.deadline;
        match (legs, answer) {
            (Err(broken), _) => self.note(broken),
            (Ok(legs), Ok(id)) => self.journal.push(Seen::Sent { id: *id, deadline, legs }),
            (Ok(legs), Err(error)) => {
                self.journal.push(Seen::Refused { kind: error.kind(), deadline, legs });
            }
        }
    }

    /// Law S3, by payload: what is written is nobody else's, and what is read is not written.
    fn judge(&self, request: &TransferRequest) -> Check {
        let others = self.in_flight.values().flatten();
        for (other, part) in others.flat_map(|other| request.parts.iter().map(move |p| (other, p)))
        {
            let clash = overlap(part.target, other.target)
                || overlap(part.target, other.source)
                || overlap(part.source, other.target);
            if clash {
                let what = format!("{part:?} is submitted while {other:?} is in flight");
                return Err(Law::S3.broken(what));
            }
        }
        Ok(())
    }

    fn take_note(&mut self, completion: &Completion) {
        let Completion { id, faults, .. } = completion;
        self.write_down(|| Seen::End { id: *id, faults: faults.clone() });
        let Some(parts) = self.in_flight.remove(id) else {
            self.traffic.strays += 1;
            return;
        };
        self.traffic.completed += 1;
        self.parts_in_flight -= parts.len() as u64;
        for (index, part) in (0..).zip(parts) {
            if faults.iter().all(|(failed, _)| *failed != index) {
                self.traffic.bytes += part.bytes();
            }
        }
    }
}

fn overlap(a: Descriptor, b: Descriptor) -> bool {
    a.region == b.region && a.offset < b.offset + b.len && b.offset < a.offset + a.len
}

impl<B: Backend> Backend for Watch<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.inner.allocate(medium, len)?;
        self.regions.push((region, medium.clone(), len));
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.inner.release(region)?;
        self.regions.retain(|(id, ..)| *id != region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.inner.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        if let Err(broken) = self.judge(request) {
            self.note(broken);
        }
        let answer = self.inner.submit(request);
        self.write_down_request(request, &answer);
        let id = answer?;
        self.fruitless = 0;
        self.traffic.submitted += 1;
        self.traffic.parts += request.parts.len() as u64;
        for part in &request.parts {
            let media = [part.source, part.target].map(|at| self.medium(at.region));
            if let [Some(from), Some(to)] = media {
                self.traffic.routes[from][to] += 1;
            }
        }
        if self.in_flight.insert(id, request.parts.clone()).is_some() {
            self.note(Law::C6.broken(format!("{id:?} is given twice")));
        }
        self.parts_in_flight += request.parts.len() as u64;
        let most = self.traffic.parts_in_flight_max.max(self.parts_in_flight);
        self.traffic.parts_in_flight_max = most;
        Ok(id)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.inner.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let first = done.len();
        let polled = self.inner.poll(done);
        for completion in &done[first..] {
            self.take_note(completion);
        }
        self.lost |= polled.is_err();
        polled?;
        self.write_down(|| Seen::Polled);
        self.fruitless = if done.len() > first { 0 } else { self.fruitless + 1 };
        if self.fruitless >= FRUITLESS_MAX {
            // Nothing but an error ends a call of the engine's that waits for ever.
            self.lost = true;
            self.journal.clear();
            self.note(Law::L1.broken(format!("{FRUITLESS_MAX} polls in a row had no news")));
            return Err(Error::new(ErrorKind::Device, "polled for ever: given up"));
        }
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let now = self.inner.park(until);
        self.write_down(|| Seen::Time(now));
        now
    }
}
