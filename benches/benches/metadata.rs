//! What knowing a block costs, in bytes and in time, from ten thousand blocks to ten million.

use peak_alloc::PeakAlloc;
use tierproof_backends::Dram;
use tierproof_benches::draw::{Draw, mix};
use tierproof_benches::rounds::{Lap, Rounds, Unit, rounds_wanted};
use tierproof_core::{
    Engine, EngineConfig, Lru, Prompt, Request, RequestId, TierBlocks, WindowConfig,
};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const SIZES: [u32; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const PROMPT: u32 = 24;
const REQUESTS_A_LAP: u32 = 20_000;
/// Beside the key.
const BYTES_MAX: usize = 128;

fn main() {
    measure("device alone", |blocks| TierBlocks { device: blocks, host: 0, disk: 0 });
    measure("a quarter on the device, the rest in host memory", |blocks| TierBlocks {
        device: blocks / 4,
        host: blocks - blocks / 4,
        disk: 0,
    });
}

fn measure(name: &str, tiers: impl Fn(u32) -> TierBlocks) {
    println!("\nmetadata, {name}: bytes a block, keys of 16 bytes included");
    println!("  {:>10}  {:>10}  {:>10}", "blocks", "counted", "allocated");
    let title = format!("request cycle, {name}, prompts of {PROMPT} blocks");
    let mut rounds = Rounds::new(title, Unit::Blocks);
    for blocks in SIZES {
        let before = HEAP.current_usage();
        let mut cache = Cache::new(blocks, tiers(blocks));
        let allocated = (HEAP.current_usage() - before) / blocks as usize;
        let counted = cache.engine.metadata_bytes() / blocks as usize;
        println!("  {blocks:>10}  {counted:>10}  {allocated:>10}");
        assert!(counted.max(allocated) <= BYTES_MAX, "at most {BYTES_MAX} bytes a block");
        rounds.add(format!("{blocks} blocks"), move || {
            let serve = || (0..REQUESTS_A_LAP).for_each(|_| cache.serve());
            Lap::of(u64::from(REQUESTS_A_LAP * PROMPT), serve).0
        });
    }
    rounds.run(rounds_wanted());
    println!("{rounds}");
    println!("  the cost of a block at most doubles where its ratio is at least 0.5");
}

/// An engine that only decides, and prompts that have a quarter more blocks than it.
struct Cache {
    engine: Engine<Dram>,
    request: Request,
    prompts: u64,
    draw: Draw,
}

impl Cache {
    /// A cache that is full.
    fn new(blocks: u32, tiers: TierBlocks) -> Self {
        let window = WindowConfig { size: 1 << 20, blocks: tiers, pools: Vec::new() };
        let config = EngineConfig { windows: vec![window], payload: false, ..Default::default() };
        let engine = Engine::new(Dram::new(), config, |_| Box::new(Lru::default()));
        let mut cache = Self {
            engine: engine.expect("a valid configuration"),
            request: Request::new(0, Prompt::Hashes { tenant: 0, ids: Vec::new() }),
            prompts: u64::from(blocks / PROMPT) * 5 / 4,
            draw: Draw::new(blocks.into()),
        };
        (0..cache.prompts).for_each(|prompt| cache.serve_prompt(prompt));
        cache
    }

    fn serve(&mut self) {
        let prompt = self.draw.below(self.prompts);
        self.serve_prompt(prompt);
    }

    fn serve_prompt(&mut self, prompt: u64) {
        self.request.id = RequestId(self.request.id.0 + 1);
        if let Prompt::Hashes { ids, .. } = &mut self.request.prompt {
            let first = prompt * u64::from(PROMPT);
            ids.clear();
            ids.extend((first..first + u64::from(PROMPT)).map(mix));
        }
        self.engine.add(&self.request).expect("the prompt fits");
        self.engine.remove(self.request.id).expect("it was just added");
        drop(self.engine.events());
    }
}
