//! Whether a request is acceptable at all, whatever else is in flight.

use crate::memory::{Memory, Region, extent};
use crate::schedule::{RouteIndex, Schedule};
use tierproof_core::{
    Bytes, Capability, Descriptor, Error, ErrorKind, MediumKind, Part, Result, Stamp,
    TransferRequest,
};

/// What a request must answer to.
pub(crate) struct Judge<'a> {
    pub(crate) capability: &'a Capability,
    pub(crate) schedule: &'a Schedule,
    pub(crate) memory: &'a Memory,
}

impl Judge<'_> {
    /// The route of an acceptable request, and its payload bytes.
    pub(crate) fn judge(&self, request: &TransferRequest) -> Result<(RouteIndex, Bytes)> {
        let (parts, parts_max) = (request.parts.len(), self.capability.request_parts_max);
        if parts == 0 || parts > parts_max as usize {
            return out_of_range(format!("a request of {parts} parts: give 1 to {parts_max}"));
        }
        let mut media = None;
        let mut total: Bytes = 0;
        for (index, part) in request.parts.iter().enumerate() {
            let between = self.part(index, part)?;
            if *media.get_or_insert(between) != between {
                return unsupported(format!("part {index} is between other media than part 0"));
            }
            let payload = part
                .rows
                .map_or(part.source.len, |rows| rows.len.saturating_mul(Bytes::from(rows.count)));
            total = total.saturating_add(payload);
        }
        let bytes_max = self.capability.request_bytes_max;
        if total > bytes_max {
            return out_of_range(format!("a request of {total} bytes: give at most {bytes_max}"));
        }
        let (source, target) = media.expect("there are parts");
        match self.schedule.route(source, target) {
            Some(route) => Ok((route, total)),
            None => unsupported(format!(
                "the profile has no route from {source:?} to {target:?}, and the simulator \
                 refuses what it does not model"
            )),
        }
    }

    fn part(&self, index: usize, part: &Part) -> Result<(MediumKind, MediumKind)> {
        if part.source.len != part.target.len {
            let (source, target) = (part.source.len, part.target.len);
            return out_of_range(format!("part {index}: {source} bytes into {target} bytes"));
        }
        let source = self.side(index, "source", part.source, part.check)?;
        let target = self.side(index, "target", part.target, part.seal)?;
        let media = (source.kind, target.kind);
        rows(index, part, media.0 == MediumKind::File || media.1 == MediumKind::File)?;
        Ok(media)
    }

    fn side(
        &self,
        index: usize,
        name: &str,
        at: Descriptor,
        stamp: Option<Stamp>,
    ) -> Result<&Region> {
        let Some(region) = self.memory.get(at.region) else {
            return out_of_range(format!("part {index}: no {name} {:?}", at.region));
        };
        if let Some(stamp) = stamp.filter(|stamp| stamp.len != at.len) {
            let (stamped, len) = (stamp.len, at.len);
            return out_of_range(format!("part {index}: stamp of {stamped} on a {name} of {len}"));
        }
        let alignment = self.capability.alignment;
        if region.kind == MediumKind::File && !at.offset.is_multiple_of(alignment) {
            let context = format!(
                "part {index}: {name} at byte {} of a file: give a multiple of {alignment}",
                at.offset
            );
            return Err(Error::new(ErrorKind::Misaligned, context));
        }
        let range = extent(at, stamp.is_some(), alignment);
        if range.is_some_and(|range| range.end <= region.image.len()) {
            return Ok(region);
        }
        out_of_range(format!(
            "part {index}: {name} {at:?}, with its trailer if it has one, leaves a region of {} bytes",
            region.image.len()
        ))
    }
}

fn rows(index: usize, part: &Part, file: bool) -> Result<()> {
    let Some(rows) = part.rows else { return Ok(()) };
    if file || part.seal.is_some() {
        return unsupported(format!("part {index}: rows are copied between memories, unsealed"));
    }
    let end = rows
        .count
        .checked_sub(1)
        .and_then(|steps| rows.pitch.checked_mul(steps.into())?.checked_add(rows.len));
    let apart = rows.count <= 1 || rows.len <= rows.pitch;
    if apart && end.is_some_and(|end| end <= part.source.len) {
        return Ok(());
    }
    out_of_range(format!("part {index}: {rows:?} do not fit {} bytes", part.source.len))
}

pub(crate) fn out_of_range<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::OutOfRange, context))
}

fn unsupported<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, context))
}
