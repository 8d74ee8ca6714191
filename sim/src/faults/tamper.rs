//! The bytes of a struck part: lost, cut, put elsewhere, flipped, or read from elsewhere.

use std::ops::Range;

use tierproof_core::{
    Backend, Bytes, Descriptor, ErrorKind, Fault, MediumKind, Part, RegionId, Stamp, TRAILER_LEN,
};

use super::fit::Target;
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
/// Slots that a change by others reaches at most.
const MEDDLED_MAX: u64 = 16;
/// A trailer's fields and its own checksum; what follows is never looked at.
const CHECKED: Bytes = 104;

impl<B: Backend> Faulty<B> {
    pub(super) fn extents(&self, part: &Part) -> Option<Extents> {
        Some(Extents {
            source: self.media.extent(part.source, part.check.is_some())?,
            target: self.media.extent(part.target, part.seal.is_some())?,
        })
    }

    pub(super) fn image(&mut self, at: Descriptor) -> Result<Vec<u8>, String> {
        self.media.image(at).map_err(|error| error.to_string())
    }

    /// What the device holds of a part's source.
    pub(super) fn read(&mut self, extents: &Extents) -> Result<Vec<u8>, String> {
        self.image(extents.source)
    }

    fn hurt(&mut self, class: FaultClass, at: Descriptor, bytes: &[u8]) -> Struck {
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

    /// Lost: the target holds what it held (F09).
    pub(super) fn lose(&mut self, extents: &Extents, before: Option<Vec<u8>>) -> Struck {
        let before = before.ok_or("what the target held is not known")?;
        self.hurt(FaultClass::F09, extents.target, &before)
    }

    /// Short: only a first piece is new. Told as a success or, for an odd detail, as a failure.
    pub(super) fn write_short(
        &mut self,
        extents: &Extents,
        before: Option<Vec<u8>>,
        detail: u64,
    ) -> Struck {
        let mut bytes = before.ok_or("what the target held is not known")?;
        let new = self.image(extents.target)?;
        let kept = ((detail >> 1) % extents.target.len.max(1)) as usize;
        bytes[..kept].copy_from_slice(&new[..kept]);
        if detail & 1 == 1 {
            self.media.write(extents.target, &bytes).map_err(|error| error.to_string())?;
            return Ok(Some(Fault::new(ErrorKind::Device)));
        }
        self.hurt(FaultClass::F05, extents.target, &bytes)
    }

    /// Misdirected: another slot of the region is written instead, and the target is not.
    pub(super) fn misdirect_write(
        &mut self,
        target: &Target<'_>,
        extents: &Extents,
        before: Option<Vec<u8>>,
        detail: u64,
    ) -> Struck {
        let sealed = target.part.seal.is_some();
        let victim = self.other_slot(target.part.target, sealed, true, detail);
        let victim = victim.ok_or("every other slot of the region is in use")?;
        let before = before.ok_or("what the target held is not known")?;
        let new = self.image(extents.target)?;
        self.hurt(FaultClass::F10, extents.target, &before)?;
        self.hurt(FaultClass::F10, victim, &new)
    }

    /// Rotten: one bit of what was written is another.
    pub(super) fn rot(&mut self, part: &Part, extents: &Extents, detail: u64) -> Struck {
        let mut bytes = self.image(extents.target)?;
        let ranges = looked_at(part.target.len, part.seal.is_some(), self.media.alignment);
        flip(&mut bytes, &ranges, detail).ok_or("there is no bit to flip")?;
        self.hurt(FaultClass::F12, extents.target, &bytes)
    }

    /// Another layout of the same shape: halves exchanged, and a trailer that says so.
    pub(super) fn relayout(&mut self, part: &Part, extents: &Extents) -> Struck {
        let mut bytes = self.image(extents.target)?;
        let len = part.target.len as usize;
        bytes[..len].rotate_left(len / 2);
        if let Some(mut stamp) = part.seal {
            stamp.layout[0] ^= 1;
            let trailer = stamp.seal(Stamp::checksum(&bytes[..len]));
            bytes[self.trailer(part.target.len)].copy_from_slice(&trailer);
        }
        self.hurt(FaultClass::G14, extents.target, &bytes)
    }

    /// Failed, and told as a success.
    pub(super) fn fail_silently(
        &mut self,
        class: FaultClass,
        target: &Target<'_>,
        extents: &Extents,
        detail: u64,
    ) -> Struck {
        if target.writes() {
            return self.hurt(class, extents.target, &garbage(extents.target, detail));
        }
        self.arrive(target.part, extents, &garbage(extents.source, detail))
    }

    /// Misdirected: another slot of the region is read instead.
    pub(super) fn misdirect_read(
        &mut self,
        target: &Target<'_>,
        extents: &Extents,
        detail: u64,
    ) -> Struck {
        let checked = target.part.check.is_some();
        let other = self.other_slot(target.part.source, checked, false, detail);
        let other = other.ok_or("every other slot of the region is being written")?;
        let bytes = self.image(other)?;
        self.arrive(target.part, extents, &bytes)
    }

    /// One bit of what is read is another, this time only.
    pub(super) fn flip_on_the_way(
        &mut self,
        part: &Part,
        extents: &Extents,
        detail: u64,
    ) -> Struck {
        let mut bytes = self.read(extents)?;
        let ranges = looked_at(part.source.len, part.check.is_some(), self.media.alignment);
        flip(&mut bytes, &ranges, detail).ok_or("there is no bit to flip")?;
        self.arrive(part, extents, &bytes)
    }

    /// Others change the file from the part's slot on: zeros, as after a cut and a growth, or, for
    /// an odd detail, something else.
    pub(super) fn meddle(&mut self, target: &Target<'_>, extents: &Extents, detail: u64) -> Struck {
        let of_target = target.between[1] == MediumKind::File && target.sealed();
        let (first, at, sealed) = if of_target {
            (extents.target, target.part.target, target.part.seal.is_some())
        } else {
            (extents.source, target.part.source, target.part.check.is_some())
        };
        let stride = self.media.stride(at.len, sealed);
        let len = self.media.region(at.region).map_or(0, |region| region.len);
        let mut any = false;
        for slot in 0..MEDDLED_MAX {
            let at = Descriptor { offset: first.offset + slot * stride, ..first };
            if !at.fits(len) || self.media.owner(at, true).is_some() {
                continue;
            }
            let bytes = match detail & 1 {
                0 => vec![0; at.len as usize],
                _ => garbage(at, detail),
            };
            any |= self.hurt(FaultClass::F28, at, &bytes).is_ok();
        }
        if any { Ok(None) } else { Err("the slots are in use".to_owned()) }
    }

    /// From now on the file's number is another file's (F31).
    pub(super) fn reuse_number(
        &mut self,
        target: &Target<'_>,
        detail: u64,
    ) -> Result<RegionId, String> {
        let file = MediumKind::File;
        let of_target = target.between[1] == file && target.sealed();
        let region = if of_target { target.part.target.region } else { target.part.source.region };
        let others: Vec<_> = self.media.of_kind(file).filter(|other| *other != region).collect();
        if others.is_empty() {
            return Err("there is no other file".to_owned());
        }
        let other = others[(detail % others.len() as u64) as usize];
        self.conditions.reused.insert(region, other);
        Ok(region)
    }

    /// Does to another file what was to be done to one whose number it has.
    pub(super) fn confuse(
        &mut self,
        target: &Target<'_>,
        extents: &Extents,
        before: Option<Vec<u8>>,
    ) -> Struck {
        let class = FaultClass::F31;
        let there = |at: Descriptor, other| Descriptor { region: other, ..at };
        let reused = |at: Descriptor| self.conditions.reused.get(&at.region).copied();
        if let Some(other) = reused(extents.target).filter(|_| target.sealed()) {
            let before = before.ok_or("what the target held is not known")?;
            let new = self.image(extents.target)?;
            let victim = there(extents.target, other);
            if self.is_nobodys(victim, true) {
                self.hurt(class, victim, &new)?;
            }
            return self.hurt(class, extents.target, &before);
        }
        if let Some(other) = reused(extents.source).filter(|_| target.checked()) {
            let at = there(extents.source, other);
            let bytes = if self.is_nobodys(at, false) { self.image(at)? } else { garbage(at, 0) };
            return self.arrive(target.part, extents, &bytes);
        }
        Ok(None)
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

    fn trailer(&self, len: Bytes) -> Range<usize> {
        let start = Stamp::trailer_offset(len, self.media.alignment).unwrap_or(len) as usize;
        start..start + TRAILER_LEN
    }

    fn is_nobodys(&self, at: Descriptor, writing: bool) -> bool {
        self.media.region(at.region).is_some_and(|region| at.fits(region.len))
            && self.media.owner(at, writing).is_none()
    }

    /// Another slot of the region that is nobody's: the first of some after a drawn one.
    fn other_slot(
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

fn garbage(at: Descriptor, salt: u64) -> Vec<u8> {
    let mut bytes = vec![0; at.len as usize];
    fill(&mut bytes, Draw::new(salt).at(Domain::Garbage, &[at.offset]));
    bytes
}

/// Payload bytes and, where there is one, the trailer's: what damage must hit to be damage.
fn looked_at(len: Bytes, sealed: bool, alignment: Bytes) -> Vec<Range<Bytes>> {
    let trailer = Stamp::trailer_offset(len, alignment).filter(|_| sealed);
    std::iter::once(0..len).chain(trailer.map(|start| start..start + CHECKED)).collect()
}

/// Flips one bit of the ranges.
fn flip(bytes: &mut [u8], ranges: &[Range<Bytes>], detail: u64) -> Option<()> {
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

/// What a read that ended early brings: the rest is whatever the buffer held.
pub(super) fn short(bytes: &[u8], detail: u64) -> Vec<u8> {
    let kept = ((detail >> 1) % (bytes.len() as u64).max(1)) as usize;
    let mut short = bytes.to_vec();
    fill(&mut short[kept..], Draw::new(detail).at(Domain::Garbage, &[kept as u64]));
    short
}
