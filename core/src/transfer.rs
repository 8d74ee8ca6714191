//! Moving bytes: a request, its deadline, and the completion that ends it.

use crate::descriptor::Descriptor;
use crate::error::ErrorKind;
use crate::trailer::{Refusal, Stamp};
use crate::units::{Bytes, Nanos};

/// Names a submitted request of one backend. Never reused while that backend lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// Equal rows at a fixed distance, alike in source and target: what `cuMemcpy2D` copies.
///
/// A whole block is one row. The first tokens of a block are one row for each layer, K or V and
/// head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rows {
    /// How many rows; at least 1.
    pub count: u32,
    /// Bytes copied of each row.
    pub len: Bytes,
    /// Bytes from the start of one row to the start of the next.
    pub pitch: Bytes,
}

/// One copy of a request. `source` and `target` have the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Where the bytes are.
    pub source: Descriptor,
    /// Where they go. Garbage after any failure.
    pub target: Descriptor,
    /// Copy only these rows of the descriptors, between memories; `None` copies all.
    pub rows: Option<Rows>,
    /// Verify the trailer behind the whole source before the copy counts as done.
    pub check: Option<Stamp>,
    /// Write this trailer behind the target. Never together with `rows`.
    pub seal: Option<Stamp>,
}

/// How a file is meant to be reached. A backend that can't says so in its capability.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum TransferMode {
    /// Host memory only: blocks never go to a file.
    #[default]
    Dram,
    /// Files, directly from and to device memory (`GPUDirect` Storage).
    Gds,
    /// Files, through plain system calls.
    Posix,
}

/// A group of copies between the same two media that is submitted, and completes, at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferRequest {
    /// How the requests whose blocks move asked for files to be reached.
    pub mode: TransferMode,
    /// When to give up, in the backend's time.
    pub deadline: Nanos,
    /// The copies, at least one. Their targets do not overlap each other or any source.
    pub parts: Vec<Part>,
}

impl TransferRequest {
    /// Payload bytes that the request copies.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.parts.iter().map(Part::bytes).sum()
    }
}

impl Part {
    /// Payload bytes that this part copies.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.rows.map_or(self.source.len, |rows| rows.len * Bytes::from(rows.count))
    }
}

/// Why one part failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// Why the bytes were refused, where they were ([`ErrorKind::Corrupt`]).
    pub refusal: Option<Refusal>,
}

impl Fault {
    /// A failure that is not about the bytes.
    #[must_use]
    pub const fn new(kind: ErrorKind) -> Self {
        Self { kind, refusal: None }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { kind: ErrorKind::Corrupt, refusal: Some(refusal) }
    }
}

/// The end of a request: reported once for every accepted submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Which request.
    pub id: TransferId,
    /// When it ended, in the backend's time.
    pub at: Nanos,
    /// The parts that failed, by ascending index; empty if all succeeded.
    pub faults: Vec<(u32, Fault)>,
}

/// When a failed transfer is tried again. Data, so that a plan can carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// How often a transfer is submitted at most, the first time included; at least 1.
    pub attempts_max: u8,
    /// Nanoseconds that each attempt may take.
    pub timeout: Nanos,
    /// Whether refused bytes are tried again too: that heals damage on the way, not at rest.
    pub reread_corrupt: bool,
}

impl RetryPolicy {
    /// Whether a transfer that failed with `fault` in its `attempt` (from 1) is tried again.
    ///
    /// A transfer that timed out never is: its buffers are not ours until it really ends.
    #[must_use]
    pub fn retries(&self, fault: Fault, attempt: u8) -> bool {
        attempt < self.attempts_max
            && match fault.kind {
                ErrorKind::Device | ErrorKind::Busy => true,
                ErrorKind::Corrupt => self.reread_corrupt,
                _ => false,
            }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 2, timeout: Nanos::from_millis(30_000), reread_corrupt: true }
    }
}
