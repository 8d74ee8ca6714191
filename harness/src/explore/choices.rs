//! Where a planner's choices come from: a seed, or any bytes.
//!
//! From a seed, choices about different subjects have nothing to do with each other, so one more
//! choice about one of them moves no choice about another. From bytes, every choice takes the next
//! few, and zeros when they are used up: that is how a fuzzer's input becomes a plan.

use std::cell::Cell;

use crate::draw::Draws;

/// Choices about one subject.
#[derive(Debug, Clone)]
pub struct Choices<'a> {
    source: Source<'a>,
    made: u64,
}

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Seed(Draws),
    Bytes(&'a Cell<&'a [u8]>),
}

impl Choices<'static> {
    /// Those of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self { source: Source::Seed(Draws::new(seed)), made: 0 }
    }
}

impl<'a> Choices<'a> {
    /// Those that `rest` makes, which is shortened by what they take.
    #[must_use]
    pub fn of_bytes(rest: &'a Cell<&'a [u8]>) -> Self {
        Self { source: Source::Bytes(rest), made: 0 }
    }

    /// Choices about another subject.
    #[must_use]
    pub fn about(&self, subject: u64) -> Self {
        let source = match self.source {
            Source::Seed(draws) => Source::Seed(draws.stream(subject)),
            bytes @ Source::Bytes(_) => bytes,
        };
        Self { source, made: 0 }
    }

    /// Whether there may be more to choose: bytes come to an end.
    #[must_use]
    pub fn are_left(&self) -> bool {
        match self.source {
            Source::Seed(_) => true,
            Source::Bytes(rest) => !rest.get().is_empty(),
        }
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.made += 1;
        match self.source {
            Source::Seed(draws) => draws.at(self.made),
            Source::Bytes(rest) => taken(rest, 8),
        }
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    /// If `low > high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.made += 1;
        match self.source {
            Source::Seed(draws) => draws.between(self.made, low, high),
            Source::Bytes(rest) => {
                assert!(low <= high, "an empty range to choose from");
                let span = high - low;
                // One byte where that is enough, so that short inputs go far.
                let word = taken(rest, if span < 256 { 1 } else { 8 });
                low + if span == u64::MAX { word } else { word % (span + 1) }
            }
        }
    }

    /// An index below `len`.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn below(&mut self, len: usize) -> usize {
        self.between(0, len as u64 - 1) as usize
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.between(0, 99) < chance
    }

    /// One of several.
    ///
    /// # Panics
    /// If there is none.
    pub fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of several, each as often as its weight says.
    ///
    /// # Panics
    /// If all weights are 0.
    pub fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let all: u64 = from.iter().map(|(weight, _)| weight).sum();
        let mut at = self.between(0, all - 1);
        for &(weight, item) in from {
            if at < weight {
                return item;
            }
            at -= weight;
        }
        unreachable!("below the sum of all weights")
    }
}

/// The next `len` bytes, little-endian; zeros beyond the end.
fn taken(rest: &Cell<&[u8]>, len: usize) -> u64 {
    let (now, later) = rest.get().split_at(len.min(rest.get().len()));
    rest.set(later);
    now.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_about_one_subject_moves_none_about_another() {
        let root = Choices::of_seed(7);
        let other = root.about(2).any();
        let mut one = root.about(1);
        one.any();
        assert_eq!(root.about(2).any(), other);
        assert_ne!(one.any(), other);
    }

    #[test]
    fn bytes_are_used_up_and_then_zeros() {
        let bytes = Cell::new(&[3, 7, 1][..]);
        let mut choices = Choices::of_bytes(&bytes);
        assert_eq!(choices.between(10, 19), 13);
        assert!(choices.percent(8));
        assert!(choices.are_left());
        assert_eq!(choices.any(), 1);
        assert!(!choices.are_left());
        assert_eq!(choices.between(5, 9), 5);
    }

    #[test]
    fn weights_are_chances() {
        let mut seen = [0; 3];
        for subject in 0..4000 {
            let mut choices = Choices::of_seed(1).about(subject);
            seen[choices.weighted(&[(1, 0), (0, 1), (3, 2)])] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((900..1100).contains(&seen[0]), "{seen:?}");
    }
}
