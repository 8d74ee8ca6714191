//! KV-cache blocks, tiers and transfers.

#![forbid(unsafe_code)]

mod backend;
mod block;
pub mod capacity;
mod eviction;
mod key;
mod pool;
mod retention;
mod tree;
mod descriptor;
mod error;
mod trailer;
mod transfer;
mod units;

pub use backend::{Backend, Capability, Fallback, Route};
pub use descriptor::{Descriptor, FileMedium, Medium, MediumKind, RegionId};
pub use error::{Error, ErrorKind, Result};
pub use trailer::{Refusal, Stamp, TRAILER_LEN};
pub use transfer::{
    Completion, Fault, Part, RetryPolicy, Rows, TransferId, TransferMode, TransferRequest,
};
pub use units::{Bytes, Nanos, round_up};
pub use block::{BlockId, PRIORITY_DEFAULT, PRIORITY_MAX, Place, Tier};
pub use eviction::{Candidate, End, EvictionPolicy, Lru, POLICIES, PriorityLru, policy};
pub use key::{
    BlockKey, ChainKey, KeySpace, MultimodalItem, MultimodalKey, TokenKey, TokenPrompt, event_hash,
};
pub use pool::{Element, ModelShape, OffsetTable, Pool, PoolShape};
pub use retention::{Retention, TokenRange};
