//! A deterministic storage device in virtual time, with real bytes.
//!
//! [`Sim`] is a [`Backend`](tierproof_core::Backend) whose clock jumps from event to event. Its
//! rules:
//!
//! - **Time.** A request waits, first come first served, for one of its route's places, then for
//!   the route's latency (and jitter, if any), and then shares the route's link fairly with all
//!   that is on it. [`Profile`] says how long that takes. All of it is integer arithmetic; rounding
//!   is described in `link`. Events happen by time and then by number.
//! - **Draws.** Everything random is a hash of the seed, its purpose, and what it is about. A
//!   request is known by where its first part goes and how often something went there before, so
//!   that leaving one out changes the draws of no request between other places. Completions of one
//!   instant are reported in drawn order.
//! - **Bytes.** What nobody wrote is noise that says whose it is ([`Poison`]), never zero, but for files that last,
//!   as file systems have it. A request owns its ranges from submit until
//!   its completion is *polled*: nothing else may write its sources, or read or write its targets.
//!   So nobody can tell at what moment between the bytes move. Parts that fail by a verdict leave
//!   garbage in their targets; parts whose source is refused leave their targets as they were.
//! - **Misuse** is refused with a typed error, has no effect, and is noted in [`Sim::misuses`].
//! - **Streams.** Kernels run in order on compute streams, read when they begin and write when they
//!   end, and are not judged: what nothing orders happens in some order, as on a GPU.
//! - **Faults.** A [`FaultSource`] gives a [`Verdict`] on every acceptable request.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `draw` | draws by counter |
//! | `poison` | [`Poison`]: what lies where nobody wrote |
//! | `link` | a shared link, exactly |
//! | `profile` | [`Profile`]: device models as data |
//! | `config` | [`SimConfig`] |
//! | `schedule` | when requests end |
//! | `ranges` | what requests in flight read and write of a region |
//! | `image` | the bytes of a region, live and durable |
//! | `drawer` | files that outlive their regions |
//! | `memory` | all regions, and copies between them |
//! | `judge` | whether a request is acceptable at all |
//! | `flight` | requests in flight |
//! | `fault` | [`FaultSource`] and [`Verdict`] |
//! | `streams` | compute streams, and transfers that wait for them |
//! | `sim` | [`Sim`] |
//! | `cut` | [`Cut`]: what a power cut leaves |
//! | `backend` | [`Sim`] as a backend |
//! | [`faults`] | any backend with faults |
//! | `compute` | [`Sim`] as a GPU with streams |
//! | [`shadow`] | accesses that nothing orders, over any backend |

#![forbid(unsafe_code)]

mod backend;
mod compute;
mod config;
mod cut;
mod draw;
mod drawer;
mod fault;
pub mod faults;
mod flight;
mod image;
mod judge;
mod link;
mod memory;
mod poison;
mod profile;
mod ranges;
mod schedule;
pub mod shadow;
mod sim;
mod streams;

pub use config::SimConfig;
pub use cut::Cut;
pub use fault::{FaultSource, NoFaults, Verdict};
pub use poison::{Leftover, Poison};
pub use profile::{LinkProfile, Profile, RouteProfile, RouteProfiles};
pub use sim::{Misuse, Sim};
pub use streams::{Kernel, StreamId, StreamPoint};
