//! A backend whose silence is a failed test and not a test that never ends.

use crate::bench::request;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, Nanos, Part, RegionId, Result,
    TransferId, TransferRequest,
};

/// How long a transfer may take.
const PATIENCE: Nanos = Nanos::from_millis(60_000);

/// Carries out a request that must succeed.
pub(crate) fn run(backend: &mut impl Backend, parts: &[Part]) {
    backend.submit(&request(parts)).expect("an acceptable request");
    let limit = backend.park(Nanos::ZERO).saturating_add(PATIENCE);
    let mut done = Vec::new();
    while done.is_empty() {
        assert!(backend.park(limit) < limit, "no answer in a minute");
        backend.poll(&mut done).expect("the backend goes on");
    }
    assert_eq!(done.remove(0).faults, []);
}

pub(crate) struct Watchdog<B: Backend> {
    inner: B,
    in_flight: usize,
    done: Vec<Completion>,
}

impl<B: Backend> Watchdog<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, in_flight: 0, done: Vec::new() }
    }

    fn hear(&mut self) -> Result<()> {
        let before = self.done.len();
        let heard = self.inner.poll(&mut self.done);
        self.in_flight -= self.done.len() - before;
        heard
    }
}

impl<B: Backend> Backend for Watchdog<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.inner.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.inner.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.inner.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let id = self.inner.submit(request)?;
        self.in_flight += 1;
        Ok(id)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.inner.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let heard = self.hear();
        done.append(&mut self.done);
        heard
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let heard = self.hear();
        if !self.done.is_empty() || heard.is_err() {
            return self.inner.park(Nanos::ZERO);
        }
        if self.in_flight == 0 || until < Nanos::MAX {
            return self.inner.park(until);
        }
        let limit = self.inner.park(Nanos::ZERO).saturating_add(PATIENCE);
        loop {
            let now = self.inner.park(limit);
            self.hear().expect("the backend goes on");
            if !self.done.is_empty() {
                return now;
            }
            assert!(now < limit, "{} requests had no answer in a minute", self.in_flight);
        }
    }
}
