//! What the real backends promise, each promise at the top of its file.

#![expect(clippy::disallowed_methods, reason = "tests reach the files by the back door")]

mod bench;
mod confinement;
mod damage;
mod direct;
mod flight;
mod lasting;
mod lifetime;
mod locks;
mod model;
mod permissions;
mod refusals;
mod room;
mod round_trips;
mod rows;
mod stripes;
mod trailers;

use tierproof_backends::{Dram, Posix, PosixConfig};
use tierproof_core::{Backend, Result};

/// Random tests draw one case in so many. Opening costs nothing here.
const SCARCE: u32 = 1;

/// Whose files this run of the suite is about.
fn files(config: PosixConfig) -> Result<Box<dyn Backend>> {
    Ok(Box::new(Posix::open(config)?))
}

/// And whose memory.
fn memory() -> Result<Box<dyn Backend>> {
    Ok(Box::new(Dram::new()))
}
