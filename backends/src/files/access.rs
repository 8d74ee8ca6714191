//! What is done with regions at once: made, filled, peeked, flushed, copied between memories.

use super::io::Desk;
use super::regions::{ALIGNMENT, Region, Regions, in_flight};
use super::root::Root;
use super::rules::FileRules;
use super::store::SlotStore;
use crate::copy::copy_part;
#[cfg(feature = "cuda")]
use crate::cuda::DeviceMemory;
use crate::lend::{Access, Claim, Lent, LentMut, Memory};
use crate::request::examine_bytes;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{
    Bytes, Descriptor, Error, ErrorKind, Fallback, Fault, Medium, RegionId, Result, TransferRequest,
};

impl Region {
    /// Makes the memory or the files of a region.
    pub(crate) fn make(
        root: &Root,
        medium: &Medium,
        len: Bytes,
        rules: FileRules,
        fallbacks: &mut Vec<Fallback>,
    ) -> Result<Self> {
        match medium {
            Medium::File(medium) => {
                let store = SlotStore::make(root, medium, len, rules, fallbacks)?;
                Ok(Self::File(Arc::new(store)))
            }
            _ => Ok(Self::Memory(medium.kind(), Memory::new(len)?)),
        }
    }
}

impl Regions {
    pub(crate) fn fill(&self, desk: &mut Desk, target: Descriptor, bytes: &[u8]) -> Result<()> {
        let region = self.get(target.region)?;
        examine_bytes(target, bytes.len(), region.facts().len)?;
        match region {
            Region::Memory(_, memory) => {
                let mut lent = LentMut::new(memory, range_of(target)).ok_or_else(in_flight)?;
                lent.bytes().copy_from_slice(bytes);
                Ok(())
            }
            #[cfg(feature = "cuda")]
            Region::Device(memory) => {
                let claim = Claim::new(memory, range_of(target), Access::Write);
                DeviceMemory::fill(&claim.ok_or_else(in_flight)?, bytes)
            }
            Region::File(store) => {
                let claim = Claim::new(store, pages_of(target), Access::Write);
                let _claim = claim.ok_or_else(in_flight)?;
                let filled = desk.fill(store, target.offset, bytes);
                filled.map_err(|trouble| trouble.error("write", &store.path(target.offset)))
            }
        }
    }

    pub(crate) fn peek(&self, desk: &mut Desk, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        let region = self.get(source.region)?;
        examine_bytes(source, bytes.len(), region.facts().len)?;
        match region {
            Region::Memory(_, memory) => {
                let lent = Lent::new(memory, range_of(source)).ok_or_else(in_flight)?;
                bytes.copy_from_slice(lent.bytes());
                Ok(())
            }
            #[cfg(feature = "cuda")]
            Region::Device(memory) => {
                let claim = Claim::new(memory, range_of(source), Access::Read);
                DeviceMemory::peek(&claim.ok_or_else(in_flight)?, bytes)
            }
            Region::File(store) => {
                let claim = Claim::new(store, pages_of(source), Access::Read);
                let _claim = claim.ok_or_else(in_flight)?;
                let peeked = desk.peek(store, source.offset, bytes);
                peeked.map_err(|trouble| trouble.error("read", &store.path(source.offset)))
            }
        }
    }

    /// Makes what was written to a file durable.
    pub(crate) fn flush(&self, region: RegionId) -> Result<()> {
        match self.get(region)? {
            Region::File(store) => store.flush(),
            _ => {
                let context = format!("{region:?} is memory: only files can be flushed");
                Err(Error::new(ErrorKind::Unsupported, context))
            }
        }
    }

    /// Carries out a request between memories and answers with its faults.
    pub(crate) fn copy(&self, request: &TransferRequest) -> Result<Vec<(u32, Fault)>> {
        let pairs = self.lend_pairs(request)?;
        let mut faults = Vec::new();
        for ((index, part), (source, mut target)) in (0..).zip(&request.parts).zip(pairs) {
            if let Err(fault) = copy_part(part, ALIGNMENT, source.bytes(), target.bytes()) {
                faults.push((index, fault));
            }
        }
        Ok(faults)
    }
}

/// What was examined lies in its region, so this does not overflow.
fn range_of(at: Descriptor) -> Range<Bytes> {
    at.offset..at.offset + at.len
}

/// The pages that `at` shares with its neighbours.
fn pages_of(at: Descriptor) -> Range<Bytes> {
    let end = (at.offset + at.len).next_multiple_of(ALIGNMENT);
    at.offset - at.offset % ALIGNMENT..end
}
