//! A link that its active transfers share fairly: exact integer processor sharing.
//!
//! With `n` transfers on it, each gets the `n`-th part of the bandwidth. Instead of following every
//! transfer, the link follows the service that *each* of them has had since it was last idle; a
//! transfer that joins notes at what service it will be finished. So joining and leaving cost
//! `O(log n)`, whatever happens in between.
//!
//! **Rounding.** Service is counted in [`PER_NANOBYTE`] parts of 10⁻⁹ bytes, so that one nanosecond
//! is `bandwidth * PER_NANOBYTE / n` of them: exact for up to 16 transfers at once, and for more
//! rounded down by less than one such part whenever a transfer joins or leaves. A transfer ends at
//! the first whole nanosecond at which its service is complete.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tierproof_core::{Bytes, Nanos};

/// The least common multiple of 1 to 16.
const PER_NANOBYTE: u128 = 720_720;

/// Service that moves one byte.
const PER_BYTE: u128 = 1_000_000_000 * PER_NANOBYTE;

/// The highest bandwidth in bytes per second for which no intermediate exceeds 128 bits.
pub(crate) const BANDWIDTH_MAX: u64 = 1 << 43;

/// The most bytes of one transfer for which no intermediate exceeds 128 bits, with up to 2^15
/// transfers at once.
pub(crate) const TRANSFER_BYTES_MAX: Bytes = 1 << 62;

/// By the service at which it is finished, then by its number on this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Flow<T> {
    finished_at: u128,
    number: u64,
    what: T,
}

/// Transfers of `T` on one link.
#[derive(Debug)]
pub(crate) struct Link<T> {
    bandwidth: u64,
    flows: BinaryHeap<Reverse<Flow<T>>>,
    joined: u64,
    /// What each transfer present would have got, had it been there since the link was idle.
    served: u128,
    /// When `served` was right.
    since: Nanos,
    next: Option<Nanos>,
}

impl<T: Copy + Ord> Link<T> {
    /// An idle link of `bandwidth` bytes per second, from 1 to [`BANDWIDTH_MAX`].
    pub(crate) fn new(bandwidth: u64) -> Self {
        let flows = BinaryHeap::new();
        Self { bandwidth, flows, joined: 0, served: 0, since: Nanos::ZERO, next: None }
    }

    /// When the next transfer ends if none joins before; `None` if idle or beyond all time.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.next
    }

    /// A transfer of `bytes` joins at `now`.
    pub(crate) fn join(&mut self, now: Nanos, bytes: Bytes, what: T) {
        self.advance(now);
        let finished_at = self.served + u128::from(bytes) * PER_BYTE;
        self.flows.push(Reverse(Flow { finished_at, number: self.joined, what }));
        self.joined += 1;
        self.foresee();
    }

    /// A transfer that has ended by `now`, if any; it leaves. The next end is foreseen anew.
    pub(crate) fn leave(&mut self, now: Nanos) -> Option<T> {
        self.advance(now);
        let ended = self.flows.peek().is_some_and(|Reverse(flow)| flow.finished_at <= self.served);
        let Reverse(flow) = if ended { self.flows.pop()? } else { return None };
        if self.flows.is_empty() {
            self.served = 0;
        }
        self.foresee();
        Some(flow.what)
    }

    fn advance(&mut self, now: Nanos) {
        let span = now - self.since;
        self.since = now;
        if span > Nanos::ZERO && !self.flows.is_empty() {
            let service = u128::from(self.bandwidth) * u128::from(span.0) * PER_NANOBYTE;
            self.served += service / self.flows.len() as u128;
        }
    }

    fn foresee(&mut self) {
        self.next = self.flows.peek().and_then(|Reverse(first)| {
            let missing = first.finished_at.saturating_sub(self.served) * self.flows.len() as u128;
            let span = missing.div_ceil(u128::from(self.bandwidth) * PER_NANOBYTE);
            self.since.0.checked_add(u64::try_from(span).ok()?).map(Nanos)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends of all transfers, in order; `arrivals` are (when, bytes), ascending.
    fn ends(bandwidth: u64, arrivals: &[(u64, Bytes)]) -> Vec<(u64, usize)> {
        let mut link = Link::new(bandwidth);
        let mut ends = Vec::new();
        let drain = |link: &mut Link<usize>, until: u64, ends: &mut Vec<_>| {
            while let Some(at) = link.next().filter(|at| at.0 <= until) {
                ends.push((at.0, link.leave(at).expect("foreseen")));
            }
        };
        for (index, &(when, bytes)) in arrivals.iter().enumerate() {
            drain(&mut link, when, &mut ends);
            link.join(Nanos(when), bytes, index);
        }
        drain(&mut link, u64::MAX, &mut ends);
        ends
    }

    #[test]
    fn one_transfer_has_the_whole_link() {
        // 1000 bytes at 3 bytes/ns: 333.3 ns, so the 334th.
        assert_eq!(ends(3_000_000_000, &[(10, 1000)]), [(344, 0)]);
        assert_eq!(ends(1_000_000_000, &[(10, 0)]), [(10, 0)]);
    }

    #[test]
    fn who_joins_later_shares_only_what_is_left() {
        // 1 byte/ns. Alone for 100 ns, then half: 900 bytes take 1800 ns. The second then has
        // 900 of its 1000 bytes, and 100 left alone.
        assert_eq!(ends(1_000_000_000, &[(0, 1000), (100, 1000)]), [(1900, 0), (2000, 1)]);
        // Three equal ones end together, after three times as long.
        let thrice = [(5, 700), (5, 700), (5, 700)];
        assert_eq!(ends(1_000_000_000, &thrice), [(2105, 0), (2105, 1), (2105, 2)]);
    }

    #[test]
    fn an_idle_link_forgets() {
        assert_eq!(ends(1_000_000_000, &[(0, 10), (1000, 10)]), [(10, 0), (1010, 1)]);
    }

    #[test]
    fn extremes_neither_overflow_nor_end() {
        let mut link = Link::new(1);
        link.join(Nanos(7), TRANSFER_BYTES_MAX, ());
        assert_eq!(link.next(), None);
        let mut link = Link::new(BANDWIDTH_MAX);
        for number in 0..1 << 15 {
            link.join(Nanos(0), TRANSFER_BYTES_MAX, number);
        }
        assert!(link.next().is_some());
        assert_eq!(link.leave(Nanos::MAX), Some(0));
    }
}
