//! Engine and model in lockstep on every backend: random plans, saved plans, goldens, and what only
//! real bytes and files can show.

mod backends;
mod goldens;
#[cfg(feature = "gds")]
mod gpu;
mod liar;
#[cfg(feature = "nixl")]
mod nixl;
mod plans;
mod random;
mod saboteur;
mod scenarios;
mod storms;
mod vectors;
mod weather;
