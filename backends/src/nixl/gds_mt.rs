//! NIXL's `GDS_MT` plugin: between a GPU's memory and files, through cuFile calls by a pool of threads.
//!
//! It is the best-behaved plugin for a GPU's memory: failed and short calls are errors, told when all calls
//! of a request have ended. One descriptor is one call of one thread, so what is long is cut, and neighbours
//! that are short are joined: a call through cuFile's compat mode costs as much as copying half a MiB.

use super::agent::Ends;
use super::backend::Nixl;
use super::plugin::{Facts, Opening, Plugin, StopKind};
use super::posix::{AIO, URING};

/// Files through NIXL's `GDS_MT` plugin; see [`Nixl`].
pub type NixlGdsMt = Nixl<GdsMtPlugin>;

/// The `GDS_MT` plugin.
#[derive(Debug)]
pub struct GdsMtPlugin;

const GDS_MT: Opening = Opening {
    plugin: c"GDS_MT",
    queue: "cuFile calls by 16 threads",
    // Measured on an H100 machine of 16 cores (docs/hardware.md): fewer and more are slower.
    parameters: &[(c"thread_count", c"16")],
    ends: Ends::WithError,
    stops: StopKind::Device,
    transfers_in_flight_max: 1024,
    convoy_spans_max: 1,
    spans_in_flight_max: 1024,
    shared: None,
    span_bytes_max: 4 << 20,
    haul_bytes_max: 4608 << 10,
};

impl Plugin for GdsMtPlugin {
    const FACTS: Facts = Facts { backend: "gds_mt", needs_gpu: true, ways: &[GDS_MT, AIO, URING] };
}
