//! Measurements of tierproof beside its peers, printed as ratios of one run.
//!
//! | module | what it holds |
//! |---|---|
//! | [`rounds`] | contenders in interleaved rounds, medians, ratios |
//! | [`draw`] | seeded draws |
//! | [`trace`] | the Mooncake conversation trace, or one of its shape |
//! | [`bare_lru`] | the floor: a hash table and a linked list, nothing else |
//! | [`memory`] | plain memory like the backends' |
//! | [`batches`] | ready-made requests, handed to a backend as fast as it takes them |
//! | [`carousel`] | the engine moving bytes in a circle too large for the device |
//! | [`conveyor`] | the engine storing new blocks in files without end |
//! | [`plain_files`] | threads in plain `preadv` and `pwritev` loops |
//! | [`flood`] | requests handed to a backend until it is busy, with a deadline |
//! | [`table`] | figures as a Markdown table, and as lines for machines |
//! | [`watch`] | an end to a measurement that hangs where no deadline reaches |
//! | [`options`] | what the bench `gpu` was asked for |
//! | `bare` | NIXL by itself (with the feature `gds`, as those below) |
//! | `gpu_memory` | the driver's own copies |
//! | `through_nixl` | backends over NIXL beside NIXL by itself |
//! | `over_the_bus` | `cuda-dram` beside the driver's own copies |
//! | [`ours`] | the engine, deciding only |
//! | [`peers`] | kvbm-logical 1.6.1 and the `lru` crate 0.19 |
//!
//! `TIERPROOF_TRACES` names the folder of the trace, `TIERPROOF_ROUNDS` the number of rounds.
//! `unsafe` is in `gpu_memory` only.

#[cfg(feature = "gds")]
pub mod bare;
pub mod bare_lru;
pub mod batches;
pub mod carousel;
pub mod conveyor;
pub mod draw;
pub mod flood;
#[cfg(feature = "gds")]
pub mod gpu_memory;
pub mod memory;
pub mod options;
pub mod ours;
#[cfg(feature = "gds")]
pub mod over_the_bus;
pub mod peers;
pub mod plain_files;
pub mod rounds;
pub mod table;
#[cfg(feature = "gds")]
pub mod through_nixl;
pub mod trace;
pub mod watch;
