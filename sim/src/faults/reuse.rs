//! A file's number that has become another file's (F31).

use tierproof_core::{Backend, Descriptor, MediumKind, RegionId};

use super::fit::Target;
use super::outcome::Struck;
use super::tamper::{Extents, garbage};
use super::{FaultClass, Faulty};

impl<B: Backend> Faulty<B> {
    /// From now on the file's number is another file's.
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
}
