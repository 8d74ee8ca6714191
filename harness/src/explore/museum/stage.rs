//! A backend with an exhibit.

use std::collections::BTreeMap;

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, MediumKind, Nanos, RegionId,
    Result, TransferId, TransferRequest,
};
use tierproof_sim::shadow::Hazard;

use super::deed::{Deed, Scene};
use super::exhibit::Exhibit;
use crate::explore::observed::Observed;

/// What an engine with an exhibit's bug, or over a backend that has it, would ask for and be told.
#[derive(Debug)]
pub(in crate::explore) struct Museum<D> {
    below: D,
    deed: Box<dyn Deed>,
    regions: BTreeMap<RegionId, (MediumKind, Bytes)>,
}

impl<D: Observed> Museum<D> {
    /// An exhibit over a device.
    pub(in crate::explore) fn new(exhibit: &Exhibit, below: D) -> Self {
        Self { below, deed: exhibit.deed(), regions: BTreeMap::new() }
    }

    fn on_scene<T>(&mut self, act: impl FnOnce(&mut dyn Deed, &mut Scene<'_>) -> T) -> T {
        let mut scene = Scene { below: &mut self.below, regions: &self.regions };
        act(&mut *self.deed, &mut scene)
    }
}

impl<D: Observed> Observed for Museum<D> {
    fn hazards(&self) -> &[Hazard] {
        self.below.hazards()
    }

    /// Faults end; bugs stay.
    fn heal(&mut self) {
        self.below.heal();
    }
}

impl<D: Observed> Backend for Museum<D> {
    fn name(&self) -> &'static str {
        self.below.name()
    }

    fn capability(&self) -> &Capability {
        self.below.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.below.allocate(medium, len)?;
        self.regions.insert(region, (medium.kind(), len));
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.below.release(region)?;
        self.regions.remove(&region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.on_scene(|deed, scene| deed.fill(scene, target, bytes))
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.on_scene(|deed, scene| deed.peek(scene, source, bytes))
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.on_scene(|deed, scene| deed.submit(scene, request))
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.on_scene(|deed, scene| deed.poll(scene, done))
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.on_scene(|deed, scene| deed.park(scene, until))
    }
}
