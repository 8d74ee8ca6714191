//! One request of a workload, and when it comes.

use tierproof_core::{Nanos, Prompt};

/// A request and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it comes, from the start of the workload. Never before the arrival in front of it.
    pub at: Nanos,
    /// What comes.
    pub request: WorkRequest,
}

/// What a client asks and what the model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkRequest {
    /// The prompt: block hashes, or tokens.
    pub prompt: Prompt,
    /// The tokens that the model generates. Empty beside a prompt of hashes, whose answer no
    /// hash names.
    pub output: Vec<i32>,
}

impl Arrival {
    /// A prompt of full blocks named by `ids`, of tenant 0.
    #[must_use]
    pub fn of_hashes(at: Nanos, ids: Vec<u64>) -> Self {
        let prompt = Prompt::Hashes { tenant: 0, ids };
        Self { at, request: WorkRequest { prompt, output: Vec::new() } }
    }
}
