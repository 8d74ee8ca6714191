//! What one transfer carries: memory that nobody else touches until it has ended.

use crate::lend::{Lent, LentMut};
use std::ops::Range;
use tierproof_core::Bytes;

/// Memory of one transfer, and where in the file it belongs: the body first, what is staged right
/// behind it.
#[derive(Debug)]
pub(super) struct Cargo {
    /// A region's memory.
    pub(super) memory: Loan,
    /// Bytes of its beginning that go straight to or from the file.
    pub(super) body: usize,
    /// From or into a buffer of ours, all of it.
    pub(super) staged: Option<LentMut>,
    /// Where the body begins in the file.
    pub(super) at: Bytes,
}

/// The right to a region's memory.
#[derive(Debug)]
pub(super) enum Loan {
    Source(Lent),
    Target(LentMut),
}

/// Addresses of memory, and where in the file they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) memory: Range<usize>,
    pub(super) at: Bytes,
}

impl Cargo {
    /// All memory, in spans of at most `span_max` bytes. Valid as long as this lives.
    pub(super) fn spans(&mut self, span_max: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = self.at;
        let memory = match &mut self.memory {
            Loan::Source(lent) => lent.span(),
            Loan::Target(lent) => lent.span(),
        };
        let body = memory.start..memory.start + self.body.min(memory.len());
        split(body, span_max, &mut at, &mut spans);
        if let Some(lent) = &mut self.staged {
            split(lent.span(), span_max, &mut at, &mut spans);
        }
        spans
    }
}

fn split(memory: Range<usize>, span_max: usize, at: &mut Bytes, spans: &mut Vec<Span>) {
    for start in memory.clone().step_by(span_max) {
        let end = memory.end.min(start + span_max);
        spans.push(Span { memory: start..end, at: *at });
        *at += (end - start) as Bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lend::Memory;

    #[test]
    fn the_body_is_split_and_what_is_staged_follows() {
        let (region, ours) = (Memory::new(100).unwrap(), Memory::new(100).unwrap());
        let mut cargo = Cargo {
            memory: Loan::Source(Lent::new(&region, 10..90).unwrap()),
            body: 50,
            staged: LentMut::new(&ours, 0..30),
            at: 4096,
        };
        let span = |base: usize, range: Range<usize>, at| Span {
            memory: base + range.start..base + range.end,
            at,
        };
        let (body, staged) = (region.address(), ours.address());
        assert_eq!(
            cargo.spans(20),
            [
                span(body, 10..30, 4096),
                span(body, 30..50, 4116),
                span(body, 50..60, 4136),
                span(staged, 0..20, 4146),
                span(staged, 20..30, 4166),
            ]
        );
        assert_eq!(cargo.spans(1000).len(), 2);
    }
}
