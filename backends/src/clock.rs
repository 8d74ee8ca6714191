//! Monotonic time since a backend was opened.

use std::time::{Duration, Instant};
use tierproof_core::Nanos;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    opened: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "here time begins")]
    pub(crate) fn start() -> Self {
        Self { opened: Instant::now() }
    }

    pub(crate) fn now(self) -> Nanos {
        Nanos(u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The instant that `at` stands for; `None` if the system can't name one so late.
    pub(crate) fn instant(self, at: Nanos) -> Option<Instant> {
        self.opened.checked_add(Duration::from_nanos(at.0))
    }

    /// Sleeps until `until`. [`Nanos::MAX`] never comes, so nobody sleeps for it.
    #[expect(
        clippy::disallowed_methods,
        reason = "with nothing on its way there is only time to wait for"
    )]
    pub(crate) fn sleep(self, until: Nanos) {
        if until == Nanos::MAX {
            return;
        }
        let now = self.now();
        if until > now {
            std::thread::sleep(Duration::from_nanos((until - now).0));
        }
    }
}
