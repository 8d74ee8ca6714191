//! A backend that counts what passes through it, knows what is in flight, and notes what may not
//! be: a completion of nothing, ranges in use twice, regions never given back.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, MediumKind, Nanos, Part, RegionId,
    Result, TransferId, TransferRequest,
};

use super::Check;

/// What passed through a [`Watch`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests accepted.
    pub submitted: u64,
    /// Their completions.
    pub completed: u64,
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
    regions: BTreeMap<RegionId, MediumKind>,
    broken: Option<String>,
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
            regions: BTreeMap::new(),
            broken: None,
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

    /// The first thing that may not be.
    pub(super) fn broken(&self) -> Check {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Law C3: at the end everything was given back.
    pub(super) fn end(self) -> Result<B, String> {
        self.broken()?;
        if !self.regions.is_empty() || !self.in_flight.is_empty() {
            let (regions, requests) = (self.regions.len(), self.in_flight.len());
            return Err(format!("C3: {regions} regions and {requests} requests are left"));
        }
        Ok(self.inner)
    }

    fn note(&mut self, what: String) {
        self.broken.get_or_insert(what);
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
                return Err(format!("S3: {part:?} is submitted while {other:?} is in flight"));
            }
        }
        Ok(())
    }

    fn take_note(&mut self, completion: &Completion) {
        let Some(parts) = self.in_flight.remove(&completion.id) else {
            return self.note(format!("C6: {completion:?} ends nothing, or a second time"));
        };
        self.traffic.completed += 1;
        for (index, part) in (0..).zip(parts) {
            if completion.faults.iter().all(|(failed, _)| *failed != index) {
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
        self.regions.insert(region, medium.kind());
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.inner.release(region)?;
        self.regions.remove(&region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.inner.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        if let Err(what) = self.judge(request) {
            self.note(what);
        }
        let id = self.inner.submit(request)?;
        self.traffic.submitted += 1;
        self.traffic.parts += request.parts.len() as u64;
        for part in &request.parts {
            let [from, to] = [part.source, part.target].map(|at| self.regions[&at.region] as usize);
            self.traffic.routes[from][to] += 1;
        }
        if self.in_flight.insert(id, request.parts.clone()).is_some() {
            self.note(format!("{id:?} is given twice"));
        }
        let now = self.in_flight.values().map(Vec::len).sum::<usize>() as u64;
        self.traffic.parts_in_flight_max = self.traffic.parts_in_flight_max.max(now);
        Ok(id)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.inner.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let first = done.len();
        self.inner.poll(done)?;
        for completion in &done[first..] {
            self.take_note(completion);
        }
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.inner.park(until)
    }
}
