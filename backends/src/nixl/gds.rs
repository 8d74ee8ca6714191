//! NIXL's GDS plugin: between a GPU's memory and files, through cuFile's batches.
//!
//! What shipped versions do, and what is done about it:
//!
//! - With more than 64 descriptors in flight in a process cuFile hangs for ever in its compat mode. So no
//!   more are in flight, over all backends of the process.
//! - A batch whose entry failed or came back short is success. So the file must reach to the end of what was
//!   read, and what has a trailer is verified. Without trailers nothing finds a wrong block, which may be what a
//!   buffer of ours held before: another tenant's.
//! - An error is never told: the transfer is in progress for ever. So a transfer without an answer at its
//!   deadline ends its agent and keeps its buffer, and others go on through another agent.
//! - A post that finds no batch in the pool fails. So no more transfers are in flight than it has batches.
//! - Over 128 descriptors one batch object is pooled repeatedly and freed twice. A request of ours is one
//!   batch.

use super::agent::Ends;
use super::backend::Nixl;
use super::plugin::{Facts, Opening, Plugin, StopKind};
use super::posix::{AIO, URING};
use std::sync::atomic::AtomicUsize;

/// Files through NIXL's GDS plugin; see [`Nixl`].
pub type NixlGds = Nixl<GdsPlugin>;

/// The GDS plugin.
#[derive(Debug)]
pub struct GdsPlugin;

/// Descriptors in flight through cuFile's batches in this process.
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// Batches of the pool. Each costs a tenth of a second when the plugin is closed.
const POOL: usize = 16;

const GDS: Opening = Opening {
    plugin: c"GDS",
    queue: "cuFile batches",
    parameters: &[(c"batch_limit", c"64"), (c"batch_pool_size", c"16")],
    ends: Ends::Never,
    stops: StopKind::Device,
    transfers_in_flight_max: POOL,
    convoy_spans_max: 4,
    // Of 64. The rest is for trials and probes, which nobody counts.
    spans_in_flight_max: 60,
    shared: Some(&IN_FLIGHT),
    // The plugin cuts what is longer than 16 MiB itself, and we must know how many descriptors there are.
    span_bytes_max: 8 << 20,
    haul_bytes_max: 8 << 20,
};

impl Plugin for GdsPlugin {
    const FACTS: Facts = Facts { backend: "gds", needs_gpu: true, ways: &[GDS, AIO, URING] };
}
