//! Parts between a GPU's memory and neighbouring bytes of one file, which go there as one.

use super::cargo::{Cargo, Direction, MemoryKind, Place, Span, split};
use super::stops::Stop;
use crate::cuda::Side;
use crate::files::store::SlotStore;
use crate::ledger::Seat;
use crate::lend::Claim;
use crate::terms::Terms;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tierproof_core::{Bytes, Nanos};

impl Side {
    pub(super) fn memory_kind(&self) -> MemoryKind {
        match self {
            Self::Device(claim) => MemoryKind::Device(claim.owner().ordinal()),
            _ => MemoryKind::Host,
        }
    }
}

/// A part of a haul.
#[derive(Debug)]
pub(super) struct HaulPart {
    pub(super) seat: Seat,
    pub(super) terms: Terms,
    /// The file's bytes, whole pages; gone when the part has ended.
    pub(super) file: Option<Claim<SlotStore>>,
    /// The GPU's memory; gone while a trip has it, and when the part has ended.
    pub(super) side: Option<Side>,
    /// Its bytes of the haul.
    pub(super) range: Range<usize>,
}

/// Neighbouring parts of one request.
#[derive(Debug)]
pub(super) struct Haul {
    pub(super) direction: Direction,
    pub(super) parts: Vec<HaulPart>,
    pub(super) deadline: Nanos,
    pub(super) stop: Option<Stop>,
    /// Trips that are not back.
    pub(super) trips: usize,
    /// NIXL has it, or may still.
    pub(super) moving: bool,
    /// It goes once more and alone, because NIXL did not move it together with others.
    pub(super) again: bool,
}

impl Haul {
    /// Bytes in the file.
    pub(super) fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.range.end)
    }

    fn of(part: HaulPart, direction: Direction, deadline: Nanos) -> Self {
        let (stop, trips, moving, again) = (None, 0, false, false);
        Self { direction, parts: vec![part], deadline, stop, trips, moving, again }
    }

    /// Whether there is something to move.
    pub(super) fn has_parts(&self) -> bool {
        self.parts.iter().any(|part| part.file.is_some())
    }

    /// Groups parts of one request, in their order, by neighbourhood in a file: of `len_max` bytes at most,
    /// but for one long part.
    pub(super) fn group(
        parts: Vec<HaulPart>,
        direction: Direction,
        deadline: Nanos,
        len_max: usize,
    ) -> Vec<Self> {
        let mut hauls: Vec<Self> = Vec::new();
        for mut part in parts {
            let len = part.range.len();
            match hauls.last_mut() {
                Some(haul) if haul.len() + len <= len_max && haul.goes_on_with(&part) => {
                    part.range = haul.len()..haul.len() + len;
                    haul.parts.push(part);
                }
                _ => {
                    part.range = 0..len;
                    hauls.push(Self::of(part, direction, deadline));
                }
            }
        }
        hauls
    }

    fn goes_on_with(&self, part: &HaulPart) -> bool {
        let last = self.parts.last().and_then(|last| last.file.as_ref());
        let (Some(last), Some(next)) = (last, &part.file) else { return false };
        let stretch = last.owner().stretch();
        let together = last.start() / stretch == next.start() / stretch;
        std::ptr::eq(last.owner(), next.owner()) && last.range().end == next.start() && together
    }

    /// Each part as a haul of its own.
    pub(super) fn divide(self) -> Vec<Self> {
        let Self { direction, parts, deadline, .. } = self;
        parts
            .into_iter()
            .filter(|part| part.side.is_some())
            .map(|mut part| {
                part.range = 0..part.range.len();
                Self { again: true, ..Self::of(part, direction, deadline) }
            })
            .collect()
    }

    /// The ranges of the haul that parts which have not ended take, neighbours joined.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for part in self.parts.iter().filter(|part| part.file.is_some()) {
            match ranges.last_mut() {
                Some(last) if last.end == part.range.start => last.end = part.range.end,
                _ => ranges.push(part.range.clone()),
            }
        }
        ranges
    }

    /// How many descriptors it takes.
    pub(super) fn spans(&self, span_max: usize) -> usize {
        self.ranges().iter().map(|range| super::cargo::spans_of(range.len(), span_max)).sum()
    }

    /// What NIXL moves of it. The claims to the file's bytes go with a store; of a load nothing but the stop may
    /// be touched later than anybody thinks, so its claims stay.
    pub(super) fn load_up(&mut self) -> Option<HaulCargo> {
        let ranges = self.ranges();
        let side = self.stop.as_ref()?.side(0..self.len());
        let first = self.parts.iter().find(|part| part.file.is_some())?;
        let file = first.file.as_ref()?;
        let store = file.shared();
        let (kept, at) = file.owner().kept_at(file.start())?;
        let begin = Place { file: kept.as_raw_fd(), at: at - first.range.start as Bytes };
        let mut claims = Vec::new();
        if self.direction == Direction::Store {
            let parts = self.parts.iter_mut().enumerate();
            claims.extend(parts.filter_map(|(index, part)| Some((index, part.file.take()?))));
        }
        Some(HaulCargo { begin, _store: store, claims, side, ranges, direction: self.direction })
    }

    /// Takes back the claims of an ended transfer. What has been answered meanwhile keeps none.
    pub(super) fn unload(&mut self, cargo: HaulCargo) {
        for (index, file) in cargo.claims {
            self.parts[index].file = Some(file);
        }
    }
}

/// What NIXL moves of a haul.
#[derive(Debug)]
pub(super) struct HaulCargo {
    /// Where in the file the haul begins.
    begin: Place,
    /// Keeps the file open.
    _store: Arc<SlotStore>,
    /// The right to the file's bytes, by part.
    claims: Vec<(usize, Claim<SlotStore>)>,
    side: Side,
    ranges: Vec<Range<usize>>,
    direction: Direction,
}

impl HaulCargo {
    fn add_spans(&mut self, span_max: usize, spans: &mut Vec<Span>) {
        let Some(start) = self.side.address() else { return };
        for range in &self.ranges {
            let memory = start + range.start..start + range.end;
            let at = self.begin.at + range.start as Bytes;
            split(memory, span_max, Place { at, ..self.begin }, spans);
        }
    }
}

/// Hauls in one direction that one transfer of NIXL's moves.
#[derive(Debug)]
pub(super) struct Convoy(pub(super) Vec<HaulCargo>);

impl Cargo for Convoy {
    fn memory(&self) -> MemoryKind {
        self.0.first().map_or(MemoryKind::Host, |haul| haul.side.memory_kind())
    }

    fn direction(&self) -> Direction {
        self.0.first().map_or(Direction::Load, |haul| haul.direction)
    }

    fn spans(&mut self, span_max: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        self.0.iter_mut().for_each(|haul| haul.add_spans(span_max, &mut spans));
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::root::Root;
    use crate::files::rules::{DirectIo, FileLayout, FileRules};
    use crate::lend::{Access, Lent, Memory};
    use crate::sheets::Sheets;
    use tierproof_core::{FileMedium, FileRole, TransferId};

    const PAGE: usize = 4096;

    /// A file of 64 pages, and the parts of a request: each so many pages from that page.
    struct Bench {
        _folder: tempfile::TempDir,
        store: Arc<SlotStore>,
        memory: Arc<Memory>,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (len, directory) = (64 * PAGE as Bytes, String::new());
            let medium = FileMedium {
                directory,
                rank: 0,
                window: 0,
                pool: 0,
                role: FileRole::Scratch,
                stride: len,
            };
            let rules =
                FileRules { direct: DirectIo::Never, layout: FileLayout::SlotFile, keep: false };
            let root = Root::open(folder.path()).unwrap();
            let store = SlotStore::make(&root, &medium, len, rules, &mut Vec::new()).unwrap();
            Self { _folder: folder, store: Arc::new(store), memory: Memory::new(len).unwrap() }
        }

        fn parts(&self, pages: &[(usize, usize)]) -> Vec<HaulPart> {
            let bytes = |page: usize| (page * PAGE) as Bytes;
            let part = |(index, &(from, len)): (u32, &(usize, usize))| HaulPart {
                seat: Seat { request: TransferId(7), part: index },
                terms: Terms { len: len * PAGE, check: None, seal: None, alignment: PAGE as Bytes },
                file: Claim::new(&self.store, bytes(from)..bytes(from + len), Access::Write),
                side: Lent::new(&self.memory, bytes(from)..bytes(from + len)).map(Side::Source),
                range: 0..len * PAGE,
            };
            (0..).zip(pages).map(part).collect()
        }

        fn group(&self, pages: &[(usize, usize)], max: usize) -> Vec<Haul> {
            Haul::group(self.parts(pages), Direction::Store, Nanos::MAX, max * PAGE)
        }
    }

    fn pages(haul: &Haul) -> Vec<(usize, usize)> {
        let range = |part: &HaulPart| (part.range.start / PAGE, part.range.end / PAGE);
        haul.parts.iter().map(range).collect()
    }

    #[test]
    fn neighbours_in_the_file_are_one_haul_up_to_the_bound() {
        let bench = Bench::new();
        let hauls = bench.group(&[(0, 2), (2, 1), (3, 2), (6, 1), (20, 9), (5, 1)], 5);
        let seen: Vec<_> = hauls.iter().map(pages).collect();
        assert_eq!(seen, [vec![(0, 2), (2, 3), (3, 5)], vec![(0, 1)], vec![(0, 9)], vec![(0, 1)]]);
        assert_eq!(hauls[2].len(), 9 * PAGE, "one long part is a haul, however long");
    }

    #[test]
    fn what_is_left_of_a_haul_goes_where_it_belongs() {
        let bench = Bench::new();
        let mut haul = bench.group(&[(10, 2), (12, 1), (13, 3)], 100).remove(0);
        let mut sheets = Sheets::new(1 << 20, Bytes::MAX);
        haul.stop = sheets.take(haul.len(), Memory::new).unwrap().map(Stop::Host);
        let start = haul.stop.as_ref().and_then(|stop| stop.side(0..PAGE).address()).unwrap();
        // The second part was refused on its way here.
        haul.parts[1].file = None;
        haul.parts[1].side = None;
        assert_eq!(haul.spans(100 * PAGE), 2);
        let file = bench.store.kept().next().unwrap().0.as_raw_fd();
        let mut convoy = Convoy(vec![haul.load_up().unwrap()]);
        let span = |from: usize, len: usize, at: usize| Span {
            memory: start + from * PAGE..start + (from + len) * PAGE,
            place: Place { file, at: (at * PAGE) as Bytes },
        };
        assert_eq!(convoy.spans(100 * PAGE), [span(0, 2, 10), span(3, 3, 13)]);
        assert_eq!(convoy.memory(), MemoryKind::Host);
        assert_eq!(convoy.direction(), Direction::Store);
        assert!(haul.parts.iter().all(|part| part.file.is_none()), "the claims go with it");
        haul.unload(convoy.0.remove(0));
        let alone = haul.divide();
        assert_eq!(alone.iter().map(pages).collect::<Vec<_>>(), [vec![(0, 2)], vec![(0, 3)]]);
        assert!(alone.iter().all(|haul| haul.parts[0].file.is_some()));
    }

    #[test]
    fn of_nothing_there_is_nothing_to_move() {
        let bench = Bench::new();
        let mut haul = bench.group(&[(0, 1)], 100).remove(0);
        haul.parts[0].file = None;
        let mut sheets = Sheets::new(1 << 20, Bytes::MAX);
        haul.stop = sheets.take(haul.len(), Memory::new).unwrap().map(Stop::Host);
        assert!(haul.load_up().is_none());
        assert_eq!(haul.spans(PAGE), 0);
    }
}
