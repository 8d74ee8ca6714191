//! What must be known of a plugin of NIXL to keep within its limits.

use std::ffi::CStr;
use std::fmt::Debug;

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
    /// The plugin's name, as NIXL and its files know it.
    pub(super) plugin: &'static CStr,
    /// Ways to open it, the best first. The first that works is taken.
    pub(super) ways: &'static [Opening],
    /// Descriptors in flight at most over all requests, far below what the plugin has room for.
    pub(super) spans_in_flight_max: usize,
    /// Bytes of a descriptor at most.
    pub(super) span_bytes_max: usize,
}

/// One way to open a plugin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// What it puts its reads and writes in, for people.
    pub(super) queue: &'static str,
    pub(super) parameters: &'static [(&'static CStr, &'static CStr)],
    /// Whether, once the plugin has ended, the kernel is done with all that it was asked for.
    pub(super) ends_all: bool,
}
