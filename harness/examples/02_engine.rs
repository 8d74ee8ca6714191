//! Two requests through an engine over host memory: the second finds what the first computed, after
//! it has been to host memory and back.
//!
//! `cargo run --example 02_engine`

use tierproof_backends::Dram;
use tierproof_core::{
    Backend, DecisionLog, Element, Engine, EngineConfig, PoolShape, PriorityLru, Prompt, Request,
    RequestId, Result, TierBlocks, TokenPrompt, WindowConfig,
};

const TOKENS_PER_BLOCK: u32 = 4;

fn main() -> Result<()> {
    // Two layers, keys and values, one head of 16 numbers of 16 bits: 512 bytes a block.
    let element = Element::Bits16;
    let pool = PoolShape::Attention { layers: 2, kv_factor: 2, heads: 1, head_dim: 16, element };
    let blocks = TierBlocks { device: 4, host: 4, disk: 0 };
    let config = EngineConfig {
        windows: vec![WindowConfig { size: 4096, blocks, pools: vec![pool] }],
        tokens_per_block: TOKENS_PER_BLOCK,
        sequence_tokens_max: 4096,
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(Dram::new(), config, |_| Box::new(PriorityLru::default()))?;

    let first = prompt(1, 0..13);
    serve(&mut engine, &first, 0xaa)?;
    // Another conversation needs all of the device: the first one moves to the host.
    serve(&mut engine, &prompt(2, 100..116), 0xbb)?;

    let found = engine.add(&Request { id: RequestId(3), ..first })?;
    println!("found again: {} of 13 tokens", found.matched_tokens);
    engine.settle(RequestId(3))?;
    let block = engine.held(RequestId(3), 0, 0)?[0];
    let mut bytes = [0; 512];
    let source = engine.descriptor(0, block, 0)?;
    engine.backend_mut().peek(source, &mut bytes)?;
    assert!(bytes.iter().all(|&byte| byte == 0xaa), "and they are the bytes that were computed");

    let mut log = DecisionLog::new(std::io::stdout());
    for event in engine.events() {
        log.observe(&event).expect("standard output takes it");
    }
    let hash = log.finish().expect("standard output takes it");
    println!("decision hash {hash}");
    Ok(())
}

fn prompt(id: u64, tokens: std::ops::Range<i32>) -> Request {
    Request::new(id, Prompt::Tokens(TokenPrompt::new(tokens.collect())))
}

/// A request from its admission to its end; the model computes `byte` wherever nothing was found.
fn serve(engine: &mut Engine<Dram>, request: &Request, byte: u8) -> Result<()> {
    engine.add(request)?;
    let settled = engine.settle(request.id)?;
    let known = (settled.matched_tokens / TOKENS_PER_BLOCK) as usize;
    let fresh = engine.held(request.id, 0, 0)?[known..].to_vec();
    for block in fresh {
        let target = engine.descriptor(0, block, 0)?;
        engine.backend_mut().fill(target, &[byte; 512])?;
    }
    engine.remove(request.id)?;
    Ok(())
}
