//! KV-cache blocks, tiers and transfers: the engine, and the trait that every backend implements.
//!
//! A serving engine's keys and values are computed block by block on a device. [`Engine`] decides
//! which blocks stay there, which go to host memory or disk, and which are found again, and moves
//! their bytes over a [`Backend`]. Decisions are a pure function of configuration, requests and
//! failed transfers; `docs/blocks.md` is their rule book. Nothing here reads a clock, spawns a
//! thread, logs or sleeps.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | [`probes`] | what runs are meant to come by; nothing in ordinary builds |
//! | `error`, `units` | [`Error`], [`Nanos`], [`Bytes`] |
//! | `key` | [`BlockKey`]: what a block's content is, and the two hashes made of it |
//! | `block` | [`BlockId`], [`Tier`], [`Place`] |
//! | `descriptor` | [`Medium`], [`RegionId`], [`Descriptor`]: where bytes are |
//! | `trailer` | [`Stamp`]: what a stored block says of itself |
//! | `transfer` | [`TransferRequest`], [`Completion`], [`RetryPolicy`] |
//! | `backend` | [`Backend`]: memory, files and time |
//! | `retention` | [`Retention`]: what blocks are worth and where they may spill |
//! | `event` | [`Event`]: what happened, as values; read by `counters`, `kv_event` and `decision` |
//! | `eviction` | [`EvictionPolicy`], and a file for each policy |
//! | `pool` | [`PoolShape`], [`Pool`], [`OffsetTable`]: the bytes of a block |
//! | [`capacity`] | how many blocks requests need |
//! | `tree` | the prefix tree |
//! | `tiers` | blocks that nobody uses |
//! | `order` | what deciding leaves to do |
//! | `recovery`, `index` | [`Recovery`]; the index of a durable disk tier, for the next process |
//! | `window` | one attention window and every decision about it |
//! | `slots` | where the bytes of blocks are |
//! | `mover` | carries moves out, fenced, retried, timed |
//! | `config`, `sequence` | [`EngineConfig`], [`Request`] |
//! | `engine` | [`Engine`] |

#![forbid(unsafe_code)]

// First, because its macros are known only behind it.
#[macro_use]
pub mod probes;

mod backend;
mod block;
pub mod capacity;
mod config;
mod counters;
mod decision;
mod descriptor;
mod engine;
mod error;
mod event;
mod eviction;
mod index;
mod key;
mod kv_event;
mod mover;
mod order;
mod pool;
mod recovery;
mod retention;
mod sequence;
mod slots;
mod tiers;
mod trailer;
mod transfer;
mod tree;
mod units;
mod window;

pub use backend::{Backend, Capability, Fallback, Route};
pub use block::{BlockId, PRIORITY_DEFAULT, PRIORITY_MAX, Place, Tier};
pub use config::{EngineConfig, WindowConfig};
pub use counters::Counters;
pub use decision::DecisionLog;
pub use descriptor::{Descriptor, FileMedium, FileRole, Medium, MediumKind, RegionId};
pub use engine::{Admission, BlockState, Engine, PinId, Settled};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, NoFiles, RequestId};
pub use eviction::{Candidate, End, EvictionPolicy, Lru, POLICIES, PriorityLru, policy};
pub use key::{
    BlockKey, ChainKey, KeySpace, MultimodalItem, MultimodalKey, TokenKey, TokenPrompt, event_hash,
};
pub use kv_event::{KvEvent, KvEventData, KvEvents, StoredBlock};
pub use mover::TransferStats;
pub use pool::{Element, ModelShape, OffsetTable, Pool, PoolShape};
pub use recovery::Recovery;
pub use retention::{Retention, TokenRange};
pub use sequence::{Prompt, Request};
pub use slots::Verify;
pub use tiers::{TierBlocks, TierUse};
pub use trailer::{Refusal, Stamp, TRAILER_LEN};
pub use transfer::{
    Completion, Fault, Part, RetryPolicy, Rows, TransferId, TransferMode, TransferRequest,
};
pub use units::{Bytes, Nanos, round_up};
pub use window::RequestStats;
