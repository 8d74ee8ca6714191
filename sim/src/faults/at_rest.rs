//! Damage to what was stored: lost, cut, put elsewhere, rotten, or changed by others.

use tierproof_core::{Backend, Descriptor, ErrorKind, Fault, MediumKind, Part, Stamp};

use super::fit::Target;
use super::outcome::Struck;
use super::tamper::{Extents, flip, garbage, looked_at};
use super::{FaultClass, Faulty};

/// Slots that a change by others reaches at most.
const MEDDLED_MAX: u64 = 16;

impl<B: Backend> Faulty<B> {
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
}
