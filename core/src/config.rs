//! Configuration of an engine, checked before anything is allocated.

use crate::block::Spill;
use crate::error::{Error, ErrorKind, Result};
use crate::key::KeySpace;
use crate::pool::{Pool, PoolShape};
use crate::slots::Verify;
use crate::tiers::TierBlocks;
use crate::transfer::RetryPolicy;

/// One attention window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowConfig {
    /// Attention size in tokens. Sequences longer than it slide.
    pub size: u32,
    /// Blocks of each tier.
    pub blocks: TierBlocks,
    /// What each pool holds of a block.
    pub pools: Vec<PoolShape>,
}

/// Everything about an engine but its policy and its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// At least one; sizes differ.
    pub windows: Vec<WindowConfig>,
    /// Tokens of a full block.
    pub tokens_per_block: u32,
    /// Tokens of the longest sequence.
    pub sequence_tokens_max: u32,
    /// Blocks of ended requests can be found again.
    pub reuse: bool,
    /// So can their first tokens.
    pub partial_reuse: bool,
    /// First tokens are copied where the block itself can't be taken.
    pub copy_on_partial_reuse: bool,
    /// Evicted blocks go to lower tiers, and come back.
    pub offload: bool,
    /// Extra slots of each lower tier, so that a full hierarchy can exchange blocks; at least 1.
    /// More let more exchanges be under way at once.
    pub reserve: u32,
    /// This process in its tensor-parallel group.
    pub rank: u32,
    /// The accelerator.
    pub device: u32,
    /// Where files may go, beneath the operator's root; every disk tier is laid out in each.
    pub directories: Vec<String>,
    /// Which stored blocks carry trailers.
    pub verify: Verify,
    /// Blocks in files that were published can be found by the next process; see
    /// [`Engine::publish`](crate::Engine::publish). Takes 64 bytes of memory and of a file for each disk slot.
    pub durable: bool,
    /// What becomes of failed transfers.
    pub retry: RetryPolicy,
    /// Names model and weights: content of another model is never found.
    pub model: String,
    /// Keeps outsiders from choosing colliding prompts.
    pub secret: [u8; 32],
    /// Move bytes. Without, the engine only decides.
    pub payload: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            tokens_per_block: 64,
            sequence_tokens_max: 1 << 20,
            reuse: true,
            partial_reuse: true,
            copy_on_partial_reuse: true,
            offload: true,
            reserve: 16,
            rank: 0,
            device: 0,
            directories: vec!["kv".to_owned()],
            verify: Verify::All,
            durable: false,
            retry: RetryPolicy::default(),
            model: String::new(),
            secret: [0; 32],
            payload: true,
        }
    }
}

const WINDOWS_MAX: usize = 64;

fn invalid<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Config, what))
}

impl EngineConfig {
    /// How an engine of this configuration names the content of blocks, in its trailers too.
    #[must_use]
    pub fn key_space(&self) -> KeySpace {
        // A block's content is the same however many blocks there are.
        let mut shapes: Vec<_> =
            self.windows.iter().map(|window| (window.size, &window.pools)).collect();
        shapes.sort_by_key(|(size, _)| *size);
        KeySpace::new(
            self.tokens_per_block,
            &format!("{}\0{}\0{shapes:?}", self.model, self.tokens_per_block),
            &self.secret,
        )
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.windows.is_empty() || self.windows.len() > WINDOWS_MAX {
            return invalid(format!("{} windows: give 1 to {WINDOWS_MAX}", self.windows.len()));
        }
        if self.tokens_per_block == 0 || self.sequence_tokens_max == 0 {
            return invalid("tokens_per_block and sequence_tokens_max: give at least 1");
        }
        if u64::from(self.tokens_per_block) + u64::from(self.sequence_tokens_max)
            > u64::from(u32::MAX)
        {
            return invalid("tokens_per_block and sequence_tokens_max: give less than 2^32 in all");
        }
        if self.retry.attempts_max == 0 {
            return invalid("retry.attempts_max is 0: give at least 1");
        }
        if self.directories.len() > Spill::DIRECTORIES_MAX {
            return invalid(format!(
                "{} directories: give at most {}",
                self.directories.len(),
                Spill::DIRECTORIES_MAX
            ));
        }
        self.validate_durable()?;
        self.windows.iter().try_for_each(|window| self.validate_window(window))
    }

    fn validate_durable(&self) -> Result<()> {
        if !self.durable {
            return Ok(());
        }
        if self.verify == Verify::Off {
            return invalid(
                "durable without trailers: only they tell what an index that is out of date speaks of; verify \
                 the disk at least",
            );
        }
        if !self.payload || self.windows.iter().all(|window| window.blocks.disk == 0) {
            return invalid(
                "durable without a disk tier that moves bytes: add one, or leave it out",
            );
        }
        Ok(())
    }

    fn validate_window(&self, window: &WindowConfig) -> Result<()> {
        let WindowConfig { size, blocks, pools } = window;
        if *size == 0 || blocks.device == 0 {
            return invalid(format!(
                "window {size} with {} device blocks: give at least 1 token and 1 block",
                blocks.device
            ));
        }
        if self.windows.iter().filter(|other| other.size == *size).count() > 1 {
            return invalid(format!("two windows of {size} tokens: make them one"));
        }
        if self.reserve == 0 && (blocks.host > 0 || blocks.disk > 0) {
            return invalid(
                "reserve is 0: lower tiers need at least 1 extra slot to exchange blocks",
            );
        }
        let ordinary: u64 = blocks.by_tier().into_iter().map(u64::from).sum();
        if ordinary + 2 * u64::from(self.reserve) >= u64::from(u32::MAX) {
            return invalid(format!("window {size} has {ordinary} blocks: give less than 2^32"));
        }
        if blocks.disk > 0 && self.directories.is_empty() {
            return invalid(format!("window {size} has a disk tier: declare a directory for it"));
        }
        if self.payload && pools.is_empty() {
            return invalid(format!("window {size} has no pools: give at least 1, or no payload"));
        }
        Ok(())
    }
}

impl WindowConfig {
    /// The pools for blocks of `tokens_per_block` tokens.
    pub(crate) fn layout(&self, tokens_per_block: u32) -> Result<Vec<Pool>> {
        let layouts = self.pools.iter().map(|shape| shape.layout(tokens_per_block));
        Ok(layouts.collect::<Result<Vec<_>>>()?.concat())
    }
}
