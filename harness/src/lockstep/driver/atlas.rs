//! Which slot a byte of a region belongs to: worked out from what was allocated, not asked of the
//! engine.

use std::collections::BTreeMap;

use tierproof_core::{Bytes, Descriptor, Medium, Part, RegionId};

use crate::lockstep::fate::Leg;
use crate::lockstep::law::{Broken, Law};
use crate::lockstep::model::{Place, TIERS};
use crate::lockstep::plan::PlanConfig;

/// One pool of one tier of one window.
#[derive(Debug, Clone, Copy)]
struct Shelf {
    window: usize,
    tier: usize,
    pool: usize,
    slots: u64,
    stride: Bytes,
}

/// All regions of an engine.
#[derive(Debug)]
pub(super) struct Atlas(BTreeMap<RegionId, Shelf>);

impl Atlas {
    /// Windows come by size, their tiers from the device down, and their pools in order; of a disk,
    /// once for each directory.
    pub(super) fn new(
        config: &PlanConfig,
        pools: usize,
        regions: &[(RegionId, Medium, Bytes)],
    ) -> Result<Self, Broken> {
        let mut windows = config.windows.clone();
        windows.sort_by_key(|window| window.size);
        let mut shelves = Vec::new();
        for (window, sizes) in windows.iter().enumerate() {
            let blocks = [sizes.device, sizes.host, sizes.disk];
            for tier in TIERS.into_iter().filter(|tier| blocks[*tier] > 0) {
                let reserve = if tier == 0 { 0 } else { config.reserve };
                let slots = (blocks[tier] + reserve) as u64;
                let times = if tier == 2 { config.directories.len() } else { 1 };
                for pool in (0..times).flat_map(|_| 0..pools) {
                    shelves.push(Shelf { window, tier, pool, slots, stride: 0 });
                }
            }
        }
        let fits = |(shelf, region): (&Shelf, &(RegionId, Medium, Bytes))| {
            region.1.kind() as usize == shelf.tier && region.2.is_multiple_of(shelf.slots)
        };
        if shelves.len() != regions.len() || !shelves.iter().zip(regions).all(fits) {
            return Err(Law::S11.broken(format!("{regions:?} are not the regions of {shelves:?}")));
        }
        let each = shelves.into_iter().zip(regions);
        let stride = |(shelf, region): (Shelf, &(RegionId, Medium, Bytes))| {
            (region.0, Shelf { stride: region.2 / shelf.slots, ..shelf })
        };
        Ok(Self(each.map(stride).collect()))
    }

    /// The slots of a part.
    pub(super) fn leg(&self, part: &Part) -> Result<Leg, Broken> {
        let here = |at| self.find(at).ok_or_else(|| Law::S11.broken(format!("{at:?} is no slot")));
        let (from, source) = here(part.source)?;
        let (to, target) = here(part.target)?;
        if (from.window, from.pool) != (to.window, to.pool) {
            return Err(Law::S11.broken(format!("{part:?} leaves its window or its pool")));
        }
        let bytes = part.bytes();
        Ok(Leg { window: from.window, pool: from.pool, source, target, bytes })
    }

    fn find(&self, at: Descriptor) -> Option<(Shelf, Place)> {
        let shelf = self.0.get(&at.region)?;
        let slot = at.offset / shelf.stride;
        let whole = at.offset == slot * shelf.stride && at.len <= shelf.stride;
        (whole && slot < shelf.slots).then_some((*shelf, (shelf.tier, slot as usize)))
    }
}
