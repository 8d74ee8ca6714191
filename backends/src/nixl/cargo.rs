//! What one transfer carries: memory and a file's bytes that nobody else touches until it has ended.

use crate::files::store::SlotStore;
use crate::lend::{Claim, Lent, LentMut};
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use tierproof_core::Bytes;

/// Memory, and where in a file its bytes belong.
pub(super) trait Cargo {
    /// What kind of memory it is.
    fn memory(&self) -> MemoryKind;

    fn direction(&self) -> Direction;

    /// All memory, in spans of about `span_max` bytes at most. Valid as long as this lives.
    fn spans(&mut self, span_max: usize) -> Vec<Span>;
}

/// Kinds of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemoryKind {
    Host,
    /// Of the GPU with this number.
    #[cfg(feature = "cuda")]
    Device(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Load,
    Store,
}

/// Addresses of memory, and where their bytes belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) memory: Range<usize>,
    pub(super) place: Place,
}

/// A byte of a file that is kept open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: RawFd,
    pub(super) at: Bytes,
}

/// A part between a region in host memory and a file: the body first, what is staged right behind it.
#[derive(Debug)]
pub(super) struct PartCargo {
    /// Where in the file it belongs.
    pub(super) file: Claim<SlotStore>,
    /// A region's memory.
    pub(super) memory: Loan,
    /// Bytes of its beginning that go straight to or from the file.
    pub(super) body: usize,
    /// From or into a buffer of ours, all of it.
    pub(super) staged: Option<LentMut>,
}

/// The right to a region's memory.
#[derive(Debug)]
pub(super) enum Loan {
    Source(Lent),
    Target(LentMut),
}

impl Cargo for PartCargo {
    fn memory(&self) -> MemoryKind {
        MemoryKind::Host
    }

    fn direction(&self) -> Direction {
        // What is only lent to be read is never written to.
        match self.memory {
            Loan::Source(_) => Direction::Store,
            Loan::Target(_) => Direction::Load,
        }
    }

    fn spans(&mut self, span_max: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        let kept = self.file.owner().kept_at(self.file.start());
        let Some((file, at)) = kept else { return spans };
        let file = file.as_raw_fd();
        let memory = match &mut self.memory {
            Loan::Source(lent) => lent.span(),
            Loan::Target(lent) => lent.span(),
        };
        let body = memory.start..memory.start + self.body.min(memory.len());
        let behind = at + body.len() as Bytes;
        split(body, span_max, Place { file, at }, &mut spans);
        if let Some(lent) = &mut self.staged {
            split(lent.span(), span_max, Place { file, at: behind }, &mut spans);
        }
        spans
    }
}

/// How many spans [`split`] makes of so many bytes.
pub(super) fn spans_of(len: usize, span_max: usize) -> usize {
    if len == 0 { 0 } else { (len / span_max + usize::from(len % span_max > span_max / 2)).max(1) }
}

/// Cuts memory into spans of about `span_max` bytes, all alike, each a multiple of a page but the last: a
/// last span of a few bytes would cost as much as a long one.
pub(super) fn split(memory: Range<usize>, span_max: usize, place: Place, spans: &mut Vec<Span>) {
    let count = spans_of(memory.len(), span_max);
    if count == 0 {
        return;
    }
    let step = memory.len().div_ceil(count).next_multiple_of(4096);
    for start in memory.clone().step_by(step) {
        let end = memory.end.min(start + step);
        let at = place.at + (start - memory.start) as Bytes;
        spans.push(Span { memory: start..end, place: Place { at, ..place } });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::root::Root;
    use crate::files::rules::{DirectIo, FileLayout, FileRules};
    use crate::lend::{Access, Memory};
    use rstest::rstest;
    use std::sync::Arc;
    use tierproof_core::{FileMedium, FileRole};

    const PAGE: usize = 4096;

    #[test]
    fn the_body_is_split_and_what_is_staged_follows() {
        let folder = tempfile::tempdir().unwrap();
        let file = store(&folder, 32 * PAGE);
        let number = file.kept().next().unwrap().0.as_raw_fd();
        let memory = |pages: usize| Memory::new((pages * PAGE) as Bytes).unwrap();
        let (region, ours) = (memory(20), memory(20));
        let pages =
            |range: Range<usize>| (range.start * PAGE) as Bytes..(range.end * PAGE) as Bytes;
        let mut cargo = PartCargo {
            file: Claim::new(&file, pages(1..20), Access::Read).unwrap(),
            memory: Loan::Source(Lent::new(&region, pages(1..12)).unwrap()),
            body: 10 * PAGE,
            staged: LentMut::new(&ours, pages(0..3)),
        };
        let span = |base: usize, range: Range<usize>, at: usize| Span {
            memory: base + range.start * PAGE..base + range.end * PAGE,
            place: Place { file: number, at: (at * PAGE) as Bytes },
        };
        let (body, staged) = (region.address(), ours.address());
        // Ten pages by four are two and a half: two spans, alike.
        let all = [span(body, 1..6, 1), span(body, 6..11, 6), span(staged, 0..3, 11)];
        assert_eq!(cargo.spans(4 * PAGE), all);
        assert_eq!(cargo.spans(1000 * PAGE).len(), 2);
    }

    #[rstest]
    #[case::nothing(0, 0)]
    #[case::short(1, 1)]
    #[case::whole(8, 1)]
    #[case::a_page_more(9, 1)]
    #[case::half_as_much_again(12, 1)]
    #[case::nearly_two(13, 2)]
    #[case::two_and_a_page(17, 2)]
    fn spans_are_alike_and_cover_all(#[case] pages: usize, #[case] count: usize) {
        let (max, len) = (8 * PAGE, pages * PAGE);
        let mut spans = Vec::new();
        split(PAGE..PAGE + len, max, Place { file: 3, at: 77 }, &mut spans);
        assert_eq!((spans.len(), spans_of(len, max)), (count, count));
        let mut next = PAGE;
        for span in &spans {
            let place = Place { file: 3, at: (77 + next - PAGE) as Bytes };
            assert_eq!((span.memory.start, span.place), (next, place));
            next = span.memory.end;
        }
        assert_eq!(next, PAGE + len);
    }

    fn store(folder: &tempfile::TempDir, len: usize) -> Arc<SlotStore> {
        let medium = FileMedium {
            directory: String::new(),
            rank: 0,
            window: 0,
            pool: 0,
            role: FileRole::Scratch,
            stride: len as Bytes,
        };
        let rules =
            FileRules { direct: DirectIo::Never, layout: FileLayout::SlotFile, keep: false };
        let root = Root::open(folder.path()).unwrap();
        Arc::new(SlotStore::make(&root, &medium, len as Bytes, rules, &mut Vec::new()).unwrap())
    }
}
