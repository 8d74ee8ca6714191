//! Judging a request before anything of it happens: a refused one has no effect.

use std::ops::Range;
use tierproof_core::{
    Bytes, Capability, Descriptor, Error, ErrorKind, Medium, MediumKind, Part, RegionId, Result,
    Route, Stamp, TRAILER_LEN, TransferRequest,
};

/// What must be known of a region to judge a request that names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegionFacts {
    pub(crate) kind: MediumKind,
    pub(crate) len: Bytes,
    /// Whether transfers write whole aligned pages, so that a last short page is padded.
    pub(crate) paged: bool,
}

/// The media that all parts of a request go between.
pub(crate) type Media = (MediumKind, MediumKind);

/// Judges requests; keeps its list of extents so that judging allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    extents: Vec<Extent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    region: RegionId,
    start: Bytes,
    end: Bytes,
    target: bool,
}

impl Judge {
    /// The media of an acceptable request.
    pub(crate) fn judge(
        &mut self,
        capability: &Capability,
        request: &TransferRequest,
        facts: impl Fn(RegionId) -> Option<RegionFacts>,
    ) -> Result<Media> {
        let (parts, parts_max) = (request.parts.len(), capability.request_parts_max as usize);
        if !(1..=parts_max).contains(&parts) {
            return out_of_range(format!("{parts} parts in a request: give 1 to {parts_max}"));
        }
        self.extents.clear();
        let mut media = None;
        let mut total: Bytes = 0;
        for (index, part) in request.parts.iter().enumerate() {
            let examiner = Examiner { index, part, alignment: capability.alignment, facts: &facts };
            let (between, extents) = examiner.examine()?;
            if *media.get_or_insert(between) != between {
                return unsupported(format!("part {index} is between other media than part 0"));
            }
            total = total.saturating_add(payload_len(part));
            self.extents.extend(extents);
        }
        if total > capability.request_bytes_max {
            let max = capability.request_bytes_max;
            return out_of_range(format!("{total} bytes in a request: give at most {max}"));
        }
        let (source, target) = media.expect("there is at least one part");
        if capability.route(source, target) == Route::Absent {
            return unsupported(format!("no route from {source:?} to {target:?}"));
        }
        self.refuse_overlaps()?;
        Ok((source, target))
    }

    fn refuse_overlaps(&mut self) -> Result<()> {
        self.extents.retain(|extent| extent.start < extent.end);
        self.extents.sort_unstable();
        let mut region = None;
        let (mut any_end, mut target_end) = (0, 0);
        for extent in &self.extents {
            if region.replace(extent.region) != Some(extent.region) {
                (any_end, target_end) = (0, 0);
            }
            if extent.start < if extent.target { any_end } else { target_end } {
                let context = format!(
                    "a target overlaps another range of the request at byte {} of {:?}",
                    extent.start, extent.region
                );
                return out_of_range(context);
            }
            any_end = any_end.max(extent.end);
            if extent.target {
                target_end = target_end.max(extent.end);
            }
        }
        Ok(())
    }
}

/// One part of a request under examination.
struct Examiner<'a, F> {
    index: usize,
    part: &'a Part,
    alignment: Bytes,
    facts: &'a F,
}

impl<F: Fn(RegionId) -> Option<RegionFacts>> Examiner<'_, F> {
    fn examine(&self) -> Result<(Media, [Extent; 2])> {
        let (index, part) = (self.index, self.part);
        if part.source.len != part.target.len {
            let (source, target) = (part.source.len, part.target.len);
            return out_of_range(format!("part {index}: {source} bytes into {target} bytes"));
        }
        let (from, source) = self.side("source", part.source, part.check, false)?;
        let (to, target) = self.side("target", part.target, part.seal, true)?;
        self.examine_rows(from.kind == MediumKind::File || to.kind == MediumKind::File)?;
        Ok(((from.kind, to.kind), [source, target]))
    }

    fn side(
        &self,
        name: &str,
        at: Descriptor,
        stamp: Option<Stamp>,
        target: bool,
    ) -> Result<(RegionFacts, Extent)> {
        let index = self.index;
        let Some(facts) = (self.facts)(at.region) else {
            return out_of_range(format!("part {index}: unknown {name} {:?}", at.region));
        };
        if let Some(stamp) = stamp.filter(|stamp| stamp.len != at.len) {
            let (stamped, len) = (stamp.len, at.len);
            let context = format!("part {index}: stamp of {stamped} bytes on a {name} of {len}");
            return out_of_range(context);
        }
        if facts.kind == MediumKind::File && !at.offset.is_multiple_of(self.alignment) {
            let (offset, alignment) = (at.offset, self.alignment);
            let context = format!(
                "part {index}: {name} at byte {offset} of a file: give a multiple of {alignment}"
            );
            return Err(Error::new(ErrorKind::Misaligned, context));
        }
        match extent(at, stamp.is_some(), self.alignment, facts.paged) {
            Some(range) if range.end <= facts.len => {
                let (start, end) = (range.start, range.end);
                Ok((facts, Extent { region: at.region, start, end, target }))
            }
            _ => out_of_range(format!(
                "part {index}: {name} {at:?} with its trailer, if any, leaves a region of {} bytes",
                facts.len
            )),
        }
    }

    fn examine_rows(&self, file: bool) -> Result<()> {
        let (index, part) = (self.index, self.part);
        let Some(rows) = part.rows else { return Ok(()) };
        if file {
            return unsupported(format!("part {index}: rows from or to a file: copy it whole"));
        }
        if part.seal.is_some() {
            return unsupported(format!("part {index}: a seal on rows: seal whole blocks only"));
        }
        let ends = rows
            .count
            .checked_sub(1)
            .and_then(|steps| rows.pitch.checked_mul(Bytes::from(steps))?.checked_add(rows.len));
        let apart = rows.count <= 1 || rows.len <= rows.pitch;
        if apart && ends.is_some_and(|end| end <= part.source.len) {
            return Ok(());
        }
        out_of_range(format!("part {index}: {rows:?} do not fit {} bytes", part.source.len))
    }
}

/// The bytes that a transfer of `at` touches, with its trailer if `sealed`; `None` beyond 64 bits.
pub(crate) fn extent(
    at: Descriptor,
    sealed: bool,
    alignment: Bytes,
    paged: bool,
) -> Option<Range<Bytes>> {
    let len = match (sealed, paged) {
        (false, false) => at.len,
        (false, true) => tierproof_core::round_up(at.len, alignment)?,
        (true, false) => {
            Stamp::trailer_offset(at.len, alignment)?.checked_add(TRAILER_LEN as Bytes)?
        }
        (true, true) => Stamp::sealed_len(at.len, alignment)?,
    };
    Some(at.offset..at.offset.checked_add(len)?)
}

/// [`Part::bytes`] of a part whose rows may be absurd.
fn payload_len(part: &Part) -> Bytes {
    part.rows.map_or(part.source.len, |rows| rows.len.saturating_mul(Bytes::from(rows.count)))
}

/// Checks that `at` lies in a region of `len` bytes and is as long as `bytes`.
pub(crate) fn examine_bytes(at: Descriptor, bytes: usize, len: Bytes) -> Result<()> {
    if at.fits(len) && at.len == bytes as Bytes {
        return Ok(());
    }
    out_of_range(format!("{at:?} for {bytes} bytes in a region of {len} bytes"))
}

/// Refuses a file that outlives the process, in a backend that has none.
pub(crate) fn refuse_lasting(medium: &Medium, backend: &str) -> Result<()> {
    match medium {
        Medium::File(file) if file.role.lasts() => unsupported(format!(
            "the {backend} backend has no files, so nothing outlives it: choose a backend with files"
        )),
        _ => Ok(()),
    }
}

/// The error for a region that is not, or no longer, there.
pub(crate) fn unknown_region(region: RegionId) -> Error {
    Error::new(ErrorKind::OutOfRange, format!("{region:?} was never given or is released"))
}

fn out_of_range<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::OutOfRange, context))
}

fn unsupported<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, context))
}
