//! A slot's record: whose content lay there when the slot was last published.
//!
//! Layout, little-endian, [`RECORD_LEN`] bytes; a slot that was never published has zeros:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 32 | storage key |
//! | 32 | 8 | generation |
//! | 40 | 8 | retention in nanoseconds, all ones for ever |
//! | 48 | 4 | tenant |
//! | 52 | 1 | priority |
//! | 53 | 1 | directory, as an index into the configured list |
//! | 54 | 2 | zero |
//! | 56 | 8 | XXH3-64 of bytes 0..56, seeded by the site's fingerprint and the slot |
//!
//! The seed makes a record of another model, secret or place as good as damaged.

use crate::block::PRIORITY_MAX;
use crate::units::Nanos;
use twox_hash::XxHash3_64;

/// Bytes of a record. A sector of 512, which a crash leaves old or new, holds eight whole ones.
pub(crate) const RECORD_LEN: usize = 64;
/// Bytes before the checksum.
pub(super) const SUMMED: usize = 56;

/// What a slot holds, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: [u8; 32],
    pub(crate) generation: u64,
    pub(crate) duration: Nanos,
    pub(crate) tenant: u32,
    pub(crate) priority: u8,
    pub(crate) directory: u8,
}

impl Record {
    pub(super) fn encode(&self, seed: u64, slot: u32) -> [u8; RECORD_LEN] {
        let mut out = [0; RECORD_LEN];
        out[0..32].copy_from_slice(&self.key);
        out[32..40].copy_from_slice(&self.generation.to_le_bytes());
        out[40..48].copy_from_slice(&self.duration.0.to_le_bytes());
        out[48..52].copy_from_slice(&self.tenant.to_le_bytes());
        out[52] = self.priority;
        out[53] = self.directory;
        let sum = checksum(&out, seed, slot);
        out[SUMMED..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// The record that `bytes` are; `None` where they are none of this site and slot.
    pub(super) fn decode(bytes: &[u8; RECORD_LEN], seed: u64, slot: u32) -> Option<Self> {
        let record = Self {
            key: std::array::from_fn(|i| bytes[i]),
            generation: word(bytes, 32),
            duration: Nanos(word(bytes, 40)),
            tenant: word(bytes, 48) as u32,
            priority: bytes[52],
            directory: bytes[53],
        };
        let is_whole = word(bytes, SUMMED) == checksum(bytes, seed, slot);
        (is_whole && record.priority <= PRIORITY_MAX && record.generation > 0).then_some(record)
    }
}

/// The eight bytes from `at`.
pub(super) fn word(bytes: &[u8; RECORD_LEN], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn checksum(bytes: &[u8; RECORD_LEN], seed: u64, slot: u32) -> u64 {
    XxHash3_64::oneshot_with_seed(seed.wrapping_add(slot.into()), &bytes[..SUMMED])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record = Record {
        key: [7; 32],
        generation: 3 << 40 | 5,
        duration: Nanos::MAX,
        tenant: 9,
        priority: 35,
        directory: 1,
    };

    #[test]
    fn a_record_comes_back_at_its_place_alone() {
        let bytes = RECORD.encode(11, 4);
        assert_eq!(Record::decode(&bytes, 11, 4), Some(RECORD));
        assert_eq!(Record::decode(&bytes, 11, 5), None, "another slot's");
        assert_eq!(Record::decode(&bytes, 12, 4), None, "another site's");
        assert_eq!(Record::decode(&[0; RECORD_LEN], 11, 4), None);
    }

    #[test]
    fn any_flipped_bit_is_damage() {
        let good = RECORD.encode(11, 4);
        for bit in 0..RECORD_LEN * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&bad, 11, 4), None, "bit {bit}");
        }
    }

    #[test]
    fn what_no_engine_writes_is_damage_whatever_its_checksum() {
        for record in [Record { priority: 101, ..RECORD }, Record { generation: 0, ..RECORD }] {
            assert_eq!(Record::decode(&record.encode(11, 4), 11, 4), None);
        }
    }
}
