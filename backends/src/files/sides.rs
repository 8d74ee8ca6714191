//! What transfers that touch a GPU's memory claim of the regions.

use super::regions::{ALIGNMENT, Region, Regions, in_flight};
#[cfg(feature = "nixl")]
use super::store::SlotStore;
use crate::cuda::{DeviceMemory, Side};
use crate::lend::{Access, Claim, Lent, LentMut};
use crate::request::{examine_bytes, extent};
use crate::terms::Terms;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Descriptor, Error, ErrorKind, Part, Result, TransferRequest};

/// Rows of a part at most: layers, K and V, heads and what else there is.
const ROWS_MAX: u32 = 1 << 16;

/// What a request that touches a GPU's memory is between.
#[cfg(feature = "nixl")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    Memories,
    Files { stores: bool },
}

impl Regions {
    /// Whether one end of a request, whose parts all have the same media, is in a GPU's memory.
    pub(crate) fn on_device(&self, request: &TransferRequest) -> bool {
        let device = |at: Descriptor| matches!(self.get(at.region), Ok(Region::Device(_)));
        request.parts.first().is_some_and(|part| device(part.source) || device(part.target))
    }

    /// What a request is between, whose parts all have the same media.
    #[cfg(feature = "nixl")]
    pub(crate) fn between(&self, request: &TransferRequest) -> Between {
        let file = |at: Descriptor| matches!(self.get(at.region), Ok(Region::File(_)));
        match request.parts.first() {
            Some(part) if file(part.source) => Between::Files { stores: false },
            Some(part) if file(part.target) => Between::Files { stores: true },
            _ => Between::Memories,
        }
    }

    /// Claims the file and the memory of every part between the GPU's memory and files, or nothing.
    #[cfg(feature = "nixl")]
    pub(crate) fn file_ends(
        &self,
        request: &TransferRequest,
    ) -> Result<Vec<(Claim<SlotStore>, Side, Terms)>> {
        self.examine_places(request)?;
        self.examine_pieces(request)?;
        let claim = |part: &Part| {
            let (check, seal) = (part.check.is_some(), part.seal.is_some());
            let ends =
                match (self.get(part.source.region).ok()?, self.get(part.target.region).ok()?) {
                    (Region::File(store), _) => {
                        let range = extent(part.source, check, ALIGNMENT, true)?;
                        let file = Claim::new(store, range, Access::Read)?;
                        (file, self.side(part.target, seal, Access::Write)?)
                    }
                    (_, Region::File(store)) => {
                        let range = extent(part.target, seal, ALIGNMENT, true)?;
                        let file = Claim::new(store, range, Access::Write)?;
                        (file, self.side(part.source, check, Access::Read)?)
                    }
                    _ => return None,
                };
            Some((ends.0, ends.1, terms(part)))
        };
        request.parts.iter().map(|part| claim(part).ok_or_else(in_flight)).collect()
    }

    /// Claims both ends of every part between memories, or nothing.
    pub(crate) fn sides(&self, request: &TransferRequest) -> Result<Vec<(Side, Side, Terms)>> {
        let claim = |part: &Part| {
            let source = self.side(part.source, part.check.is_some(), Access::Read)?;
            Some((source, self.side(part.target, part.seal.is_some(), Access::Write)?, terms(part)))
        };
        self.examine_pieces(request)?;
        request.parts.iter().map(|part| claim(part).ok_or_else(in_flight)).collect()
    }

    /// A range of memory with its trailer, if any. `None` while others use it.
    pub(crate) fn side(&self, at: Descriptor, sealed: bool, access: Access) -> Option<Side> {
        let range = extent(at, sealed, ALIGNMENT, false)?;
        match (self.get(at.region).ok()?, access) {
            (Region::Device(memory), _) => Claim::new(memory, range, access).map(Side::Device),
            (Region::Memory(_, memory), Access::Read) => Lent::new(memory, range).map(Side::Source),
            (Region::Memory(_, memory), Access::Write) => {
                LentMut::new(memory, range).map(Side::Target)
            }
            (Region::File(_), _) => None,
        }
    }

    /// The GPU's memory that a range is of.
    pub(crate) fn device(&self, range: Descriptor) -> Result<(&Arc<DeviceMemory>, Range<Bytes>)> {
        let Region::Device(memory) = self.get(range.region)? else {
            let context = format!("{range:?} is not in a GPU's memory");
            return Err(Error::new(ErrorKind::Unsupported, context));
        };
        examine_bytes(range, range.len as usize, memory.len())?;
        Ok((memory, range.offset..range.offset + range.len))
    }

    /// Refuses what can never be: a trailer lies behind its payload, and in layers there is no such place; a
    /// row is an entry of a table.
    pub(crate) fn examine_pieces(&self, request: &TransferRequest) -> Result<()> {
        let in_pieces = |at: Descriptor| match self.get(at.region) {
            Ok(Region::Device(memory)) => !memory.is_whole(),
            _ => false,
        };
        let refused = request.parts.iter().position(|part| {
            (part.check.is_some() && in_pieces(part.source))
                || (part.seal.is_some() && in_pieces(part.target))
        });
        let rows = request.parts.iter().filter_map(|part| part.rows);
        if let Some(rows) = rows.into_iter().find(|rows| rows.count > ROWS_MAX) {
            let context = format!("{rows:?} with a GPU: give at most {ROWS_MAX} rows");
            return Err(Error::new(ErrorKind::OutOfRange, context));
        }
        let Some(index) = refused else { return Ok(()) };
        let context = format!("part {index}: a trailer in a pool of layers: seal other tiers only");
        Err(Error::new(ErrorKind::Unsupported, context))
    }
}

pub(crate) fn terms(part: &Part) -> Terms {
    let len = part.source.len as usize;
    Terms { len, check: part.check, seal: part.seal, alignment: ALIGNMENT }
}
