//! A block whose load fails is a miss: the request computes it and goes on, and no wrong byte is
//! served.
//!
//! `cargo run --example 05_failed_load`

use tierproof_core::{
    Backend, Engine, EngineConfig, ErrorKind, Fault, Lru, PoolShape, Prompt, Request, RequestId,
    Result, TierBlocks, TransferId, TransferRequest, WindowConfig,
};
use tierproof_sim::{FaultSource, Sim, SimConfig, Verdict};

/// Everything that needs a trailer checked, which is every load, fails.
struct LoadsFail;

impl FaultSource for LoadsFail {
    fn verdict(&mut self, request: &TransferRequest, _id: TransferId) -> Verdict {
        let loads = (0..).zip(&request.parts).filter(|(_, part)| part.check.is_some());
        let fault = Fault::new(ErrorKind::Device);
        Verdict::Fail { parts: loads.map(|(index, _)| (index, fault)).collect() }
    }
}

fn main() -> Result<()> {
    let sim = Sim::with_faults(SimConfig::default(), LoadsFail)?;
    let blocks = TierBlocks { device: 2, host: 2, disk: 0 };
    let pools = vec![PoolShape::Opaque { bytes: 512 }];
    let window = WindowConfig { size: 1 << 20, blocks, pools };
    let config = EngineConfig { windows: vec![window], ..EngineConfig::default() };
    let mut engine = Engine::new(sim, config, |_| Box::new(Lru::default()))?;

    for (id, ids) in [(1, vec![10, 11]), (2, vec![20, 21]), (3, vec![10, 11])] {
        let admission = engine.add(&Request::new(id, Prompt::Hashes { tenant: 0, ids }))?;
        let settled = engine.settle(RequestId(id))?;
        println!(
            "request {id}: {} tokens found, {} of them arrived",
            admission.matched_tokens, settled.matched_tokens
        );
        for block in engine.held(RequestId(id), 0, 0)?.to_vec() {
            let target = engine.descriptor(0, block, 0)?;
            engine.backend_mut().fill(target, &[id as u8; 512])?;
        }
        engine.remove(RequestId(id))?;
    }
    let (counters, moves) = (engine.counters(), engine.transfer_stats());
    println!(
        "{} hits lost, {} moves failed after {} retries",
        counters.lost_hits, moves.failed, moves.retries
    );
    assert_eq!((counters.hits_total(), counters.lost_hits), (0, 2));
    Ok(())
}
