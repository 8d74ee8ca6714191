//! What a read brings that is not what was stored: from elsewhere, cut, flipped, or nothing.

use tierproof_core::{Backend, ErrorKind, Fault, Part};

use super::fit::Target;
use super::outcome::Struck;
use super::tamper::{Extents, flip, garbage, looked_at};
use super::{FaultClass, Faulty};
use crate::draw::{Domain, Draw, fill};

impl<B: Backend> Faulty<B> {
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
        let mut bytes = self.image(extents.source)?;
        let ranges = looked_at(part.source.len, part.check.is_some(), self.media.alignment);
        flip(&mut bytes, &ranges, detail).ok_or("there is no bit to flip")?;
        self.arrive(part, extents, &bytes)
    }

    /// Short: the rest is whatever the buffer held. Told as a success, which the trailer refuses, or,
    /// for an odd detail, as a failure.
    pub(super) fn read_short(&mut self, part: &Part, extents: &Extents, detail: u64) -> Struck {
        let mut bytes = self.image(extents.source)?;
        let kept = ((detail >> 1) % extents.source.len.max(1)) as usize;
        fill(&mut bytes[kept..], Draw::new(detail).at(Domain::Garbage, &[kept as u64]));
        let told = self.arrive(part, extents, &bytes)?;
        Ok(if detail & 1 == 1 { Some(Fault::new(ErrorKind::Device)) } else { told })
    }

    /// Stale: what the slot held before it was last written, this time only.
    pub(super) fn read_stale(&mut self, part: &Part, extents: &Extents) -> Struck {
        let old = self.history.get(&extents.source).cloned();
        self.arrive(part, extents, &old.ok_or("the slot was not written twice")?)
    }
}
