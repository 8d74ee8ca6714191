//! What is done: operations, requests, prompts and retentions.

use serde::{Deserialize, Serialize};

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// A request comes.
    Add(PlanAdd),
    /// A request generates a token.
    Append {
        /// Which request.
        request: u64,
        /// The token.
        token: i32,
    },
    /// A request takes generated tokens back.
    Rewind {
        /// Which request.
        request: u64,
        /// How many tokens.
        tokens: usize,
    },
    /// The context blocks of a request become findable.
    Store {
        /// Which request.
        request: u64,
    },
    /// The blocks that a request has just filled become findable.
    StoreNew {
        /// Which request.
        request: u64,
    },
    /// A request ends.
    Remove {
        /// Which request.
        request: u64,
    },
    /// The blocks of a request's first beam get a reference more.
    Pin {
        /// Which request.
        request: u64,
    },
    /// A pin's references are given up.
    Unpin {
        /// The n-th successful [`Op::Pin`] of the plan, from 0.
        pin: usize,
    },
    /// A block of a request's first beam leaves the device.
    Offload {
        /// Which request.
        request: u64,
        /// Window number.
        window: usize,
        /// Index in the sequence, those before the front of a sliding window included.
        index: usize,
    },
    /// A block of a request's first beam comes to the device.
    Onboard {
        /// Which request.
        request: u64,
        /// Window number.
        window: usize,
        /// Index in the sequence, those before the front of a sliding window included.
        index: usize,
    },
    /// Time passes.
    Advance {
        /// By so much.
        millis: u64,
    },
    /// The moves into a request's blocks are waited for.
    Settle {
        /// Which request.
        request: u64,
    },
    /// Every move is waited for.
    Drain,
    /// The engine gets a turn.
    Step,
}

/// A request that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAdd {
    /// Its id; one that is in use is refused.
    pub request: u64,
    /// What it asks.
    pub prompt: PlanPrompt,
    /// Beams, at least 1.
    pub beams: usize,
    /// Whether its cache is that of cross-attention.
    pub cross_attention: bool,
    /// How long its blocks are wanted.
    pub retention: PlanRetention,
}

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlanPrompt {
    /// One hash for each full block.
    Hashes(Vec<u64>),
    /// Tokens.
    Tokens(PlanTokens),
}

/// A prompt of tokens and what tells it from others of the same tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTokens {
    /// The tokens.
    pub tokens: Vec<i32>,
    /// One for each token.
    pub extra_ids: Option<Vec<u64>>,
    /// Adapter.
    pub lora: Option<u64>,
    /// Salt.
    pub salt: Option<u64>,
    /// Tenant.
    pub tenant: u32,
    /// Images and the like.
    pub multimodal: Vec<PlanMultimodal>,
}

/// An image or the like, and the tokens it stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanMultimodal {
    /// What it is.
    pub hash: [i32; 8],
    /// Its first token.
    pub start: usize,
    /// How many tokens.
    pub len: usize,
}

/// How long a request's blocks are wanted, and where they may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRetention {
    /// Priorities of parts of the prompt.
    pub ranges: Vec<PlanRange>,
    /// Priority of blocks of generated tokens.
    pub decode_priority: u8,
    /// How long that priority holds.
    pub decode_duration_ms: Option<u64>,
    /// How content leaves the device.
    pub mode: PlanMode,
    /// Where files lie.
    pub directory: String,
}

impl Default for PlanRetention {
    fn default() -> Self {
        Self {
            ranges: Vec::new(),
            decode_priority: 35,
            decode_duration_ms: None,
            mode: PlanMode::Dram,
            directory: String::new(),
        }
    }
}

/// The priority of some tokens of the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRange {
    /// First token.
    pub start: usize,
    /// One past the last token; none: to the end.
    pub end: Option<usize>,
    /// 0 to 100.
    pub priority: u8,
    /// How long the priority holds.
    pub duration_ms: Option<u64>,
}

/// How content leaves the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanMode {
    /// To host memory only.
    Dram,
    /// To host memory and to files, directly.
    Gds,
    /// To host memory and to files, through the system.
    Posix,
}
