//! Short words to write plans with: configurations, requests, scripts.

mod request;
mod script;

use tierproof::lockstep::plan::{PlanConfig, PlanPolicy, PlanWindow};

pub use request::{Request, image};
pub use script::Script;

/// The directory that [`config`] declares.
pub const DIRECTORY: &str = crate::strategy::DIRECTORY;

/// The tokens `from..to`.
#[expect(non_snake_case, reason = "the vectors' own word")]
#[must_use]
pub fn R(from: i32, to: i32) -> Vec<i32> {
    (from..to).collect()
}

/// A configuration to be changed.
#[derive(Debug, Clone)]
pub struct Config(pub PlanConfig);

/// One window of `device` blocks; everything on; one reserve block for each lower tier.
#[must_use]
pub fn config(tokens_per_block: usize, device: usize, tokens_max: usize) -> Config {
    let window = PlanWindow { size: tokens_max, device, host: 0, disk: 0 };
    Config(PlanConfig {
        windows: vec![window],
        tokens_per_block,
        sequence_tokens_max: tokens_max,
        reuse: true,
        partial_reuse: true,
        copy_on_partial_reuse: true,
        onboard: true,
        reserve: 1,
        policy: PlanPolicy::PriorityLru,
        offload_priority_min: 30,
        directories: vec![DIRECTORY.to_owned()],
        block_bytes: 64,
    })
}

impl Config {
    /// Nothing is found again.
    #[must_use]
    pub fn without_reuse(mut self) -> Self {
        self.0.reuse = false;
        self
    }

    /// The first window's attention size.
    #[must_use]
    pub fn window(mut self, size: usize) -> Self {
        self.0.windows[0].size = size;
        self
    }

    /// The first window's host blocks.
    #[must_use]
    pub fn host(mut self, blocks: usize) -> Self {
        self.0.windows[0].host = blocks;
        self
    }

    /// The first window's disk blocks.
    #[must_use]
    pub fn disk(mut self, blocks: usize) -> Self {
        self.0.windows[0].disk = blocks;
        self
    }

    /// One window more.
    #[must_use]
    pub fn and_window(mut self, size: usize, [device, host, disk]: [usize; 3]) -> Self {
        self.0.windows.push(PlanWindow { size, device, host, disk });
        self
    }

    /// Partial matches are taken in place or not at all.
    #[must_use]
    pub fn without_copies(mut self) -> Self {
        self.0.copy_on_partial_reuse = false;
        self
    }

    /// One FIFO a tier.
    #[must_use]
    pub fn lru(mut self) -> Self {
        self.0.policy = PlanPolicy::Lru;
        self
    }
}
