//! Which ranges of a region requests in flight read and write.

use std::collections::BTreeMap;
use std::ops::Range;
use tierproof_core::{Bytes, TransferId};

/// Names one holder of a range: the request, and which of its ranges.
pub(crate) type Holder = (TransferId, u32);

/// Ranges in flight by start. Reads may overlap reads; nothing overlaps a write.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    held: BTreeMap<(Bytes, Holder), Held>,
    /// The longest range since there was none: what starts further back can't reach.
    longest: Bytes,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    end: Bytes,
    written: bool,
}

impl Ranges {
    /// A request in flight that reading, or `writing`, `range` would disturb.
    pub(crate) fn conflict(&self, range: &Range<Bytes>, writing: bool) -> Option<TransferId> {
        if range.is_empty() || self.held.is_empty() {
            return None;
        }
        let first = (range.start.saturating_sub(self.longest), (TransferId(0), 0));
        let past = (range.end, (TransferId(0), 0));
        let overlaps = |start: Bytes, held: &Held| held.end > range.start && held.end > start;
        let mut near = self.held.range(first..past);
        let found =
            near.find(|&(&(start, _), held)| (writing || held.written) && overlaps(start, held));
        found.map(|(&(_, (id, _)), _)| id)
    }

    /// Notes a range without conflicts; empty ones too, which disturb nothing.
    pub(crate) fn hold(&mut self, range: &Range<Bytes>, writing: bool, holder: Holder) {
        self.longest = self.longest.max(range.end - range.start);
        self.held.insert((range.start, holder), Held { end: range.end, written: writing });
    }

    /// Gives up what `holder` holds from `start` on.
    pub(crate) fn free(&mut self, start: Bytes, holder: Holder) {
        self.held.remove(&(start, holder));
        if self.held.is_empty() {
            self.longest = 0;
        }
    }

    /// A request that holds any range.
    pub(crate) fn any(&self) -> Option<TransferId> {
        self.held.first_key_value().map(|(&(_, (id, _)), _)| id)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: TransferId = TransferId(1);
    const SHORT: TransferId = TransferId(2);

    #[test]
    fn reads_share_and_writes_do_not() {
        let mut ranges = Ranges::default();
        ranges.hold(&(10..1000), false, (LONG, 0));
        ranges.hold(&(400..410), false, (SHORT, 0));
        assert_eq!(ranges.conflict(&(500..501), false), None);
        assert_eq!(ranges.conflict(&(500..501), true), Some(LONG));
        assert_eq!(ranges.conflict(&(999..2000), true), Some(LONG));
        assert_eq!(ranges.conflict(&(1000..2000), true), None);
        assert_eq!(ranges.conflict(&(0..10), true), None);
        ranges.free(10, (LONG, 0));
        assert_eq!(ranges.conflict(&(500..501), true), None);
        assert_eq!(ranges.conflict(&(409..501), true), Some(SHORT));
        ranges.free(400, (SHORT, 0));
        assert_eq!(ranges.any(), None);
    }

    #[test]
    fn what_is_empty_is_held_and_disturbs_nothing() {
        let mut ranges = Ranges::default();
        ranges.hold(&(5..5), true, (LONG, 0));
        assert_eq!(ranges.conflict(&(0..10), true), None);
        assert_eq!(ranges.any(), Some(LONG));
        ranges.hold(&(0..10), true, (SHORT, 0));
        assert_eq!(ranges.conflict(&(5..5), true), None);
        assert_eq!(ranges.conflict(&(5..6), false), Some(SHORT));
    }
}
