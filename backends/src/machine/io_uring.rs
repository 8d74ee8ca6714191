//! Whether the kernel lets this process use `io_uring`.

use rustix::io_uring::{io_uring_params, io_uring_setup};

/// What the kernel says, and what came of trying. Container runtimes refuse the call by seccomp, of
/// which the setting knows nothing.
///
/// ```
/// let ring = tierproof_backends::machine::IoUring::probe();
/// println!("allowed: {}", ring.refusal.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoUring {
    /// `kernel.io_uring_disabled`: 0 for all, 1 for some, 2 for nobody; `None` before Linux 6.6.
    pub disabled: Option<u32>,
    /// Why a ring could not be made, in the system's words.
    pub refusal: Option<String>,
}

impl IoUring {
    /// Makes the smallest ring and gives it back.
    #[must_use]
    pub fn probe() -> Self {
        let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
        let disabled = setting.ok().and_then(|text| text.trim().parse().ok());
        let mut parameters = io_uring_params::default();
        // SAFETY: no flag is set, ATTACH_WQ with its descriptor among them, so the call only reads
        // and writes `parameters`; the ring is closed unmapped and unused.
        let ring = unsafe { io_uring_setup(1, &mut parameters) };
        Self { disabled, refusal: ring.err().map(|errno| errno.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_that_nobody_may_gets_no_ring() {
        let ring = IoUring::probe();
        assert!(ring.disabled != Some(2) || ring.refusal.is_some(), "{ring:?}");
    }
}
