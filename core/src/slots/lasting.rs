//! Slots that the next process finds again: what is published, and what was.

use super::{Slots, Written};
use crate::backend::Backend;
use crate::block::{Place, Tier};
use crate::error::Result;
use crate::index::{Contents, Record};
use crate::order::Move;

impl Slots {
    /// Loads ask for exactly what an earlier process published.
    pub(super) fn recover<B: Backend>(
        &mut self,
        backend: &mut B,
        contents: &Contents,
    ) -> Result<()> {
        let Some(index) = &mut self.index else { return Ok(()) };
        index.begin(backend)?;
        let written = &mut self.shelves[Tier::Disk as usize].written;
        for (slot, record) in &contents.found {
            written[*slot as usize] = Written {
                key: record.key,
                tenant: record.tenant.into(),
                generation: record.generation,
            };
        }
        Ok(())
    }

    /// A move has brought its content to its target.
    pub(crate) fn arrived(&mut self, moved: &Move) {
        let (Some(index), Tier::Disk, Some(key)) = (&mut self.index, moved.target.tier, &moved.key)
        else {
            return;
        };
        let written = self.shelves[Tier::Disk as usize].written[moved.target.slot as usize];
        let record = Record {
            key: written.key,
            generation: written.generation,
            duration: moved.duration,
            tenant: key.tenant(),
            priority: moved.priority,
            directory: moved.target.directory,
        };
        index.add(moved.target.slot, record);
    }

    /// Makes durable what arrived on disk since the last time; answers how many blocks.
    pub(crate) fn publish<B: Backend>(&mut self, backend: &mut B) -> Result<u64> {
        let Some(index) = &mut self.index else { return Ok(0) };
        let disk = &self.shelves[Tier::Disk as usize];
        for directory in index.directories() {
            for &region in &disk.regions[usize::from(directory)] {
                if let Err(error) = backend.flush(region) {
                    index.give_up();
                    return Err(error);
                }
            }
        }
        index.publish(backend)
    }

    /// Whether what lies in a slot would be found after a crash.
    pub(crate) fn is_published(&self, place: Place) -> bool {
        let written = self.shelves[Tier::Disk as usize].written.get(place.slot as usize);
        match (&self.index, written, place.tier) {
            (Some(index), Some(written), Tier::Disk) => index.holds(place.slot, written.generation),
            _ => false,
        }
    }
}
