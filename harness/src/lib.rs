//! Workloads, replay and reports over any backend, and the `tierproof` command.
//!
//! [`replay`] takes a [`Workload`] through an engine on the backend that [`Settings`] name, fills
//! every computed block with bytes that say whose they are, checks every block that is found, and
//! answers with an [`Outcome`].
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `draw` | random draws by counter |
//! | `arrival` | one request of a workload |
//! | `trace` | reading recorded workloads |
//! | `workload` | traces and seeded generators under one name |
//! | [`payload`] | bytes that say whose they are |
//! | `below` | what ran below an engine |
//! | `outcome` | what a replay came to |
//! | `settings` | what a replay runs on |
//! | `open` | opening a backend |
//! | `timed` | a backend whose calls are timed |
//! | `metered` | an engine whose own time is told from its backend's |
//! | `oracle` | what every block must hold |
//! | `laws` | what must hold between the numbers of a replay |
//! | [`lockstep`] | engine and model side by side |
//! | [`explore`] | seeds, faults, and laws that must hold |
//! | `replay` | the replay itself |
//! | `report` | an outcome for people |
//! | [`doctor`] | what this machine is good for, and what to do about the rest |

#![forbid(unsafe_code)]

mod arrival;
mod below;
pub mod doctor;
mod draw;
#[cfg(feature = "sim")]
pub mod explore;
mod laws;
pub mod lockstep;
mod metered;
mod open;
mod oracle;
mod outcome;
pub mod payload;
mod replay;
mod report;
mod settings;
mod timed;
mod trace;
mod workload;

pub use arrival::{Arrival, WorkRequest};
pub use below::{Below, BelowGpu, BelowNixl};
pub use draw::{Draws, fold, mix};
pub use outcome::Outcome;
pub use replay::{Replay, replay};
pub use report::report;
pub use settings::{BackendKind, Root, Settings};
pub use trace::{COUNT_MAX, LINE_LEN_MAX, Trace, TraceError};
pub use workload::{Agent, Batch, Builtin, Chat, Progress, REQUESTS_DEFAULT, Rag, Workload};
