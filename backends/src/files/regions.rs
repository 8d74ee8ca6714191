//! All regions of a backend, and what a request claims of them.

use super::io::PAGE;
use super::store::SlotStore;
use super::work::{Ends, Work};
#[cfg(feature = "cuda")]
use crate::cuda::DeviceMemory;
use crate::lend::{Access, Claim, Lent, LentMut, Memory};
use crate::request::{RegionFacts, extent, unknown_region};
use crate::terms::Terms;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{
    Bytes, Descriptor, Error, ErrorKind, MediumKind, Part, RegionId, Result, TransferRequest,
};

/// What offsets in files, strides of slots and trailers are a multiple of: a page.
pub(crate) const ALIGNMENT: Bytes = PAGE as Bytes;

/// Where the bytes of a region are.
#[derive(Debug)]
pub(crate) enum Region {
    Memory(MediumKind, Arc<Memory>),
    /// A GPU's memory.
    #[cfg(feature = "cuda")]
    Device(Arc<DeviceMemory>),
    File(Arc<SlotStore>),
}

impl Region {
    pub(crate) fn facts(&self) -> RegionFacts {
        match self {
            Self::Memory(kind, memory) => {
                RegionFacts { kind: *kind, len: memory.len(), paged: false }
            }
            #[cfg(feature = "cuda")]
            Self::Device(memory) => {
                RegionFacts { kind: MediumKind::Device, len: memory.len(), paged: false }
            }
            Self::File(store) => {
                RegionFacts { kind: MediumKind::File, len: store.len(), paged: true }
            }
        }
    }

    /// Whether no claim is left. A claim lets go of its range before it lets go of the region, so
    /// the ranges alone would say so too early, and a released file would still be there.
    fn idle(&self) -> bool {
        match self {
            Self::Memory(_, memory) => Arc::strong_count(memory) == 1,
            #[cfg(feature = "cuda")]
            Self::Device(memory) => Arc::strong_count(memory) == 1,
            Self::File(store) => Arc::strong_count(store) == 1,
        }
    }
}

/// Regions by id. An id is an index and never used twice.
#[derive(Debug, Default)]
pub(crate) struct Regions(Vec<Option<Region>>);

impl Regions {
    pub(crate) fn next_id(&self) -> Result<RegionId> {
        u32::try_from(self.0.len()).map(RegionId).map_err(|_| {
            Error::new(ErrorKind::Exhausted, "all region ids are used: open a new backend")
        })
    }

    pub(crate) fn push(&mut self, region: Region) {
        self.0.push(Some(region));
    }

    pub(crate) fn get(&self, id: RegionId) -> Result<&Region> {
        let region = self.0.get(id.0 as usize).and_then(Option::as_ref);
        region.ok_or_else(|| unknown_region(id))
    }

    /// Takes out a region that nobody uses.
    pub(crate) fn release(&mut self, id: RegionId) -> Result<Region> {
        if !self.get(id)?.idle() {
            return Err(in_flight());
        }
        self.0[id.0 as usize].take().ok_or_else(|| unknown_region(id))
    }

    /// Claims everything that copies between memories touch, or nothing.
    pub(crate) fn lend_pairs(&self, request: &TransferRequest) -> Result<Vec<(Lent, LentMut)>> {
        let lend = |part: &Part| {
            let source = self.lend(part.source, part.check.is_some())?;
            Some((source, self.lend_mut(part.target, part.seal.is_some())?))
        };
        request.parts.iter().map(|part| lend(part).ok_or_else(in_flight)).collect()
    }

    /// Claims everything that parts between memory and files touch, or nothing.
    pub(crate) fn works(&self, request: &TransferRequest) -> Result<Vec<Work>> {
        self.examine_places(request)?;
        request.parts.iter().map(|part| self.work(part).ok_or_else(in_flight)).collect()
    }

    /// Refuses what can never be, where the bytes lie as they do.
    pub(crate) fn examine_places(&self, request: &TransferRequest) -> Result<()> {
        for (index, part) in request.parts.iter().enumerate() {
            self.examine_slots(index, part.source, part.check.is_some())?;
            self.examine_slots(index, part.target, part.seal.is_some())?;
        }
        Ok(())
    }

    /// Refuses a range that leaves its file.
    fn examine_slots(&self, index: usize, at: Descriptor, sealed: bool) -> Result<()> {
        let Region::File(store) = self.get(at.region)? else { return Ok(()) };
        let range = extent(at, sealed, ALIGNMENT, true).expect("the part was judged");
        let stretch = store.stretch();
        if range.is_empty() || range.start / stretch == (range.end - 1) / stretch {
            return Ok(());
        }
        let context = format!(
            "part {index}: {at:?} with its trailer, if any, leaves the {stretch} bytes that lie together \
             in a file: keep it within a slot"
        );
        Err(Error::new(ErrorKind::OutOfRange, context))
    }

    fn work(&self, part: &Part) -> Option<Work> {
        let (check, seal) = (part.check, part.seal);
        let claim = |store, at, sealed: bool, access| {
            Claim::new(store, extent(at, sealed, ALIGNMENT, true)?, access)
        };
        let ends = match (self.get(part.source.region).ok()?, self.get(part.target.region).ok()?) {
            (Region::File(store), _) => Ends::Load {
                source: claim(store, part.source, check.is_some(), Access::Read)?,
                target: self.lend_mut(part.target, seal.is_some())?,
            },
            (_, Region::File(store)) => Ends::Store {
                source: self.lend(part.source, check.is_some())?,
                target: claim(store, part.target, seal.is_some(), Access::Write)?,
            },
            _ => return None,
        };
        let len = part.source.len as usize;
        Some(Work { ends, terms: Terms { len, check, seal, alignment: ALIGNMENT } })
    }

    fn lend(&self, at: Descriptor, sealed: bool) -> Option<Lent> {
        let (memory, range) = self.memory(at, sealed)?;
        Lent::new(memory, range)
    }

    fn lend_mut(&self, at: Descriptor, sealed: bool) -> Option<LentMut> {
        let (memory, range) = self.memory(at, sealed)?;
        LentMut::new(memory, range)
    }

    fn memory(&self, at: Descriptor, sealed: bool) -> Option<(&Arc<Memory>, Range<Bytes>)> {
        match self.get(at.region).ok()? {
            Region::Memory(_, memory) => Some((memory, extent(at, sealed, ALIGNMENT, false)?)),
            _ => None,
        }
    }
}

/// The error for bytes that a transfer in flight has claimed.
pub(crate) fn in_flight() -> Error {
    let context = "a transfer in flight touches these bytes: poll until it has ended";
    Error::new(ErrorKind::Busy, context)
}
