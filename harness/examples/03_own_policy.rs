//! An eviction policy of one's own, made of a built-in one: least recently used, but only what a
//! request said is valuable goes to host memory.
//!
//! `cargo run --example 03_own_policy`

use std::collections::BTreeMap;
use tierproof::Workload;
use tierproof_backends::Dram;
use tierproof_core::{
    BlockId, Candidate, Counters, End, Engine, EngineConfig, EvictionPolicy, Lru, Nanos, Request,
    RequestId, Result, Retention, Tier, TierBlocks, TokenRange, WindowConfig,
};

/// The blocks of a system prompt's first tokens are worth this much; all others 35.
const VALUABLE: u8 = 80;

#[derive(Debug, Default)]
struct Choosy {
    order: Lru,
    priorities: BTreeMap<BlockId, u8>,
}

impl EvictionPolicy for Choosy {
    fn name(&self) -> &'static str {
        "choosy"
    }

    fn insert(&mut self, candidate: Candidate, end: End) {
        self.priorities.insert(candidate.block, candidate.priority);
        self.order.insert(candidate, end);
    }

    fn remove(&mut self, block: BlockId) {
        self.priorities.remove(&block);
        self.order.remove(block);
    }

    fn victim(&self, tier: Tier) -> Option<BlockId> {
        self.order.victim(tier)
    }

    fn relocate(&mut self, block: BlockId, tier: Tier) {
        self.order.relocate(block, tier);
    }

    fn keeps(&self, victim: BlockId) -> bool {
        self.priorities.get(&victim).is_some_and(|&priority| priority >= VALUABLE)
    }

    fn len(&self, tier: Tier) -> usize {
        self.order.len(tier)
    }

    fn advance(&mut self, now: Nanos, expired: &mut Vec<BlockId>) {
        self.order.advance(now, expired);
    }

    fn heap_bytes(&self) -> usize {
        self.order.heap_bytes() + self.priorities.len() * size_of::<(BlockId, u8)>()
    }
}

fn run(policy: impl Fn() -> Box<dyn EvictionPolicy>) -> Result<Counters> {
    let blocks = TierBlocks { device: 256, host: 256, disk: 0 };
    let window = WindowConfig { size: 1 << 20, blocks, pools: Vec::new() };
    let config = EngineConfig { windows: vec![window], payload: false, ..Default::default() };
    let first_blocks = 16 * config.tokens_per_block;
    let mut engine = Engine::new(Dram::new(), config, |_| policy())?;
    let range =
        TokenRange { start: 0, end: Some(first_blocks), priority: VALUABLE, duration_ms: None };
    let retention = Retention::default().with_ranges(vec![range])?;
    for (id, arrival) in (0..).zip(Workload::open("rag", 0, Some(2_000))?) {
        let mut request = Request::new(id, arrival?.request.prompt);
        request.retention = retention.clone();
        engine.add(&request)?;
        engine.remove(RequestId(id))?;
        engine.events();
    }
    Ok(*engine.counters())
}

fn main() -> Result<()> {
    let say = |name: &str, counters: Counters| {
        let Counters { offloads, .. } = counters;
        println!("{name:7} {} blocks found, {offloads} sent to the host", counters.hits_total());
    };
    say("lru", run(|| Box::new(Lru::default()))?);
    say("choosy", run(|| Box::new(Choosy::default()))?);
    Ok(())
}
