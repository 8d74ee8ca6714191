//! Time as it is told: it may jump ahead and stand still, but never runs backwards.

use tierproof_core::Nanos;

/// Between the backend's time and what is told above.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// What is told is ahead by so much.
    ahead: Nanos,
    /// The next answers that are the last one again.
    stalls: u32,
    told: Nanos,
}

/// The farthest jump: an hour, a machine's sleep.
const JUMP_MAX: u64 = 3_600_000_000_000;
/// The longest stall, in answers.
const STALL_MAX: u64 = 8;

impl Clock {
    /// Jumps or stalls (F35): an odd detail stalls the next 1 to 8 answers, an even one jumps by
    /// half of it, an hour at most.
    pub(super) fn disturb(&mut self, detail: u64) {
        let amount = detail >> 1;
        if detail & 1 == 1 {
            self.stalls = (1 + amount % STALL_MAX) as u32;
        } else {
            self.ahead = self.ahead.saturating_add(Nanos(amount % (JUMP_MAX + 1)));
        }
    }

    /// Goes on. What it jumped stays jumped.
    pub(super) fn heal(&mut self) {
        self.stalls = 0;
    }

    /// The backend's time for a time asked for above.
    pub(super) fn below(&self, above: Nanos) -> Nanos {
        if above == Nanos::MAX { above } else { Nanos(above.0.saturating_sub(self.ahead.0)) }
    }

    /// A time of the backend's as it is told.
    pub(super) fn above(&self, below: Nanos) -> Nanos {
        below.saturating_add(self.ahead)
    }

    /// Answers what time it is.
    pub(super) fn tell(&mut self, below: Nanos) -> Nanos {
        if self.stalls > 0 {
            self.stalls -= 1;
        } else {
            self.told = self.told.max(self.above(below));
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_ends_and_a_jump_stays() {
        let mut clock = Clock::default();
        assert_eq!(clock.tell(Nanos(5)), Nanos(5));
        clock.disturb(2 << 1 | 1);
        for now in [10, 20, 30] {
            assert_eq!(clock.tell(Nanos(now)), Nanos(5));
        }
        assert_eq!(clock.tell(Nanos(40)), Nanos(40));
        clock.disturb(100 << 1);
        assert_eq!(clock.tell(Nanos(41)), Nanos(141));
        assert_eq!(clock.below(Nanos(141)), Nanos(41));
        assert_eq!(clock.below(Nanos(50)), Nanos(0));
        assert_eq!(clock.below(Nanos::MAX), Nanos::MAX);
        assert_eq!(clock.tell(Nanos(2)), Nanos(141), "never backwards");
    }
}
