//! Faults that go on: what is gone, full, bad or mistaken for something else.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Descriptor, Error, ErrorKind, MediumKind, Part, RegionId, Result, TransferRequest,
};

use super::media::{Media, sides};
use super::overlay::Damage;
use super::{FaultClass, fit::Target};

/// The lasting conditions of a device.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// The device's context is lost (G08).
    pub(super) context_lost: bool,
    /// So much so that polling fails too.
    pub(super) polls_fail: bool,
    /// What holds the files is gone (F27).
    pub(super) files_gone: bool,
    /// Writes to files that find no space yet (F04).
    pub(super) full_for: u32,
    /// Nothing can be submitted until something ends (G11).
    pub(super) pool_empty: bool,
    /// Ranges that can't be read (F02), or neither read nor written (G16).
    pub(super) bad: Vec<Damage>,
    /// Files whose number is another file's by now (F31).
    pub(super) reused: BTreeMap<RegionId, RegionId>,
}

fn overlap(a: Descriptor, b: Descriptor) -> bool {
    a.region == b.region && a.offset < b.offset + b.len && b.offset < a.offset + a.len
}

impl Conditions {
    /// Whether nothing at all goes on.
    pub(super) fn none(&self) -> bool {
        !self.context_lost
            && !self.files_gone
            && self.full_for == 0
            && !self.pool_empty
            && self.bad.is_empty()
            && self.reused.is_empty()
    }

    /// Whether a request is refused outright.
    ///
    /// # Errors
    /// `Device` or `Unavailable` where what it needs is gone, `Busy` where it has to wait.
    pub(super) fn admit<B: Backend>(
        &self,
        media: &Media<B>,
        request: &TransferRequest,
    ) -> Result<()> {
        if self.none() {
            return Ok(());
        }
        let touches = |kind| {
            let of_kind = |id| media.kind(id) == Some(kind);
            let of_part = |part: &Part| of_kind(part.source.region) || of_kind(part.target.region);
            request.parts.iter().any(of_part)
        };
        if self.context_lost && touches(MediumKind::Device) {
            let context = "the device's context is lost: build a new backend";
            return Err(Error::new(ErrorKind::Device, context));
        }
        if self.files_gone && touches(MediumKind::File) {
            let context = "what held the files is gone: go on without them";
            return Err(Error::new(ErrorKind::Unavailable, context));
        }
        if self.pool_empty {
            let context = "the pool of transfers is empty: poll, then submit again";
            return Err(Error::new(ErrorKind::Busy, context));
        }
        Ok(())
    }

    /// How a part ends that no fault of its own strikes.
    pub(super) fn strike(
        &mut self,
        target: &Target<'_>,
        extents: [Descriptor; 2],
    ) -> Option<ErrorKind> {
        let file = MediumKind::File;
        if self.context_lost && target.between.contains(&MediumKind::Device) {
            return Some(ErrorKind::Device);
        }
        if self.files_gone && target.between.contains(&file) {
            return Some(ErrorKind::Unavailable);
        }
        if self.full_for > 0 && target.between[1] == file {
            self.full_for -= 1;
            return Some(ErrorKind::Exhausted);
        }
        let hit = |bad: &Damage| {
            overlap(bad.at, extents[0])
                || (bad.class == FaultClass::G16 && overlap(bad.at, extents[1]))
        };
        self.bad.iter().any(hit).then_some(ErrorKind::Device)
    }

    /// Forgets a region that is given back.
    pub(super) fn forget(&mut self, region: RegionId) {
        self.bad.retain(|bad| bad.at.region != region);
        self.reused.retain(|from, to| *from != region && *to != region);
    }

    /// A range was written: what could only not be read is as good as new.
    pub(super) fn rewritten(&mut self, at: Descriptor) {
        self.bad.retain(|bad| bad.class != FaultClass::F02 || !overlap(bad.at, at));
    }

    /// Whether what a part's target holds may have to be put back.
    pub(super) fn turns_away<B: Backend>(&self, part: &Part, media: &Media<B>) -> bool {
        let to_file = || media.kind(part.target.region) == Some(MediumKind::File);
        self.confuses(part) || (self.full_for > 0 && to_file())
    }

    /// Whether a part goes to or comes from a file whose number is another's.
    pub(super) fn confuses(&self, part: &Part) -> bool {
        !self.reused.is_empty()
            && sides(part).into_iter().any(|(at, _)| self.reused.contains_key(&at.region))
    }
}
