//! A backend of one's own: a wrapper that counts what passes through it, around any other.
//!
//! `cargo run --example 04_own_backend`

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Engine, EngineConfig, Lru, Medium, Nanos,
    PoolShape, Prompt, RegionId, Request, RequestId, Result, TierBlocks, TransferId,
    TransferRequest, WindowConfig,
};
use tierproof_sim::{Sim, SimConfig};

/// Counts requests, parts and bytes on their way to `inner`.
struct Counting<B> {
    inner: B,
    requests: u64,
    parts: usize,
    bytes: Bytes,
}

impl<B: Backend> Backend for Counting<B> {
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
        self.requests += 1;
        self.parts += request.parts.len();
        self.bytes += request.bytes();
        Ok(id)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.inner.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.inner.poll(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.inner.park(until)
    }
}

fn main() -> Result<()> {
    let inner = Sim::new(SimConfig::default())?;
    let counting = Counting { inner, requests: 0, parts: 0, bytes: 0 };
    let blocks = TierBlocks { device: 8, host: 32, disk: 0 };
    let pools = vec![PoolShape::Opaque { bytes: 4096 }];
    let window = WindowConfig { size: 1 << 20, blocks, pools };
    let config = EngineConfig { windows: vec![window], ..EngineConfig::default() };
    let mut engine = Engine::new(counting, config, |_| Box::new(Lru::default()))?;

    for id in 0..16 {
        let ids = (0..8).map(|block| 8 * (id % 4) + block).collect();
        engine.add(&Request::new(id, Prompt::Hashes { tenant: 0, ids }))?;
        engine.settle(RequestId(id))?;
        engine.remove(RequestId(id))?;
    }
    engine.drain()?;
    let moved = engine.transfer_stats().bytes;
    let Counting { requests, parts, bytes, inner } = engine.close()?;
    println!("{parts} parts of {bytes} bytes in {requests} requests by {}", inner.now());
    assert_eq!(moved, bytes, "nothing failed, so nothing was sent twice");
    Ok(())
}
