//! NIXL's POSIX plugin: between host memory and files, through the kernel's queues.
//!
//! What shipped versions do, and what is done about it:
//!
//! - A post that finds the pool empty is refused, and so is every later one; what it had queued is
//!   still carried out. So far fewer descriptors are in flight than there is room for, and a refused
//!   post ends the agent.
//! - Nothing moves while nobody asks: at most 64 reads and writes start with a post, and 64 more with
//!   every question. So waiting asks.
//! - An error of a request tells nothing of the reads and writes that are still on the way. Linux AIO
//!   waits for them when its queue is closed; `io_uring` does that behind our back, so it comes second.
//! - `use_posix_aio` reports the failure of one request for its neighbours too. So it is not used.
//! - Up to 1.4.1 a short read is success. So a file that is too short is looked for after every load,
//!   and what has a trailer is verified.

use super::agent::Ends;
use super::backend::Nixl;
use super::plugin::{Facts, Opening, Plugin, StopKind};

/// Files through NIXL's POSIX plugin; see [`Nixl`].
pub type NixlPosix = Nixl<PosixPlugin>;

/// The POSIX plugin.
#[derive(Debug)]
pub struct PosixPlugin;

/// Twice what is ever in flight would do; the plugin's own default is eight times as much.
const POOL: (&std::ffi::CStr, &std::ffi::CStr) = (c"ios_pool_size", c"8192");

/// Linux AIO, which waits for the kernel when it is closed.
pub(super) const AIO: Opening = Opening {
    plugin: c"POSIX",
    queue: "Linux AIO",
    parameters: &[(c"use_aio", c"true"), POOL],
    ends: Ends::WithAgent,
    stops: StopKind::Host,
    transfers_in_flight_max: 1024,
    convoy_spans_max: 1,
    spans_in_flight_max: 2048,
    shared: None,
    span_bytes_max: 16 << 20,
    haul_bytes_max: 1 << 20,
};

/// `io_uring`, which does not.
pub(super) const URING: Opening = Opening {
    queue: "io_uring",
    parameters: &[(c"use_uring", c"true"), POOL],
    ends: Ends::Never,
    ..AIO
};

impl Plugin for PosixPlugin {
    const FACTS: Facts = Facts { backend: "nixl-posix", needs_gpu: false, ways: &[AIO, URING] };
}
