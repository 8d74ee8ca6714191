//! Which places a run comes by, and the detours that it takes, in builds that have them.

use std::collections::BTreeMap;

/// The probes of a run that is under way on this thread.
#[derive(Debug)]
pub(super) struct Probed {
    #[cfg(feature = "probes")]
    _detours: Option<tierproof_core::probes::Buggify>,
}

impl Probed {
    /// Counts from now on. Every other seed takes detours.
    pub(super) fn begin(seed: u64) -> Self {
        #[cfg(feature = "probes")]
        {
            use tierproof_core::probes::{Buggify, reset};
            reset();
            let takes_some = seed & 1 == 1;
            Self { _detours: takes_some.then(|| Buggify::new(seed)) }
        }
        #[cfg(not(feature = "probes"))]
        {
            let _ = seed;
            Self {}
        }
    }

    /// How often each place was come by.
    pub(super) fn end(self) -> BTreeMap<&'static str, u64> {
        #[cfg(feature = "probes")]
        return tierproof_core::probes::snapshot().into_iter().collect();
        #[cfg(not(feature = "probes"))]
        BTreeMap::new()
    }
}
