//! A backend whose calls are timed.

use std::time::{Duration, Instant};
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, Nanos, RegionId, Result,
    TransferId, TransferRequest,
};

/// A backend, and how long its calls took together on the wall.
#[derive(Debug)]
pub(crate) struct Timed<B> {
    inner: B,
    spent: Duration,
}

impl<B> Timed<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, spent: Duration::ZERO }
    }

    /// All calls until now.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    fn time<T>(&mut self, call: impl FnOnce(&mut B) -> T) -> T {
        let began = Instant::now();
        let answer = call(&mut self.inner);
        self.spent += began.elapsed();
        answer
    }
}

impl<B: Backend> Backend for Timed<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.time(|inner| inner.allocate(medium, len))
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.time(|inner| inner.release(region))
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.time(|inner| inner.fill(target, bytes))
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.time(|inner| inner.peek(source, bytes))
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.time(|inner| inner.submit(request))
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.time(|inner| inner.flush(region))
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.time(|inner| inner.poll(done))
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.time(|inner| inner.park(until))
    }
}
