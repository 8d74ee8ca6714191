//! What this process may take.

use rustix::process::{Resource, getrlimit};
use tierproof_core::Bytes;

/// The limits that matter here.
///
/// ```
/// let limits = tierproof_backends::machine::Limits::ask();
/// assert!(limits.locked_max.is_none() || limits.locked <= limits.locked_max);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that may be locked, such as rings of the kernel; `None` for all.
    pub locked: Option<Bytes>,
    /// The most that the former can be raised to without root.
    pub locked_max: Option<Bytes>,
}

impl Limits {
    /// Asks the kernel.
    #[must_use]
    pub fn ask() -> Self {
        let limit = getrlimit(Resource::Memlock);
        Self { locked: limit.current, locked_max: limit.maximum }
    }
}
