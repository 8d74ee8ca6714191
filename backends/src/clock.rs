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

/// How somebody waits for what only asking moves on.
#[cfg(any(feature = "cuda", feature = "nixl"))]
#[derive(Debug, Default)]
pub(crate) struct Patience {
    asked: u32,
}

#[cfg(any(feature = "cuda", feature = "nixl"))]
impl Patience {
    /// How often without sleeping, and how long it sleeps between later questions.
    const EAGER: u32 = 2000;
    const PAUSE: Nanos = Nanos(50_000);

    /// A moment between two questions.
    pub(crate) fn pause(&mut self, clock: Clock, until: Nanos) {
        self.asked += 1;
        if self.asked < Self::EAGER {
            std::thread::yield_now();
        } else {
            clock.sleep(clock.now().saturating_add(Self::PAUSE).min(until));
        }
    }
}
