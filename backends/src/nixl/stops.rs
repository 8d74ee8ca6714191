//! Buffers of ours between a GPU's memory and files, each registered with NIXL once.

use super::agents::Agents;
use super::cargo::MemoryKind;
use super::plugin::StopKind;
use crate::cuda::{DeviceMemory, Gpu, Side};
use crate::lend::Memory;
use crate::sheets::{Sheet, Sheets};
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Result};

/// Bytes that are registered at once, and of all stops together.
const SLAB_LEN: usize = 64 << 20;
const BYTES_MAX: Bytes = 512 << 20;

/// Where a haul stops between memory and file: a buffer of ours, as long as its bytes in the file.
#[derive(Debug)]
pub(super) enum Stop {
    Device(Sheet<DeviceMemory>),
    Host(Sheet<Memory>),
}

impl Stop {
    /// The right to a range of it.
    pub(super) fn side(&self, range: Range<usize>) -> Side {
        match self {
            Self::Device(sheet) => Side::Device(sheet.claim(range)),
            Self::Host(sheet) => Side::Target(sheet.lend(range)),
        }
    }
}

/// Where stops come from.
pub(super) enum Stops {
    Device(Sheets<DeviceMemory>),
    Host(Sheets<Memory>),
}

impl Stops {
    pub(super) fn new(kind: StopKind) -> Self {
        match kind {
            StopKind::Device => Self::Device(Sheets::new(SLAB_LEN, BYTES_MAX)),
            StopKind::Host => Self::Host(Sheets::new(SLAB_LEN, BYTES_MAX)),
        }
    }

    /// A stop of at least `len` bytes; `None` while all that there may be is in use.
    pub(super) fn take(
        &mut self,
        len: usize,
        gpu: &Arc<Gpu>,
        agents: &mut Agents,
    ) -> Result<Option<Stop>> {
        match self {
            Self::Device(sheets) => {
                let sheet = sheets.take(len, |len| {
                    let slab = DeviceMemory::new(gpu, len)?;
                    let address = slab.address().expect("memory of ours is in one piece");
                    agents.register_memory(MemoryKind::Device(slab.ordinal()), address, len)?;
                    Ok(slab)
                })?;
                Ok(sheet.map(Stop::Device))
            }
            Self::Host(sheets) => {
                let sheet = sheets.take(len, |len| {
                    let slab = Memory::pinned(gpu, len)?;
                    agents.register_memory(MemoryKind::Host, slab.address(), len)?;
                    Ok(slab)
                })?;
                Ok(sheet.map(Stop::Host))
            }
        }
    }

    pub(super) fn give_back(&mut self, stop: Stop) {
        match (self, stop) {
            (Self::Device(sheets), Stop::Device(sheet)) => sheets.give_back(sheet),
            (Self::Host(sheets), Stop::Host(sheet)) => sheets.give_back(sheet),
            _ => unreachable!("a lane has one kind of stop"),
        }
    }
}
