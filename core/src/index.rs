//! The index of a window's disk slots: which content lies where, for the next process.
//!
//! A header page, then one [`Record`] a slot, 64 a page, updated in place. Nothing in it is trusted: the
//! trailers behind the blocks decide what a load gives. So a record may be older than its slot, and a
//! record that is damaged costs one block.

mod header;
mod reading;
mod record;

use crate::backend::Backend;
use crate::descriptor::{Descriptor, RegionId};
use crate::error::Result;
use crate::units::Bytes;
use header::Header;
use record::RECORD_LEN;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use reading::{Contents, Found, IndexSite};
pub(crate) use record::Record;

/// Bytes that are written at once, and of the header.
const PAGE: usize = 4096;
const RECORDS_A_PAGE: u32 = (PAGE / RECORD_LEN) as u32;
/// Generations of one epoch; those of the next are all newer.
const EPOCH_BITS: u32 = 40;
const EPOCH_MAX: u64 = (1 << (u64::BITS - EPOCH_BITS)) - 1;

/// What is durable of a window's disk slots, and what could be.
#[derive(Debug)]
pub(crate) struct Index {
    region: RegionId,
    fingerprint: [u8; 32],
    epoch: u64,
    slots: u32,
    /// The pages of records, as they are or are about to be in the file.
    image: Vec<u8>,
    /// Pages whose image is newer than the file.
    changed: BTreeSet<u32>,
    /// Contents that lie in their slots and were not published yet.
    pending: BTreeMap<u32, Record>,
    /// The newest generation that was on its way to a slot, and the newest of which some may be gone.
    newest: u64,
    doubtful: u64,
}

impl Index {
    pub(crate) fn region(&self) -> RegionId {
        self.region
    }

    /// The generation of this process's content number `number`, which is below 2^40.
    pub(crate) fn generation(&self, number: u64) -> u64 {
        self.epoch << EPOCH_BITS | number
    }

    /// Begins an epoch, before anything is written to a slot: generations of this process are never those of
    /// an earlier one.
    pub(crate) fn begin<B: Backend>(&mut self, backend: &mut B) -> Result<()> {
        if !self.changed.is_empty() {
            self.write_changed(backend)?;
        }
        let mut page = [0; PAGE];
        let header = Header { fingerprint: self.fingerprint, epoch: self.epoch, slots: self.slots };
        page[..RECORD_LEN].copy_from_slice(&header.encode());
        backend.fill(self.at(0, PAGE), &page)?;
        backend.flush(self.region)
    }

    /// What lay in a slot is being written over by content number `number`.
    pub(crate) fn forget(&mut self, slot: u32, number: u64) {
        self.pending.remove(&slot);
        self.newest = self.newest.max(self.generation(number));
    }

    /// A content has come to its slot.
    pub(crate) fn add(&mut self, slot: u32, record: Record) {
        if record.generation > self.doubtful {
            self.pending.insert(slot, record);
        }
    }

    /// The directories of what could be published.
    pub(crate) fn directories(&self) -> BTreeSet<u8> {
        self.pending.values().map(|record| record.directory).collect()
    }

    /// A flush of the slots failed: what could be published may be gone, and so may what was on its way, since
    /// its bytes may have come before the failure and its completion after.
    pub(crate) fn give_up(&mut self) {
        self.pending.clear();
        self.doubtful = self.newest;
    }

    /// Publishes what lies in its slots durably; answers how many contents that were. After an error all of
    /// it is written anew by the next call.
    pub(crate) fn publish<B: Backend>(&mut self, backend: &mut B) -> Result<u64> {
        if self.pending.is_empty() && self.changed.is_empty() {
            return Ok(0);
        }
        let seed = seed(&self.fingerprint);
        for (&slot, record) in &self.pending {
            let at = slot as usize * RECORD_LEN;
            self.image[at..at + RECORD_LEN].copy_from_slice(&record.encode(seed, slot));
            self.changed.insert(slot / RECORDS_A_PAGE);
        }
        self.write_changed(backend)?;
        let published = self.pending.len() as u64;
        self.pending.clear();
        Ok(published)
    }

    /// Whether the content of this generation would be found in its slot after a crash.
    pub(crate) fn holds(&self, slot: u32, generation: u64) -> bool {
        let at = slot as usize * RECORD_LEN;
        let record = self.image[at..].first_chunk().expect("there is a record for each slot");
        let is_written = !self.changed.contains(&(slot / RECORDS_A_PAGE));
        is_written
            && Record::decode(record, seed(&self.fingerprint), slot)
                .is_some_and(|record| record.generation == generation)
    }

    /// Makes the image durable, neighbouring pages at once.
    fn write_changed<B: Backend>(&mut self, backend: &mut B) -> Result<()> {
        let mut pages = self.changed.iter().copied().peekable();
        while let Some(first) = pages.next() {
            let mut end = first + 1;
            while pages.next_if_eq(&end).is_some() {
                end += 1;
            }
            let bytes = &self.image[first as usize * PAGE..end as usize * PAGE];
            backend.fill(self.at(1 + first as usize, bytes.len()), bytes)?;
        }
        backend.flush(self.region)?;
        self.changed.clear();
        Ok(())
    }

    /// `len` bytes from a page on, the header's being page 0.
    fn at(&self, page: usize, len: usize) -> Descriptor {
        let offset = (page * PAGE) as Bytes;
        Descriptor { region: self.region, offset, len: len as Bytes }
    }
}

/// What checksums of records are seeded with.
fn seed(fingerprint: &[u8; 32]) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| fingerprint[i]))
}
