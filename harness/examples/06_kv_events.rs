//! What a router learns of a cache: KV events in TensorRT-LLM's vocabulary.
//!
//! `cargo run --example 06_kv_events`

use tierproof_backends::Dram;
use tierproof_core::{
    Engine, EngineConfig, KvEventData, KvEvents, PriorityLru, Prompt, Request, RequestId, Result,
    TierBlocks, TokenPrompt, WindowConfig,
};

fn main() -> Result<()> {
    let blocks = TierBlocks { device: 3, host: 1, disk: 0 };
    let window = WindowConfig { size: 4096, blocks, pools: Vec::new() };
    let config = EngineConfig {
        windows: vec![window],
        tokens_per_block: 4,
        sequence_tokens_max: 4096,
        payload: false,
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(Dram::new(), config, |_| Box::new(PriorityLru::default()))?;
    let mut events = KvEvents::new(engine.window_sizes().collect(), 1024)?;

    for (id, tokens) in [(0, 0..9), (1, 0..9), (2, 50..62)] {
        let prompt = TokenPrompt::new(tokens.collect());
        engine.add(&Request::new(id, Prompt::Tokens(prompt)))?;
        engine.remove(RequestId(id))?;
        engine.events().for_each(|event| events.observe(&event));
        // The end of an iteration: what happened in it becomes visible.
        events.flush();
    }
    for event in events.take() {
        print!("{} ", event.id);
        match event.data {
            KvEventData::Created { blocks_per_tier } => println!("created {blocks_per_tier:?}"),
            KvEventData::Stored { parent, blocks } => {
                let hashes: Vec<String> =
                    blocks.iter().map(|b| format!("{:016x}", b.hash)).collect();
                println!("stored {} under {parent:x?}", hashes.join(" "));
            }
            KvEventData::Removed { hashes } => println!("removed {hashes:016x?}"),
            KvEventData::Updated { hash, tier, priority } => {
                println!("updated {hash:016x}: tier {tier:?}, priority {priority:?}");
            }
        }
    }
    Ok(())
}
