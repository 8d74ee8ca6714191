//! The backend below and its regions: which ranges are in flight, what was damaged, and how its
//! bytes are reached.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Descriptor, MediumKind, Part, RegionId, Result, Stamp, TransferId,
    TransferRequest, round_up,
};

use super::overlay::Overlays;
use super::{FaultClass, Spot};
use crate::memory::extent;
use crate::ranges::Ranges;

/// A region as seen from above.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) kind: MediumKind,
    /// Regions of its medium before it.
    ordinal: u32,
    pub(super) len: Bytes,
    ranges: Ranges,
}

/// The backend below.
#[derive(Debug)]
pub(super) struct Media<B> {
    pub(super) backend: B,
    pub(super) alignment: Bytes,
    pub(super) overlays: Overlays,
    regions: BTreeMap<RegionId, Region>,
    /// Regions so far, by medium.
    allocated: [u32; 3],
}

/// Descriptor, and whether a trailer lies behind it: of the source, then of the target.
pub(super) fn sides(part: &Part) -> [(Descriptor, bool); 2] {
    [(part.source, part.check.is_some()), (part.target, part.seal.is_some())]
}

impl<B: Backend> Media<B> {
    pub(super) fn new(backend: B) -> Self {
        let alignment = backend.capability().alignment.max(1);
        Self {
            backend,
            alignment,
            overlays: Overlays::default(),
            regions: BTreeMap::new(),
            allocated: [0; 3],
        }
    }

    /// Takes note of a new region.
    pub(super) fn enter(&mut self, id: RegionId, kind: MediumKind, len: Bytes) {
        let ordinal = self.allocated[kind as usize];
        self.allocated[kind as usize] += 1;
        self.regions.insert(id, Region { kind, ordinal, len, ranges: Ranges::default() });
    }

    /// Forgets a region.
    pub(super) fn leave(&mut self, id: RegionId) {
        self.regions.remove(&id);
        self.overlays.forget(id);
    }

    pub(super) fn region(&self, id: RegionId) -> Option<&Region> {
        self.regions.get(&id)
    }

    pub(super) fn kind(&self, id: RegionId) -> Option<MediumKind> {
        self.region(id).map(|region| region.kind)
    }

    /// The media that a part goes between.
    pub(super) fn between(&self, part: &Part) -> Option<[MediumKind; 2]> {
        Some([self.kind(part.source.region)?, self.kind(part.target.region)?])
    }

    /// Regions of a medium.
    pub(super) fn of_kind(&self, kind: MediumKind) -> impl Iterator<Item = RegionId> {
        self.regions.iter().filter(move |(_, region)| region.kind == kind).map(|(id, _)| *id)
    }

    /// What a transfer touches of one side, its trailer included.
    pub(super) fn extent(&self, at: Descriptor, sealed: bool) -> Option<Descriptor> {
        let range = extent(at, sealed, self.alignment)?;
        let all = Descriptor { len: range.end - range.start, ..at };
        all.fits(self.region(at.region)?.len).then_some(all)
    }

    /// Bytes from one slot of such a length to the next.
    pub(super) fn stride(&self, len: Bytes, sealed: bool) -> Bytes {
        let alignment = self.alignment;
        let stride =
            if sealed { Stamp::sealed_len(len, alignment) } else { round_up(len, alignment) };
        stride.unwrap_or(Bytes::MAX).max(1)
    }

    /// The name of one side of a part.
    pub(super) fn spot(&self, at: Descriptor, sealed: bool) -> Option<Spot> {
        let region = self.region(at.region)?;
        let slot = at.offset / self.stride(at.len, sealed);
        Some(Spot { medium: region.kind, region: region.ordinal, slot })
    }

    /// Whether all parts lie in regions, trailers included. What else is wrong with a request is
    /// the backend's to say.
    pub(super) fn sound(&self, request: &TransferRequest) -> bool {
        let lies = |part: &Part| {
            sides(part).into_iter().all(|(at, sealed)| self.extent(at, sealed).is_some())
        };
        !request.parts.is_empty()
            && request.parts.iter().all(|part| part.source.len == part.target.len && lies(part))
    }

    /// A transfer in flight that a request would disturb.
    pub(super) fn conflict(&self, request: &TransferRequest) -> Option<TransferId> {
        request.parts.iter().find_map(|part| {
            let [source, target] = sides(part).map(|(at, sealed)| self.extent(at, sealed));
            self.owner(source?, false).or_else(|| self.owner(target?, true))
        })
    }

    /// A transfer in flight that reading, or `writing`, a range would disturb.
    pub(super) fn owner(&self, at: Descriptor, writing: bool) -> Option<TransferId> {
        let region = self.region(at.region)?;
        region.ranges.conflict(&(at.offset..at.offset + at.len), writing)
    }

    /// Takes every range of a sound request.
    pub(super) fn hold(&mut self, id: TransferId, parts: &[Part]) {
        self.each_range(parts, |ranges, at, holder, writing| {
            ranges.hold(&(at.offset..at.offset + at.len), writing, (id, holder));
        });
    }

    /// Gives every range of a sound request back.
    pub(super) fn free(&mut self, id: TransferId, parts: &[Part]) {
        self.each_range(parts, |ranges, at, holder, _| ranges.free(at.offset, (id, holder)));
    }

    fn each_range(
        &mut self,
        parts: &[Part],
        mut visit: impl FnMut(&mut Ranges, Descriptor, u32, bool),
    ) {
        let mut holder = 0;
        for part in parts {
            for (writing, (at, sealed)) in [false, true].into_iter().zip(sides(part)) {
                let all = self.extent(at, sealed);
                if let (Some(all), Some(region)) = (all, self.regions.get_mut(&at.region)) {
                    visit(&mut region.ranges, all, holder, writing);
                }
                holder += 1;
            }
        }
    }

    /// Whether a transfer in flight touches the region.
    pub(super) fn user(&self, id: RegionId) -> Option<TransferId> {
        self.region(id)?.ranges.any()
    }

    /// No transfer is in flight any more.
    pub(super) fn free_all(&mut self) {
        self.regions.values_mut().for_each(|region| region.ranges.clear());
    }

    /// The bytes that the device holds.
    pub(super) fn image(&mut self, at: Descriptor) -> Result<Vec<u8>> {
        let mut bytes = vec![0; at.len as usize];
        self.backend.peek(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes what from now on should be there.
    pub(super) fn write(&mut self, at: Descriptor, bytes: &[u8]) -> Result<()> {
        self.backend.fill(at, bytes)?;
        self.overlays.cut(at);
        Ok(())
    }

    /// Writes what should not be there, and keeps what should.
    pub(super) fn damage(&mut self, class: FaultClass, at: Descriptor, bytes: &[u8]) -> Result<()> {
        let mut truth = self.image(at)?;
        self.overlays.correct(at, &mut truth);
        self.backend.fill(at, bytes)?;
        self.overlays.lay(class, at, truth);
        Ok(())
    }

    /// Takes note that a part wrote its target, or failed to: either way that is what lies there.
    pub(super) fn rewritten(&mut self, part: &Part, target: Descriptor) {
        let Some(rows) = part.rows else { return self.overlays.cut(target) };
        if self.overlays.is_empty() {
            return;
        }
        for row in 0..Bytes::from(rows.count) {
            let offset = target.offset + row * rows.pitch;
            self.overlays.cut(Descriptor { offset, len: rows.len, ..target });
        }
    }

    /// Puts back what should be there, except where a transfer is in flight.
    pub(super) fn lift(&mut self) {
        let damaged: Vec<_> = self.overlays.damage().map(|damage| damage.at).collect();
        for at in damaged {
            if self.owner(at, true).is_some() {
                continue;
            }
            // A truth that can't be written now is written at the next try.
            let Some(truth) = self.overlays.truth(at) else { continue };
            if self.backend.fill(at, truth).is_ok() {
                self.overlays.cut(at);
            }
        }
    }
}
