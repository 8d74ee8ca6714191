//! The header of an index: whose it is, how many slots it speaks of, and in which epoch.
//!
//! Layout, little-endian, at the start of a page that is zero from there on:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `TPINDEX1`, whose last byte is the version |
//! | 8 | 32 | fingerprint of the site |
//! | 40 | 8 | epoch |
//! | 48 | 4 | slots |
//! | 52 | 4 | zero |
//! | 56 | 8 | XXH3-64 of bytes 0..56 |

use super::record::{RECORD_LEN, SUMMED, word};
use twox_hash::XxHash3_64;

const MAGIC: [u8; 8] = *b"TPINDEX1";

/// What an index says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fingerprint: [u8; 32],
    pub(super) epoch: u64,
    pub(super) slots: u32,
}

/// What the start of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Zeros: a new file.
    Blank,
    Header(Header),
    /// A header of another version of this format.
    OtherVersion,
    /// Anything else.
    Unknown,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; RECORD_LEN] {
        let mut out = [0; RECORD_LEN];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..40].copy_from_slice(&self.fingerprint);
        out[40..48].copy_from_slice(&self.epoch.to_le_bytes());
        out[48..52].copy_from_slice(&self.slots.to_le_bytes());
        let sum = XxHash3_64::oneshot(&out[..SUMMED]);
        out[SUMMED..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; RECORD_LEN]) -> Start {
        if bytes.iter().all(|&byte| byte == 0) {
            return Start::Blank;
        }
        let (name, version) = MAGIC.split_at(7);
        if !bytes.starts_with(name) || word(bytes, SUMMED) != XxHash3_64::oneshot(&bytes[..SUMMED])
        {
            return Start::Unknown;
        }
        if bytes[7..8] != *version {
            return Start::OtherVersion;
        }
        Start::Header(Self {
            fingerprint: std::array::from_fn(|i| bytes[8 + i]),
            epoch: word(bytes, 40),
            slots: word(bytes, 48) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_any_flipped_bit_makes_it_unknown() {
        let header = Header { fingerprint: [3; 32], epoch: 7, slots: 100 };
        let good = header.encode();
        assert_eq!(Header::decode(&good), Start::Header(header));
        for bit in 0..RECORD_LEN * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bad), Start::Unknown, "bit {bit}");
        }
    }

    #[test]
    fn a_blank_start_and_another_version_are_told_apart() {
        assert_eq!(Header::decode(&[0; RECORD_LEN]), Start::Blank);
        let mut newer = Header { fingerprint: [3; 32], epoch: 7, slots: 100 }.encode();
        newer[7] = b'2';
        let sum = XxHash3_64::oneshot(&newer[..SUMMED]);
        newer[SUMMED..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Header::decode(&newer), Start::OtherVersion);
    }
}
