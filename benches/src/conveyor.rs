//! New prompts without end: each pushes the one before it from the device into files.

use crate::rounds::Lap;
use std::path::PathBuf;
use tierproof_backends::{Posix, PosixConfig};
use tierproof_core::{
    Bytes, Engine, EngineConfig, Lru, PoolShape, Prompt, Recovery, Request, RequestId, Retention,
    TierBlocks, TransferMode, Verify, WindowConfig,
};

/// Blocks of a prompt.
const PROMPT: u64 = 32;

/// Sizes of a conveyor.
#[derive(Debug, Clone)]
pub struct Belt {
    /// Where its files are.
    pub root: PathBuf,
    /// Payload bytes of a block.
    pub block: Bytes,
    /// Blocks on disk.
    pub disk: u32,
    /// Whether they are published for the next process.
    pub durable: bool,
}

/// An engine on files, whose device holds one prompt.
#[derive(Debug)]
pub struct Conveyor {
    engine: Engine<Posix>,
    belt: Belt,
    next: u64,
}

impl Conveyor {
    /// An engine that begins with what an earlier one left.
    ///
    /// # Panics
    /// Without room in files, or without a folder.
    #[must_use]
    pub fn new(belt: &Belt) -> Self {
        let blocks = TierBlocks { device: PROMPT as u32, host: 0, disk: belt.disk };
        let pools = vec![PoolShape::Opaque { bytes: belt.block }];
        let window = WindowConfig { size: 1 << 20, blocks, pools };
        let config = EngineConfig {
            windows: vec![window],
            verify: Verify::Disk,
            durable: belt.durable,
            model: "conveyor".into(),
            ..EngineConfig::default()
        };
        let posix = Posix::open(PosixConfig::new(&belt.root)).expect("a folder of ours");
        let engine = Engine::new(posix, config, |_| Box::new(Lru::default()));
        let engine = engine.expect("a valid configuration, and room for it");
        Self { engine, belt: belt.clone(), next: 0 }
    }

    /// What was found of an earlier engine.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        self.engine.recovery()
    }

    /// Serves the prompt of this number; answers how many of its blocks were found.
    ///
    /// # Panics
    /// If a move fails.
    pub fn serve(&mut self, prompt: u64) -> u64 {
        let ids = (prompt * PROMPT..(prompt + 1) * PROMPT).collect();
        let retention = Retention::default().with_files(TransferMode::Posix, "kv");
        let retention = retention.expect("a directory of the configuration");
        let prompt = Prompt::Hashes { tenant: 0, ids };
        let request = Request { retention, ..Request::new(self.next, prompt) };
        self.engine.add(&request).expect("the prompt fits");
        let settled = self.engine.settle(RequestId(self.next)).expect("the backend goes on");
        self.engine.remove(RequestId(self.next)).expect("it lives");
        drop(self.engine.events());
        self.next += 1;
        u64::from(settled.matched_tokens / EngineConfig::default().tokens_per_block)
    }

    /// Stores so many new prompts, and publishes after every `publish_step`-th and at the end.
    ///
    /// # Panics
    /// If a store fails.
    pub fn run(&mut self, prompts: u64, publish_step: u64) -> Lap {
        let bytes = prompts * PROMPT * self.belt.block;
        let before = self.engine.transfer_stats().bytes;
        let (lap, ()) = Lap::of(bytes, || self.store(prompts, publish_step));
        let after = self.engine.transfer_stats();
        assert_eq!(after.failed, 0);
        let first = PROMPT * self.belt.block;
        assert!(after.bytes - before >= bytes - first, "each prompt pushes the one before it out");
        lap
    }

    fn store(&mut self, prompts: u64, publish_step: u64) {
        for number in 1..=prompts {
            self.serve(self.next);
            if self.belt.durable && number.is_multiple_of(publish_step) {
                self.engine.publish().expect("the disk goes on");
            }
        }
        self.engine.drain().expect("the backend goes on");
        if self.belt.durable {
            self.engine.publish().expect("the disk goes on");
        }
    }

    /// Prompts that fill the disk tier.
    #[must_use]
    pub fn prompts(&self) -> u64 {
        u64::from(self.belt.disk).div_ceil(PROMPT)
    }
}
