//! What a plan leaves open: how its bytes are laid out, sealed and compared.

use serde::{Deserialize, Serialize};
use tierproof_core::{
    Element, EngineConfig, EvictionPolicy, Lru, Nanos, PoolShape, PriorityLru, RetryPolicy,
    TierBlocks, Verify, WindowConfig,
};

use crate::lockstep::plan::{PlanConfig, PlanPolicy, PlanWindow};

use super::layout::Layout;

/// When bytes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bytes {
    /// All of them after every operation, once every transfer has ended.
    Every,
    /// Those of a request when it settles, all of them at a drain and at the end, so that transfers
    /// pile up and have to wait for each other.
    Lazy,
}

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pools {
    /// Two groups of layers, so that each token has a few bytes in each of nine rows.
    Attention,
    /// One pool whose blocks are only copied whole.
    Opaque,
}

/// Whether transfers may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trouble {
    /// A failure, a retry, a late transfer or a stray completion is a mismatch already.
    Never,
    /// Engine and model have to agree on what comes of it.
    Expected,
}

/// What a plan leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// When bytes are compared.
    pub bytes: Bytes,
    /// What a block is made of.
    pub pools: Pools,
    /// Which stored blocks carry trailers.
    pub verify: Verify,
    /// When failed transfers are tried again.
    pub retry: RetryPolicy,
    /// Whether transfers may fail.
    pub trouble: Trouble,
}

impl Default for Setup {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl Setup {
    /// Every byte of sealed blocks of two pools after every operation, where nothing fails.
    pub const PLAIN: Self = Self {
        bytes: Bytes::Every,
        pools: Pools::Attention,
        verify: Verify::All,
        retry: RetryPolicy {
            attempts_max: 2,
            timeout: Nanos::from_millis(30_000),
            reread_corrupt: true,
        },
        trouble: Trouble::Never,
    };

    /// Whether what lies in a tier carries a trailer.
    pub(super) fn seals(self, tier: usize) -> bool {
        match self.verify {
            Verify::Off => false,
            Verify::Disk => tier == 2,
            Verify::All => tier > 0,
        }
    }

    /// The engine's configuration for a plan.
    pub(crate) fn engine_config(self, config: &PlanConfig) -> EngineConfig {
        EngineConfig {
            windows: config.windows.iter().map(|window| self.window(window, config)).collect(),
            tokens_per_block: number(config.tokens_per_block),
            sequence_tokens_max: number(config.sequence_tokens_max),
            reuse: config.reuse,
            partial_reuse: config.partial_reuse,
            copy_on_partial_reuse: config.copy_on_partial_reuse,
            offload: config.onboard,
            reserve: number(config.reserve),
            directories: config.directories.clone(),
            verify: self.verify,
            retry: self.retry,
            ..EngineConfig::default()
        }
    }

    fn window(self, window: &PlanWindow, config: &PlanConfig) -> WindowConfig {
        let blocks = TierBlocks {
            device: number(window.device),
            host: number(window.host),
            disk: number(window.disk),
        };
        WindowConfig { size: number(window.size), blocks, pools: self.pools.shapes(config) }
    }

    /// The policy that a plan asks for.
    pub(crate) fn policy(config: &PlanConfig) -> Box<dyn EvictionPolicy> {
        match config.policy {
            PlanPolicy::Lru => Box::new(Lru::default()),
            PlanPolicy::PriorityLru => Box::new(PriorityLru::new(config.offload_priority_min)),
        }
    }
}

impl Pools {
    fn shapes(self, config: &PlanConfig) -> Vec<PoolShape> {
        match self {
            Self::Opaque => {
                vec![PoolShape::Opaque { bytes: opaque_token(config) * tokens(config) }]
            }
            Self::Attention => vec![
                PoolShape::Attention {
                    layers: 1,
                    kv_factor: 1,
                    heads: 1,
                    head_dim: 4,
                    element: Element::Bits16,
                },
                PoolShape::Attention {
                    layers: 2,
                    kv_factor: 2,
                    heads: 2,
                    head_dim: 2,
                    element: Element::Bits8,
                },
            ],
        }
    }

    /// Where tokens are in each pool: worked out here, not asked of the engine.
    pub(crate) fn layouts(self, config: &PlanConfig) -> Vec<Layout> {
        let tokens = config.tokens_per_block;
        let layout = |rows, token_bytes| Layout { rows, token_bytes, tokens };
        match self {
            Self::Opaque => vec![layout(1, opaque_token(config) as usize)],
            Self::Attention => vec![layout(1, 4 * 2), layout(2 * 2 * 2, 2)],
        }
    }
}

fn tokens(config: &PlanConfig) -> u64 {
    config.tokens_per_block as u64
}

fn opaque_token(config: &PlanConfig) -> u64 {
    config.block_bytes.div_ceil(tokens(config))
}

fn number(of: usize) -> u32 {
    u32::try_from(of).expect("plans are smaller than the engine's limits")
}
