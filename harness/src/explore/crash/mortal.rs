//! The backend of one process: it dies at a call, and keeps the ledger of what passes.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, Nanos, RegionId,
    Result, Stamp, TransferId, TransferRequest,
};
use tierproof_sim::faults::{FaultClass, FaultEntry};
use tierproof_sim::shadow::Shadowed;

use crate::draw::fold;
use crate::lockstep::driver::Watch;
use crate::lockstep::{Check, Law};

use super::ledger::Ledger;
use super::powered::Powered;

/// A process's way to a device that outlives it.
#[derive(Debug)]
pub(super) struct Mortal<'a, D: Powered> {
    watch: Watch<Shadowed<&'a mut D>>,
    ledger: &'a mut Ledger,
    calls: u64,
    calls_max: u64,
    /// Faults that the ledger knows of.
    known: usize,
    sent: BTreeMap<TransferId, Sent>,
    now: Nanos,
    trace: u64,
}

/// What a request in flight writes to sealed slots: which of its parts, where, as what.
#[derive(Debug)]
struct Sent {
    deadline: Nanos,
    stores: Vec<(u32, Descriptor, Stamp)>,
}

impl<'a, D: Powered> Mortal<'a, D> {
    /// Dies at the call after `calls_max`.
    pub(super) fn new(device: &'a mut D, ledger: &'a mut Ledger, calls_max: u64) -> Self {
        let known = device.fired().len();
        let watch = Watch::new(Shadowed::new(device));
        let (sent, now) = (BTreeMap::new(), Nanos::ZERO);
        Self { watch, ledger, calls: 0, calls_max, known, sent, now, trace: 0 }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.calls > self.calls_max
    }

    pub(super) fn ledger(&mut self) -> &mut Ledger {
        self.ledger
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self) {
        self.watch.inner_mut().inner_mut().heal();
        self.ledger.healed();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.watch.is_idle()
    }

    pub(super) fn parts(&self) -> u64 {
        self.watch.traffic().parts
    }

    /// A hash of all that passed.
    pub(super) fn trace(&self) -> u64 {
        self.trace
    }

    /// What may not be, whatever the process is about.
    pub(super) fn check(&self) -> Check {
        self.watch.broken()?;
        let hazard = self.watch.inner().hazards().first();
        hazard.map_or(Ok(()), |hazard| Err(Law::S3.broken(hazard.to_string())))
    }

    /// Law C3.
    pub(super) fn end(self) -> Check {
        self.watch.end().map(drop)
    }

    fn call(&mut self) -> Result<()> {
        self.calls += 1;
        if self.is_dead() {
            return Err(Error::new(ErrorKind::Device, "the process is dead"));
        }
        Ok(())
    }

    fn note(&mut self, words: &[u64]) {
        self.trace = words.iter().fold(self.trace, |trace, word| fold(trace, *word));
    }

    /// Faults that struck since the last time.
    fn struck(&mut self) -> &[FaultEntry] {
        let fired = Powered::fired(&**self.watch.inner().inner());
        let since = std::mem::replace(&mut self.known, fired.len());
        for entry in &fired[since..] {
            self.ledger.struck_by(entry);
        }
        &fired[since..]
    }

    fn struck_by(&mut self, class: FaultClass) -> bool {
        self.struck().iter().any(|entry| entry.class == class)
    }

    fn ended(&mut self, Completion { id, at, faults }: &Completion) {
        self.note(&[1, id.0, at.0, faults.len() as u64]);
        let Some(Sent { deadline, stores }) = self.sent.remove(id) else { return };
        for (part, target, stamp) in stores {
            if self.now < deadline && faults.iter().all(|(failed, _)| *failed != part) {
                self.ledger.arrived(target, &stamp);
            }
        }
    }
}

impl<D: Powered> Backend for Mortal<'_, D> {
    fn name(&self) -> &'static str {
        self.watch.name()
    }

    fn capability(&self) -> &Capability {
        self.watch.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.call()?;
        let region = self.watch.allocate(medium, len)?;
        if let Medium::File(file) = medium {
            self.ledger.opened(region, file);
            if self.struck_by(FaultClass::F32) {
                self.ledger.header_struck(region);
            }
        }
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.call()?;
        self.watch.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.call()?;
        self.watch.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.call()?;
        self.watch.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.call()?;
        let answer = self.watch.submit(request);
        if let Ok(id) = &answer {
            let mut stores = Vec::new();
            for (index, part) in (0..).zip(&request.parts) {
                if let Some(stamp) = part.seal {
                    self.ledger.written(part.target, &stamp);
                    stores.push((index, part.target, stamp));
                }
            }
            self.sent.insert(*id, Sent { deadline: request.deadline, stores });
        }
        self.note(&[2, answer.as_ref().map_or(u64::MAX, |id| id.0), request.parts.len() as u64]);
        self.struck();
        answer
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.call()?;
        self.watch.flush(region)?;
        self.note(&[3, region.0.into()]);
        if self.struck_by(FaultClass::F09) {
            self.ledger.not_flushed(region);
        }
        Ok(())
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.call()?;
        let first = done.len();
        let polled = self.watch.poll(done);
        self.struck();
        done[first..].iter().for_each(|completion| self.ended(completion));
        for sent in self.sent.values().filter(|sent| sent.deadline <= self.now) {
            sent.stores.iter().for_each(|(_, target, _)| self.ledger.given_up(*target));
        }
        polled
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        if self.call().is_err() {
            return until;
        }
        self.now = self.watch.park(until);
        self.note(&[4, self.now.0]);
        self.now
    }
}
