//! Promise: what files through plain system calls promise, `gds_mt` keeps between a GPU's memory and files, and
//! `cuda-dram` between a GPU's memory and the host's. It is the same suite: wherever it says `Buffered` or
//! `Direct` the backend is `gds_mt`, and `cuda-dram` where it says `Dram`. A file for each slot is not NIXL's, and
//! those tests run as they always do.
//!
//! Without a GPU all of it fails, and says what is missing.

#![expect(clippy::disallowed_methods, reason = "tests reach the files by the back door")]

#[path = "../suite/bench.rs"]
mod bench;
#[path = "../suite/confinement.rs"]
mod confinement;
#[path = "../suite/damage.rs"]
mod damage;
#[path = "../suite/direct.rs"]
mod direct;
#[path = "../suite/flight.rs"]
mod flight;
#[path = "../suite/lifetime.rs"]
mod lifetime;
#[path = "../suite/locks.rs"]
mod locks;
#[path = "../suite/model.rs"]
mod model;
#[path = "../suite/permissions.rs"]
mod permissions;
#[path = "../suite/refusals.rs"]
mod refusals;
#[path = "../suite/room.rs"]
mod room;
#[path = "../suite/round_trips.rs"]
mod round_trips;
#[path = "../suite/rows.rs"]
mod rows;
#[path = "../suite/stripes.rs"]
mod stripes;
#[path = "../suite/trailers.rs"]
mod trailers;

#[path = "../gpu/loopback.rs"]
mod loopback;
#[path = "../gpu/ordering.rs"]
mod ordering;
#[path = "../gpu/pieces.rs"]
mod pieces;
#[path = "../gpu/watchdog.rs"]
mod watchdog;

use tierproof_backends::{CudaDram, FileLayout, NixlConfig, NixlGdsMt, Posix, PosixConfig};
use tierproof_core::{Backend, Result};
use watchdog::Watchdog;

/// Random tests draw one case in so many. Opening costs little here.
const SCARCE: u32 = 1;

/// The backend that this run of the suite is about.
type Files = NixlGdsMt;

/// Whose files this run of the suite is about.
fn files(config: PosixConfig) -> Result<Box<dyn Backend>> {
    if config.layout == FileLayout::FilePerSlot {
        return Ok(Box::new(Posix::open(config)?));
    }
    Ok(Box::new(Watchdog::new(Files::open(NixlConfig {
        in_flight_parts_max: config.in_flight_parts_max,
        direct: config.direct,
        layout: config.layout,
        keep: config.keep,
        gpu: Some(0),
        ..NixlConfig::new(config.root)
    })?)))
}

/// And whose memory.
fn memory() -> Result<Box<dyn Backend>> {
    Ok(Box::new(Watchdog::new(CudaDram::open(0)?)))
}
