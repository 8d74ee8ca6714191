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
//! | [`plain_files`] | threads in plain `preadv` and `pwritev` loops |
//! | [`ours`] | the engine, deciding only |
//! | [`peers`] | kvbm-logical 1.6.1 and the `lru` crate 0.19 |
//!
//! `TIERPROOF_TRACES` names the folder of the trace, `TIERPROOF_ROUNDS` the number of rounds.

pub mod bare_lru;
pub mod batches;
pub mod carousel;
pub mod draw;
pub mod memory;
pub mod ours;
pub mod peers;
pub mod plain_files;
pub mod rounds;
pub mod trace;
