//! The bytes of a struck part: how they are looked at, damaged, and read again otherwise.

use std::ops::Range;

use tierproof_core::{Backend, Bytes, Descriptor, Fault, Part, Stamp, TRAILER_LEN};

use super::outcome::Struck;
use super::{FaultClass, Faulty};
use crate::draw::{Domain, Draw, fill};

/// What a part reads and writes, trailers included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extents {
    pub(super) source: Descriptor,
    pub(super) target: Descriptor,
}

/// Other slots that are looked at for one that is nobody's.
const TRIES: u64 = 8;
/// A trailer's fields and its own checksum; what follows is never looked at.
const CHECKED: Bytes = 104;

impl<B: Backend> Faulty<B> {
    /// What a part reads and writes, if it lies in regions.
    pub(super) fn extents(&self, part: &Part) -> Option<Extents> {
        Some(Extents {
            source: self.media.extent(part.source, part.check.is_some())?,
            target: self.media.extent(part.target, part.seal.is_some())?,
        })
    }

    /// The bytes that the device holds.
    pub(super) fn image(&mut self, at: Descriptor) -> Result<Vec<u8>, String> {
        self.media.image(at).map_err(|error| error.to_string())
    }

    /// Writes what should not be there. Nothing is told of it.
    pub(super) fn hurt(&mut self, class: FaultClass, at: Descriptor, bytes: &[u8]) -> Struck {
        self.media.damage(class, at, bytes).map_err(|error| error.to_string())?;
        Ok(None)
    }

    /// Leaves garbage where a part failed.
    pub(super) fn spoil(&mut self, at: Descriptor, salt: u64) {
        // Where that can't be written, what is there will do: it is as undefined.
        let _ = self.media.write(at, &garbage(at, salt));
    }

    /// Leaves what was there where a part failed before it wrote.
    pub(super) fn put_back(&mut self, at: Descriptor, before: &[u8]) {
        let _ = self.media.write(at, before);
    }

    /// A part whose source read as `image`: refused by its trailer, or copied as it is.
    pub(super) fn arrive(&mut self, part: &Part, extents: &Extents, image: &[u8]) -> Struck {
        let payload = &image[..part.source.len as usize];
        let checksum = Stamp::checksum(payload);
        if let Some(stamp) = part.check
            && let Err(refusal) = stamp.verify(&image[self.trailer(stamp.len)], checksum)
        {
            self.spoil(extents.target, checksum);
            return Ok(Some(Fault::from(refusal)));
        }
        let mut bytes = self.image(extents.target)?;
        match part.rows {
            None => bytes[..payload.len()].copy_from_slice(payload),
            Some(rows) => {
                for row in 0..Bytes::from(rows.count) {
                    let start = (row * rows.pitch) as usize;
                    let row = start..start + rows.len as usize;
                    bytes[row.clone()].copy_from_slice(&payload[row]);
                }
            }
        }
        if let Some(stamp) = part.seal {
            bytes[self.trailer(stamp.len)].copy_from_slice(&stamp.seal(checksum));
        }
        self.media.write(extents.target, &bytes).map_err(|error| error.to_string())?;
        Ok(None)
    }

    pub(super) fn trailer(&self, len: Bytes) -> Range<usize> {
        let start = Stamp::trailer_offset(len, self.media.alignment).unwrap_or(len) as usize;
        start..start + TRAILER_LEN
    }

    pub(super) fn is_nobodys(&self, at: Descriptor, writing: bool) -> bool {
        self.media.region(at.region).is_some_and(|region| at.fits(region.len))
            && self.media.owner(at, writing).is_none()
    }

    /// Another slot of the region that is nobody's: the first of some after a drawn one.
    pub(super) fn other_slot(
        &self,
        at: Descriptor,
        sealed: bool,
        writing: bool,
        detail: u64,
    ) -> Option<Descriptor> {
        let all = self.media.extent(at, sealed)?;
        let stride = self.media.stride(at.len, sealed);
        let slots = self.media.region(at.region)?.len / stride;
        let own = at.offset / stride;
        let others = slots.checked_sub(1).filter(|others| *others > 0)?;
        (0..TRIES.min(others)).find_map(|next| {
            let slot = (own + 1 + (detail.wrapping_add(next)) % others) % slots;
            let offset = slot * stride + at.offset % stride;
            let at = Descriptor { offset, ..all };
            self.is_nobodys(at, writing).then_some(at)
        })
    }
}

pub(super) fn garbage(at: Descriptor, salt: u64) -> Vec<u8> {
    let mut bytes = vec![0; at.len as usize];
    fill(&mut bytes, Draw::new(salt).at(Domain::Garbage, &[at.offset]));
    bytes
}

/// Payload bytes and, where there is one, the trailer's: what damage must hit to be damage.
pub(super) fn looked_at(len: Bytes, sealed: bool, alignment: Bytes) -> Vec<Range<Bytes>> {
    let trailer = Stamp::trailer_offset(len, alignment).filter(|_| sealed);
    std::iter::once(0..len).chain(trailer.map(|start| start..start + CHECKED)).collect()
}

/// Flips one bit of the ranges.
pub(super) fn flip(bytes: &mut [u8], ranges: &[Range<Bytes>], detail: u64) -> Option<()> {
    let total: Bytes = ranges.iter().map(|range| range.end - range.start).sum();
    let mut place = (detail >> 3).checked_rem(total)?;
    for range in ranges {
        let len = range.end - range.start;
        if place < len {
            bytes[(range.start + place) as usize] ^= 1 << (detail % 8);
            return Some(());
        }
        place -= len;
    }
    None
}
