//! Promise: files through NIXL keep what files through plain system calls promise. It is the same
//! suite: wherever it says `Buffered` or `Direct`, the backend is `nixl-posix`. A file for each slot is
//! not NIXL's, and those tests run as they always do.

#![cfg_attr(
    nixl_here,
    expect(clippy::disallowed_methods, reason = "tests reach the files by the back door")
)]

#[cfg(nixl_here)]
#[path = "../suite/bench.rs"]
mod bench;
#[cfg(nixl_here)]
#[path = "../suite/confinement.rs"]
mod confinement;
#[cfg(nixl_here)]
#[path = "../suite/damage.rs"]
mod damage;
#[cfg(nixl_here)]
#[path = "../suite/direct.rs"]
mod direct;
#[cfg(nixl_here)]
#[path = "../suite/flight.rs"]
mod flight;
#[cfg(nixl_here)]
#[path = "../suite/lasting.rs"]
mod lasting;
#[cfg(nixl_here)]
#[path = "../suite/lifetime.rs"]
mod lifetime;
#[cfg(nixl_here)]
#[path = "../suite/locks.rs"]
mod locks;
#[cfg(nixl_here)]
#[path = "../suite/model.rs"]
mod model;
#[cfg(nixl_here)]
#[path = "../suite/permissions.rs"]
mod permissions;
#[cfg(nixl_here)]
#[path = "../suite/refusals.rs"]
mod refusals;
#[cfg(nixl_here)]
#[path = "../suite/room.rs"]
mod room;
#[cfg(nixl_here)]
#[path = "../suite/round_trips.rs"]
mod round_trips;
#[cfg(nixl_here)]
#[path = "../suite/rows.rs"]
mod rows;
#[cfg(nixl_here)]
#[path = "../suite/stripes.rs"]
mod stripes;
#[cfg(nixl_here)]
#[path = "../suite/trailers.rs"]
mod trailers;

#[cfg(nixl_here)]
mod loading;

/// Random tests draw one case in so many. Opening costs little here.
const SCARCE: u32 = 1;

/// Whose files this run of the suite is about.
#[cfg(nixl_here)]
fn files(
    config: tierproof_backends::PosixConfig,
) -> tierproof_core::Result<Box<dyn tierproof_core::Backend>> {
    use tierproof_backends::{FileLayout, NixlConfig, NixlPosix, Posix};
    if config.layout == FileLayout::FilePerSlot {
        return Ok(Box::new(Posix::open(config)?));
    }
    Ok(Box::new(NixlPosix::open(NixlConfig {
        in_flight_parts_max: config.in_flight_parts_max,
        direct: config.direct,
        layout: config.layout,
        keep: config.keep,
        ..NixlConfig::new(config.root)
    })?))
}

/// And whose memory.
#[cfg(nixl_here)]
fn memory() -> tierproof_core::Result<Box<dyn tierproof_core::Backend>> {
    Ok(Box::new(tierproof_backends::Dram::new()))
}

#[cfg(not(nixl_here))]
#[test]
#[ignore = "NIXL is not here: run scripts/fetch-nixl"]
fn the_suite_through_nixl() {
    panic!("this build found no NIXL: run scripts/fetch-nixl and build again");
}
