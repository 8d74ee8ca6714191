//! What must be known of a plugin of NIXL to keep within its limits.

use super::agent::Ends;
use std::ffi::CStr;
use std::fmt::Debug;
use std::sync::atomic::AtomicUsize;

/// A plugin behind the trait `Backend`.
pub trait Plugin: Debug + 'static {
    /// All that is known of it.
    #[doc(hidden)]
    const FACTS: Facts;
}

/// Plain facts about a plugin.
#[doc(hidden)]
#[derive(Debug)]
pub struct Facts {
    /// The backend's name.
    pub(super) backend: &'static str,
    /// Whether it is about a GPU's memory, so that there is no use without one.
    pub(super) needs_gpu: bool,
    /// Ways to move files, the best first. The first that works is taken.
    pub(super) ways: &'static [Opening],
}

/// One way to move files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// The plugin's name, as NIXL and its files know it.
    pub(super) plugin: &'static CStr,
    /// What it puts its reads and writes in, for people.
    pub(super) queue: &'static str,
    pub(super) parameters: &'static [(&'static CStr, &'static CStr)],
    pub(super) ends: Ends,
    /// Where what goes between a GPU's memory and files stops.
    pub(super) stops: StopKind,
    /// Transfers in flight at most.
    pub(super) transfers_in_flight_max: usize,
    /// Descriptors up to which a GPU's parts share a transfer.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only a GPU's parts share one"))]
    pub(super) convoy_spans_max: usize,
    /// Descriptors in flight at most over all requests, far below what the plugin has room for.
    pub(super) spans_in_flight_max: usize,
    /// What counts them for all backends of the process, where the limit is the process's.
    pub(super) shared: Option<&'static AtomicUsize>,
    /// Bytes of a descriptor, about: longer ones are cut.
    pub(super) span_bytes_max: usize,
    /// Bytes up to which neighbours in a file are moved as one.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only a GPU's parts are joined"))]
    pub(super) haul_bytes_max: usize,
}

/// Where what goes between a GPU's memory and files stops on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopKind {
    /// In the GPU's memory, from where the plugin takes it.
    Device,
    /// In pinned host memory.
    Host,
}
