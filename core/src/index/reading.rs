//! Reading an index that an earlier process left, or nobody, or somebody else.

use super::header::{Header, Start};
use super::record::{RECORD_LEN, Record};
use super::{EPOCH_BITS, EPOCH_MAX, Index, PAGE, RECORDS_A_PAGE, seed};
use crate::backend::Backend;
use crate::descriptor::{FileMedium, FileRole, Medium, RegionId};
use crate::error::{Error, ErrorKind, Result};
use crate::recovery::Recovery;
use crate::units::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that are read at once.
const READ_LEN: usize = 1 << 20;

/// Whose index it is, and how large.
#[derive(Debug)]
pub(crate) struct IndexSite<'a> {
    pub(crate) directory: &'a str,
    pub(crate) rank: u32,
    pub(crate) window_size: u32,
    /// Names model, secret, layout and place.
    pub(crate) fingerprint: [u8; 32],
    /// Slots of the disk tier, its reserve included.
    pub(crate) slots: u32,
    pub(crate) directories: usize,
}

/// A slot, and what an earlier process published there.
pub(crate) type Found = (u32, Record);

/// What an index that was read has to say.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Each key once, by ascending generation.
    pub(crate) found: Vec<Found>,
    pub(crate) recovery: Recovery,
}

impl IndexSite<'_> {
    /// Reads the index. Nothing is written: it may be somebody else's.
    ///
    /// # Errors
    /// `Config` where it is, and what the backend answers.
    pub(crate) fn open<B: Backend>(&self, backend: &mut B) -> Result<(Index, Contents)> {
        let pages = self.slots.div_ceil(RECORDS_A_PAGE) as usize;
        let medium = FileMedium {
            directory: self.directory.to_owned(),
            rank: self.rank,
            window: self.window_size,
            pool: 0,
            role: FileRole::Index,
            stride: PAGE as Bytes,
        };
        let region = backend.allocate(&Medium::File(medium), ((1 + pages) * PAGE) as Bytes)?;
        let read = self.read(backend, region, pages);
        if read.is_err() {
            // Nothing of it is in flight; the error that matters is the other one.
            let _ = backend.release(region);
        }
        read
    }

    fn read<B: Backend>(
        &self,
        backend: &mut B,
        region: RegionId,
        pages: usize,
    ) -> Result<(Index, Contents)> {
        let mut index = Index {
            region,
            fingerprint: self.fingerprint,
            epoch: 0,
            slots: self.slots,
            image: vec![0; pages * PAGE],
            changed: BTreeSet::new(),
            pending: BTreeMap::new(),
            newest: 0,
            doubtful: 0,
        };
        let mut start = [0; RECORD_LEN];
        backend.peek(index.at(0, RECORD_LEN), &mut start)?;
        let header = match Header::decode(&start) {
            Start::OtherVersion => return Err(self.foreign("has another version's format")),
            Start::Header(header) if header.fingerprint != self.fingerprint => {
                return Err(self.foreign(
                    "was written for another model, secret, layout, rank or list of directories",
                ));
            }
            Start::Header(header) => Some(header),
            Start::Blank | Start::Unknown => None,
        };
        let mut image = std::mem::take(&mut index.image);
        for (step, bytes) in image.chunks_mut(READ_LEN).enumerate() {
            backend.peek(index.at(1 + step * (READ_LEN / PAGE), bytes.len()), bytes)?;
        }
        index.image = image;
        let mut recovery = Recovery::default();
        let known = header.map_or(self.slots, |header| header.slots);
        recovery.slots_gone = known.saturating_sub(self.slots).into();
        let mut found = self.scan(&mut index, known, &mut recovery.damaged);
        if header.is_none() {
            let is_blank = start == [0; RECORD_LEN] && recovery.damaged == 0;
            if found.is_empty() && !is_blank {
                return Err(self.foreign("is no index"));
            }
            recovery.rebuilt = u64::from(!found.is_empty());
        }
        let newest = found.iter().map(|(_, record)| record.generation >> EPOCH_BITS).max();
        let before = header.map_or(0, |header| header.epoch).max(newest.unwrap_or(0));
        if before >= EPOCH_MAX {
            return Err(self.foreign("is of the last epoch there is"));
        }
        index.epoch = before + 1;
        recovery.epoch = index.epoch;
        recovery.superseded = leave_newest(&mut found);
        recovery.found = found.len() as u64;
        Ok((index, Contents { found, recovery }))
    }

    /// The records of the first `known` slots. What lies beyond is of a time when there were more, and is
    /// wiped when the index begins; of what is damaged, the bytes stay as they are.
    fn scan(&self, index: &mut Index, known: u32, damaged: &mut u64) -> Vec<Found> {
        let seed = seed(&self.fingerprint);
        let mut found = Vec::new();
        let (records, _) = index.image.as_chunks_mut::<RECORD_LEN>();
        for (slot, bytes) in (0..).zip(records) {
            if bytes.iter().all(|&byte| byte == 0) {
                continue;
            }
            if slot >= known.min(self.slots) {
                bytes.fill(0);
                index.changed.insert(slot / RECORDS_A_PAGE);
                continue;
            }
            let record = Record::decode(bytes, seed, slot);
            match record.filter(|record| usize::from(record.directory) < self.directories) {
                Some(record) => found.push((slot, record)),
                None => *damaged += 1,
            }
        }
        found
    }

    fn foreign(&self, what: &str) -> Error {
        let Self { directory, rank, window_size, .. } = self;
        let context = format!(
            "the index of rank {rank} and window {window_size} in directory {directory:?} {what}: it is left \
             as it is; remove it with its slot files, or name another directory"
        );
        Error::new(ErrorKind::Config, context)
    }
}

/// Leaves the newest of the records with one key, by ascending generation; answers how many others went.
fn leave_newest(found: &mut Vec<Found>) -> u64 {
    let before = found.len();
    found.sort_unstable_by_key(|&(slot, record)| {
        (record.key, std::cmp::Reverse(record.generation), slot)
    });
    found.dedup_by_key(|(_, record)| record.key);
    found.sort_unstable_by_key(|&(slot, record)| (record.generation, slot));
    (before - found.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Capability;
    use crate::descriptor::Descriptor;
    use crate::transfer::{Completion, TransferId, TransferRequest};
    use crate::units::Nanos;

    /// One file, and nothing else.
    struct File(Vec<u8>);

    impl Backend for File {
        fn name(&self) -> &'static str {
            "file"
        }
        fn capability(&self) -> &Capability {
            unreachable!("an index asks for nothing")
        }
        fn allocate(&mut self, _: &Medium, len: Bytes) -> Result<RegionId> {
            self.0.resize(self.0.len().max(len as usize), 0);
            Ok(RegionId(0))
        }
        fn release(&mut self, _: RegionId) -> Result<()> {
            Ok(())
        }
        fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
            self.0[target.offset as usize..][..bytes.len()].copy_from_slice(bytes);
            Ok(())
        }
        fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
            bytes.copy_from_slice(&self.0[source.offset as usize..][..bytes.len()]);
            Ok(())
        }
        fn submit(&mut self, _: &TransferRequest) -> Result<TransferId> {
            unreachable!("an index is filled and peeked")
        }
        fn flush(&mut self, _: RegionId) -> Result<()> {
            Ok(())
        }
        fn poll(&mut self, _: &mut Vec<Completion>) -> Result<()> {
            Ok(())
        }
        fn park(&mut self, until: Nanos) -> Nanos {
            until
        }
    }

    const SITE: IndexSite<'static> = IndexSite {
        directory: "kv",
        rank: 0,
        window_size: 1,
        fingerprint: [5; 32],
        slots: 100,
        directories: 1,
    };

    fn at_epoch(epoch: u64) -> File {
        let header = Header { fingerprint: SITE.fingerprint, epoch, slots: SITE.slots };
        File(header.encode().to_vec())
    }

    #[test]
    fn there_is_an_epoch_after_the_last_but_one_and_none_after_the_last() {
        let mut file = at_epoch(EPOCH_MAX - 1);
        let (mut index, contents) = SITE.open(&mut file).unwrap();
        assert_eq!(contents.recovery.epoch, EPOCH_MAX);
        assert_eq!(index.generation(1), u64::MAX << EPOCH_BITS | 1, "it still fits");
        index.begin(&mut file).unwrap();
        let error = SITE.open(&mut file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("epoch"), "{error}");
    }

    /// A header that is older than a record, as none is that we wrote: the record counts.
    #[test]
    fn an_epoch_is_later_than_every_record() {
        let mut file = at_epoch(2);
        let (mut index, _) = SITE.open(&mut file).unwrap();
        index.begin(&mut file).unwrap();
        let record = Record {
            key: [1; 32],
            generation: 9 << EPOCH_BITS | 7,
            duration: crate::units::Nanos::MAX,
            tenant: 0,
            priority: 35,
            directory: 0,
        };
        index.add(70, record);
        assert_eq!(index.publish(&mut file).unwrap(), 1);
        let (_, contents) = SITE.open(&mut file).unwrap();
        assert_eq!(contents.found, [(70, record)]);
        assert_eq!(contents.recovery.epoch, 10);
    }

    /// A directory that the operator never declared, in a record whose checksum is right.
    #[test]
    fn a_record_of_no_directory_is_damaged() {
        let mut file = at_epoch(1);
        let (mut index, _) = SITE.open(&mut file).unwrap();
        index.begin(&mut file).unwrap();
        let record = Record {
            key: [1; 32],
            generation: 1,
            duration: crate::units::Nanos::MAX,
            tenant: 0,
            priority: 35,
            directory: 1,
        };
        index.add(0, record);
        index.publish(&mut file).unwrap();
        let (_, contents) = SITE.open(&mut file).unwrap();
        assert_eq!((contents.recovery.damaged, contents.found), (1, vec![]));
    }
}
