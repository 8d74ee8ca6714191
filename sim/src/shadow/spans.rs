//! Who touched which bytes of a region last.

use super::clock::Seat;
use super::hazard::{Access, Party};
use std::collections::BTreeMap;
use std::ops::Range;
use tierproof_core::Bytes;

/// One access, and when it was in its actor's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) seat: Seat,
    pub(super) epoch: u64,
    /// Events recorded before it was asked for.
    pub(super) events: u64,
    pub(super) party: Party,
}

/// Neighbouring bytes with one past.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Past {
    write: Option<Touch>,
    /// Reads since, without those that a later one comes after.
    reads: Vec<Touch>,
}

#[derive(Debug, Clone)]
struct Span {
    end: Bytes,
    past: Past,
}

/// Bytes of one region that were ever touched, by start. Spans neither overlap nor are empty.
#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<Bytes, Span>);

impl Spans {
    /// Notes an access of `range` and tells `conflict` of every earlier one that had to come before
    /// it and, by `before`, does not.
    pub(super) fn touch(
        &mut self,
        range: &Range<Bytes>,
        touch: Touch,
        before: impl Fn(&Touch) -> bool,
        mut conflict: impl FnMut(Range<Bytes>, &Touch),
    ) {
        if range.is_empty() {
            return;
        }
        let writes = touch.party.access == Access::Write;
        // Blocks are mostly touched whole.
        let whole = self.0.get(&range.start).is_some_and(|span| span.end == range.end);
        if !whole {
            self.split(range.start);
            self.split(range.end);
        }
        for (&start, span) in self.0.range(range.clone()) {
            let reads = span.past.reads.iter().filter(|_| writes);
            let earlier = span.past.write.iter().chain(reads);
            earlier.filter(|earlier| !before(earlier)).for_each(|earlier| {
                conflict(start..span.end, earlier);
            });
        }
        if writes {
            self.write(range, touch);
        } else {
            self.read(range, touch, before);
            if !whole {
                self.merge(range);
            }
        }
    }

    fn write(&mut self, range: &Range<Bytes>, touch: Touch) {
        while let Some((&start, _)) =
            self.0.range(range.start + 1..range.end.max(range.start + 1)).next()
        {
            self.0.remove(&start);
        }
        let past = Past { write: Some(touch), reads: Vec::new() };
        self.0.insert(range.start, Span { end: range.end, past });
    }

    fn read(&mut self, range: &Range<Bytes>, touch: Touch, before: impl Fn(&Touch) -> bool) {
        let mut holes = Vec::new();
        let mut at = range.start;
        for (&start, span) in self.0.range_mut(range.clone()) {
            if at < start {
                holes.push(at..start);
            }
            span.past.reads.retain(|earlier| !before(earlier));
            span.past.reads.push(touch);
            at = span.end;
        }
        if at < range.end {
            holes.push(at..range.end);
        }
        for hole in holes {
            let past = Past { write: None, reads: vec![touch] };
            self.0.insert(hole.start, Span { end: hole.end, past });
        }
    }

    /// Lets no span reach over `at`.
    fn split(&mut self, at: Bytes) {
        let Some((_, span)) = self.0.range_mut(..at).next_back() else { return };
        if span.end > at {
            let rest = Span { end: span.end, past: span.past.clone() };
            span.end = at;
            self.0.insert(at, rest);
        }
    }

    /// Joins neighbours of one past, from the span before `range` to the one behind it.
    fn merge(&mut self, range: &Range<Bytes>) {
        let before = self.0.range(..range.start).next_back().map(|(&start, _)| start);
        let mut at = before.unwrap_or(range.start);
        while at <= range.end {
            let Some((&next, following)) = self.0.range(at + 1..).next() else { return };
            let span = &self.0[&at];
            if span.end == next && span.past == following.past && next <= range.end {
                let end = following.end;
                self.0.remove(&next);
                self.0.get_mut(&at).expect("it was there just before").end = end;
            } else {
                at = next;
            }
        }
    }

    #[cfg(test)]
    fn bounds(&self) -> Vec<(Bytes, Bytes)> {
        self.0.iter().map(|(&start, span)| (start, span.end)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hazard::{Actor, What};
    use super::*;

    fn touch(access: Access, epoch: u64) -> Touch {
        let party = Party { actor: Actor::Host, access, what: What::Named("test") };
        Touch { seat: 0, epoch, events: 0, party }
    }

    #[test]
    fn spans_split_where_pasts_differ_and_merge_where_they_are_one() {
        let mut spans = Spans::default();
        let ordered = |_: &Touch| true;
        let none = |_: Range<Bytes>, _: &Touch| {};
        spans.touch(&(0..100), touch(Access::Write, 1), ordered, none);
        assert_eq!(spans.bounds(), [(0, 100)]);
        spans.touch(&(20..40), touch(Access::Read, 1), ordered, none);
        assert_eq!(spans.bounds(), [(0, 20), (20, 40), (40, 100)]);
        spans.touch(&(40..60), touch(Access::Read, 1), ordered, none);
        assert_eq!(spans.bounds(), [(0, 20), (20, 60), (60, 100)]);
        spans.touch(&(90..120), touch(Access::Read, 2), ordered, none);
        assert_eq!(spans.bounds(), [(0, 20), (20, 60), (60, 90), (90, 100), (100, 120)]);
        spans.touch(&(10..110), touch(Access::Write, 3), ordered, none);
        assert_eq!(spans.bounds(), [(0, 10), (10, 110), (110, 120)]);
        spans.touch(&(5..5), touch(Access::Write, 4), ordered, none);
        assert_eq!(spans.bounds(), [(0, 10), (10, 110), (110, 120)]);
    }
}
