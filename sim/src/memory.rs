//! All regions, and the copies between them.

use crate::config::SimConfig;
use crate::draw::{self, Domain, Draw};
use crate::drawer::Drawer;
use crate::image::{Image, SECTOR, Unwritten};
use crate::poison::{Leftover, Poison};
use crate::ranges::Ranges;
use std::ops::Range;
use tierproof_core::{
    Bytes, Descriptor, Error, ErrorKind, Fault, FileMedium, Medium, MediumKind, Part, RegionId,
    Result, Rows, Stamp, TRAILER_LEN,
};

/// One region.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) kind: MediumKind,
    pub(crate) image: Image,
    /// The file that it is, if that lasts.
    lasting: Option<FileMedium>,
    /// What requests in flight read and write of it.
    pub(crate) ranges: Ranges,
    /// By neighbourhood of [`VISITED`] bytes: requests so far whose first target began there.
    visits: Vec<u32>,
}

const VISITED: Bytes = 1 << 12;

impl Region {
    /// Counts a visit at `offset` and answers how many there were before.
    pub(crate) fn visit(&mut self, offset: Bytes) -> u32 {
        // The empty target at a region's end visits nothing.
        let Some(visits) = self.visits.get_mut((offset / VISITED) as usize) else { return 0 };
        *visits = visits.wrapping_add(1);
        visits.wrapping_sub(1)
    }
}

/// All regions of one device.
#[derive(Debug)]
pub(crate) struct Memory {
    regions: Vec<Option<Region>>,
    /// Files that last and that no region is of.
    drawer: Drawer,
    draw: Draw,
    poison: Poison,
    alignment: Bytes,
    /// How often all that is not durable was lost, modulo 256.
    cuts: u8,
}

impl Memory {
    pub(crate) fn new(config: &SimConfig) -> Self {
        Self {
            regions: Vec::new(),
            drawer: Drawer::default(),
            draw: Draw::new(config.seed),
            poison: Poison::new(config.seed),
            alignment: config.alignment,
            cuts: 0,
        }
    }

    pub(crate) fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let id = u32::try_from(self.regions.len()).map_err(|_| {
            Error::new(ErrorKind::Exhausted, "all region ids are used: build a new simulator")
        })?;
        let kind = medium.kind();
        let lasting = match medium {
            Medium::File(file) if file.role.lasts() => Some(file.clone()),
            _ => None,
        };
        let image = match &lasting {
            Some(file) => self.drawer.open(file, len)?,
            None => Image::new(len, self.unwritten(id), kind == MediumKind::File)?,
        };
        let visits = vec![0; len.div_ceil(VISITED) as usize];
        self.regions.push(Some(Region { kind, image, lasting, ranges: Ranges::default(), visits }));
        Ok(RegionId(id))
    }

    pub(crate) fn release(&mut self, id: RegionId) {
        let region = self.regions.get_mut(id.0 as usize).and_then(Option::take);
        if let Some(Region { lasting: Some(file), image, .. }) = region {
            self.drawer.close(&file, image);
        }
    }

    pub(crate) fn get(&self, id: RegionId) -> Option<&Region> {
        self.regions.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: RegionId) -> Option<&mut Region> {
        self.regions.get_mut(id.0 as usize)?.as_mut()
    }

    /// The bytes of a region that is known to be there.
    pub(crate) fn image(&mut self, id: RegionId) -> &mut Image {
        &mut self.get_mut(id).expect("the caller judged it").image
    }

    /// Does what a part of an accepted request asks for. Where the source is refused, the target
    /// stays as it was.
    pub(crate) fn execute(&mut self, part: &Part) -> Result<(), Fault> {
        let alignment = self.alignment;
        let source = span(part.source, part.check.is_some(), alignment);
        let target = span(part.target, part.seal.is_some(), alignment);
        let (from, to) = (part.source.region.0 as usize, part.target.region.0 as usize);
        if from == to {
            let region = self.regions[from].as_mut().expect("held by the request");
            let (source, target) = region.image.read_and_write(source, target);
            return copy(part, alignment, source, target);
        }
        let Ok([Some(from), Some(to)]) = self.regions.get_disjoint_mut([from, to]) else {
            unreachable!("held by the request");
        };
        let source = from.image.read(source);
        copy(part, alignment, source, to.image.write(target))
    }

    /// Leaves garbage where a part of an accepted request was to write.
    pub(crate) fn spoil(&mut self, part: &Part, operation: u64, index: u32) {
        let range = span(part.target, part.seal.is_some(), self.alignment);
        let start = self.draw.at(Domain::Garbage, &[operation, index.into()]);
        draw::fill(self.image(part.target.region).write(range), start);
    }

    /// Takes all files back to what was flushed, but for sectors that are `new`.
    pub(crate) fn revert_files(&mut self, new: impl Fn(RegionId, usize) -> bool) {
        for (id, region) in (0..).map(RegionId).zip(&mut self.regions) {
            let Some(region) = region.as_mut().filter(|it| it.kind == MediumKind::File) else {
                continue;
            };
            region.image.revert(|sector| new(id, sector));
        }
        self.drawer.revert();
    }

    pub(crate) fn copy_files(&mut self, other: &Self) {
        self.drawer = other.drawer.clone();
    }

    /// Loses all memory; what files hold is durable. Files that last are closed.
    pub(crate) fn end_cut(&mut self) {
        self.cuts = self.cuts.wrapping_add(1);
        for id in 0..self.regions.len() as u32 {
            let unwritten = self.unwritten(id);
            let Some(region) = self.get_mut(RegionId(id)) else { continue };
            region.ranges.clear();
            if region.kind == MediumKind::File {
                region.image.flush();
            } else {
                region.image.lose(unwritten);
            }
            if region.lasting.is_some() {
                self.release(RegionId(id));
            }
        }
    }

    /// Does of a part that was in flight what reached its file: sectors that are `new`.
    pub(crate) fn execute_torn(&mut self, part: &Part, new: impl Fn(usize) -> bool) {
        let range = span(part.target, part.seal.is_some(), self.alignment);
        let old = self.image(part.target.region).read(range.clone()).to_vec();
        if self.execute(part).is_err() {
            return;
        }
        let live = self.image(part.target.region).write(range.clone());
        for lost in (range.start / SECTOR..range.end.div_ceil(SECTOR)).filter(|&it| !new(it)) {
            let sector = range.start.max(lost * SECTOR)..range.end.min((lost + 1) * SECTOR);
            let piece = sector.start - range.start..sector.end - range.start;
            live[piece.clone()].copy_from_slice(&old[piece]);
        }
    }

    fn unwritten(&self, region: u32) -> Unwritten {
        let start = Leftover { region: region as u16, offset: 0, epoch: self.cuts };
        Unwritten::Poison(self.poison, start)
    }
}

/// The bytes that a transfer touches, its trailer included if it has one; `None` beyond 64 bits.
pub(crate) fn extent(at: Descriptor, sealed: bool, alignment: Bytes) -> Option<Range<Bytes>> {
    let len = if sealed {
        Stamp::trailer_offset(at.len, alignment)?.checked_add(TRAILER_LEN as Bytes)?
    } else {
        at.len
    };
    Some(at.offset..at.offset.checked_add(len)?)
}

fn span(at: Descriptor, sealed: bool, alignment: Bytes) -> Range<usize> {
    let range = extent(at, sealed, alignment).expect("checked when the request was accepted");
    range.start as usize..range.end as usize
}

/// Verifies, copies and seals; both slices reach to the end of their trailers.
fn copy(part: &Part, alignment: Bytes, source: &[u8], target: &mut [u8]) -> Result<(), Fault> {
    let payload = &source[..part.source.len as usize];
    let stamped = part.check.is_some() || part.seal.is_some();
    let checksum = if stamped { Stamp::checksum(payload) } else { 0 };
    if let Some(stamp) = part.check {
        stamp.verify(&source[trailer(stamp.len, alignment)], checksum)?;
    }
    match part.rows {
        None => target[..payload.len()].copy_from_slice(payload),
        Some(rows) => copy_rows(rows, payload, target),
    }
    if let Some(stamp) = part.seal {
        target[trailer(stamp.len, alignment)].copy_from_slice(&stamp.seal(checksum));
    }
    Ok(())
}

fn copy_rows(rows: Rows, source: &[u8], target: &mut [u8]) {
    for row in 0..Bytes::from(rows.count) {
        let start = (row * rows.pitch) as usize;
        let range = start..start + rows.len as usize;
        target[range.clone()].copy_from_slice(&source[range]);
    }
}

fn trailer(len: Bytes, alignment: Bytes) -> Range<usize> {
    let start = Stamp::trailer_offset(len, alignment);
    let start = start.expect("checked when the request was accepted") as usize;
    start..start + TRAILER_LEN
}
