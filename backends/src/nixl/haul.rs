//! Parts between a GPU's memory and neighbouring bytes of one file, which go there as one.

use super::cargo::{Cargo, Direction, MemoryKind, Span, split};
use crate::cuda::{DeviceMemory, Side};
use crate::files::store::SlotStore;
use crate::ledger::Seat;
use crate::lend::{Claim, Memory};
use crate::sheets::Sheet;
use crate::terms::Terms;
use std::ops::Range;
use tierproof_core::{Bytes, Nanos};

/// Where a haul stops between memory and file: a buffer of ours, as long as its bytes in the file.
#[derive(Debug)]
pub(super) enum Stop {
    Device(Sheet<DeviceMemory>),
    Host(Sheet<Memory>),
}

impl Stop {
    /// The right to a range of it.
    pub(super) fn side(&self, range: Range<usize>) -> Side {
        match self {
            Self::Device(sheet) => Side::Device(sheet.claim(range)),
            Self::Host(sheet) => Side::Target(sheet.lend(range)),
        }
    }
}

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
}

impl Haul {
    /// Bytes in the file.
    pub(super) fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.range.end)
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
                    hauls.push(Self {
                        direction,
                        parts: vec![part],
                        deadline,
                        stop: None,
                        trips: 0,
                        moving: false,
                    });
                }
            }
        }
        hauls
    }

    fn goes_on_with(&self, part: &HaulPart) -> bool {
        let last = self.parts.last().and_then(|last| last.file.as_ref());
        let (Some(last), Some(next)) = (last, &part.file) else { return false };
        std::ptr::eq(last.owner(), next.owner()) && last.range().end == next.start()
    }

    /// Each part as a haul of its own.
    pub(super) fn divide(self) -> Vec<Self> {
        let Self { direction, parts, deadline, .. } = self;
        parts
            .into_iter()
            .filter(|part| part.file.is_some())
            .map(|mut part| {
                part.range = 0..part.range.len();
                Self { direction, parts: vec![part], deadline, stop: None, trips: 0, moving: false }
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

    /// What NIXL moves of it: the claims to the file's bytes go with it.
    pub(super) fn load_up(&mut self) -> Option<HaulCargo> {
        let ranges = self.ranges();
        let side = self.stop.as_ref()?.side(0..self.len());
        let first = self.parts.first()?.range.start;
        let mut files = Vec::new();
        let mut base = None;
        for (index, part) in self.parts.iter_mut().enumerate() {
            if let Some(file) = part.file.take() {
                base.get_or_insert(file.start() - (part.range.start - first) as Bytes);
                files.push((index, file));
            }
        }
        Some(HaulCargo { base: base?, files, side, ranges, direction: self.direction })
    }

    /// Takes back the claims of an ended transfer.
    pub(super) fn unload(&mut self, cargo: HaulCargo) {
        for (index, file) in cargo.files {
            self.parts[index].file = Some(file);
        }
    }
}

/// What NIXL moves of a haul.
#[derive(Debug)]
pub(super) struct HaulCargo {
    /// Where in the file the haul begins.
    base: Bytes,
    /// The right to the file's bytes, by part.
    files: Vec<(usize, Claim<SlotStore>)>,
    side: Side,
    ranges: Vec<Range<usize>>,
    direction: Direction,
}

impl Cargo for HaulCargo {
    fn file(&self) -> &SlotStore {
        self.files[0].1.owner()
    }

    fn memory(&self) -> MemoryKind {
        self.side.memory_kind()
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn spans(&mut self, span_max: usize) -> Vec<Span> {
        let Some(start) = self.side.address() else { return Vec::new() };
        let mut spans = Vec::new();
        for range in &self.ranges {
            let memory = start + range.start..start + range.end;
            split(memory, span_max, self.base + range.start as Bytes, &mut spans);
        }
        spans
    }
}
