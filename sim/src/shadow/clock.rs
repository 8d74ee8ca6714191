//! Vector clocks: what of everybody else an actor comes after.

/// A seat of an actor in every clock.
pub(super) type Seat = usize;

/// How far of each actor somebody has seen; nothing of those it does not mention.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clock(Vec<u64>);

impl Clock {
    /// How far of `seat`.
    pub(super) fn of(&self, seat: Seat) -> u64 {
        self.0.get(seat).copied().unwrap_or(0)
    }

    /// Comes after all that `other` comes after.
    pub(super) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            *ours = (*ours).max(*theirs);
        }
    }

    /// Whether all that `other` comes after is before this.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.0.iter().enumerate().all(|(seat, &theirs)| theirs <= self.of(seat))
    }

    /// What `seat` does from now on is something new.
    pub(super) fn tick(&mut self, seat: Seat) {
        if self.0.len() <= seat {
            self.0.resize(seat + 1, 0);
        }
        self.0[seat] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_covers_both_and_nothing_else() {
        let (mut a, mut b) = (Clock::default(), Clock::default());
        a.tick(0);
        b.tick(3);
        b.tick(3);
        assert!(!a.covers(&b) && !b.covers(&a));
        let mut both = a.clone();
        both.join(&b);
        assert_eq!([0, 1, 2, 3, 4].map(|seat| both.of(seat)), [1, 0, 0, 2, 0]);
        assert!(both.covers(&a) && both.covers(&b));
        b.tick(3);
        assert!(!both.covers(&b));
    }
}
