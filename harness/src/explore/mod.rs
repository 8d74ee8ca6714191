//! Adversarial exploration: seeds become cases, cases run with faults on any backend, and what breaks
//! a law is made small and saved.
//!
//! | module | what it holds |
//! |---|---|
//! | `choices` | where a planner's choices come from: a seed, or any bytes |
//! | `prompt`, `wish`, `writer` | what is done: requests, wishes, and operations made of them |
//! | `swarm` | what a seed decides before anything happens |
//! | `case` | [`Case`]: a plan, a device, faults; as JSON |
//! | `breach` | [`Breach`]: what a run may break |
//! | `probed` | which places a run comes by |
//! | `observed` | what a run drives |
//! | [`museum`] | public bugs, rebuilt to be seen |
//! | [`crash`] | cases with crashes |
//! | `run` | [`run`]: one run of a case, healed at its end |
//! | `target` | [`Target`]: what cases run on |
//! | `shard`, `tally`, `chart` | parts of a campaign, and counts that add up |
//! | `campaign` | [`Campaign`]: many seeds on all cores |
//! | `shrink` | [`shrink()`]: making a failing case small |

mod breach;
mod campaign;
mod case;
mod chart;
mod choices;
pub mod crash;
pub mod museum;
mod observed;
mod probed;
mod prompt;
mod run;
mod shard;
mod shrink;
mod swarm;
mod tally;
mod target;
mod wish;
mod writer;

pub use breach::Breach;
pub use campaign::{Campaign, Failure};
pub use case::{Case, Device, Scope};
pub use choices::Choices;
pub use run::{End, Ran, run, simulate};
pub use shard::Shard;
pub use shrink::shrink;
pub use swarm::DIRECTORY;
pub use tally::{Failed, Tally};
pub use target::Target;
pub use wish::{Kind, Wish};
pub use writer::Writer;
