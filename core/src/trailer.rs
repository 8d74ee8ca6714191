//! The trailer that ends every stored block, and the checks that a load must pass.
//!
//! A trailer says whose bytes lie before it. A block whose trailer does not answer to the
//! [`Stamp`] that the engine expects is a miss with a named reason, never bytes.
//!
//! Layout, little-endian, [`TRAILER_LEN`] bytes, the rest zero:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `TPBLOCK1` |
//! | 8 | 32 | storage key |
//! | 40 | 8 | tenant |
//! | 48 | 16 | layout fingerprint |
//! | 64 | 8 | generation |
//! | 72 | 4 | slot |
//! | 76 | 4 | pool |
//! | 80 | 8 | payload length |
//! | 88 | 8 | payload checksum, XXH3-64 |
//! | 96 | 8 | checksum of bytes 0..96, XXH3-64 |

use crate::units::{Bytes, round_up};
use std::fmt;
use twox_hash::XxHash3_64;

/// Bytes of a trailer.
pub const TRAILER_LEN: usize = 128;

const MAGIC: [u8; 8] = *b"TPBLOCK1";
const SUMMED: usize = 96;

/// What a stored block must say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The 256-bit key of the block's content.
    pub key: [u8; 32],
    /// The trust domain that the content belongs to.
    pub tenant: u64,
    /// Model, data type and pool layout, hashed.
    pub layout: [u8; 16],
    /// Grows with every store: tells a slot's present content from its former one.
    pub generation: u64,
    /// The slot that it was written to.
    pub slot: u32,
    /// The pool that it was written to.
    pub pool: u32,
    /// Payload bytes before the trailer.
    pub len: Bytes,
}

/// Why stored bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// There is no whole trailer: never written, torn, or overwritten by something else.
    Torn,
    /// Another format, model or pool layout.
    WrongLayout,
    /// Another tenant's block.
    ForeignTenant,
    /// The block of another slot or pool: a misdirected read or write.
    Misdirected,
    /// What the slot held before: a lost or reordered write.
    Stale,
    /// Another key's block.
    WrongKey,
    /// The right block with damaged bytes.
    BitRot,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torn => "no whole trailer (never written, torn, or overwritten)",
            Self::WrongLayout => "written with another layout",
            Self::ForeignTenant => "belongs to another tenant",
            Self::Misdirected => "was written for another slot or pool",
            Self::Stale => "is an older generation of the slot",
            Self::WrongKey => "belongs to another key",
            Self::BitRot => "payload checksum differs",
        })
    }
}

impl Stamp {
    /// Where the trailer starts: after the payload, rounded up to `alignment` so that both can
    /// be written with direct I/O. `None` beyond 64 bits.
    #[must_use]
    pub const fn trailer_offset(len: Bytes, alignment: Bytes) -> Option<Bytes> {
        round_up(len, alignment)
    }

    /// Bytes from the payload's start to the end of its trailer, a multiple of `alignment`.
    /// `None` beyond 64 bits.
    #[must_use]
    pub const fn sealed_len(len: Bytes, alignment: Bytes) -> Option<Bytes> {
        match round_up(len, alignment) {
            Some(start) => match round_up(TRAILER_LEN as u64, alignment) {
                Some(tail) => start.checked_add(tail),
                None => None,
            },
            None => None,
        }
    }

    /// The checksum that a trailer keeps of its payload.
    #[must_use]
    pub fn checksum(payload: &[u8]) -> u64 {
        XxHash3_64::oneshot(payload)
    }

    /// The trailer of a payload whose [`Stamp::checksum`] is `checksum`.
    ///
    /// ```
    /// use tierproof_core::Stamp;
    /// let stamp = Stamp { key: [7; 32], tenant: 1, layout: [2; 16], generation: 3, slot: 4, pool: 0, len: 5 };
    /// let trailer = stamp.seal(Stamp::checksum(b"block"));
    /// assert!(stamp.verify(&trailer, Stamp::checksum(b"block")).is_ok());
    /// assert!(stamp.verify(&trailer, Stamp::checksum(b"blocK")).is_err());
    /// ```
    #[must_use]
    pub fn seal(&self, checksum: u64) -> [u8; TRAILER_LEN] {
        let mut out = [0; TRAILER_LEN];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..40].copy_from_slice(&self.key);
        out[40..48].copy_from_slice(&self.tenant.to_le_bytes());
        out[48..64].copy_from_slice(&self.layout);
        out[64..72].copy_from_slice(&self.generation.to_le_bytes());
        out[72..76].copy_from_slice(&self.slot.to_le_bytes());
        out[76..80].copy_from_slice(&self.pool.to_le_bytes());
        out[80..88].copy_from_slice(&self.len.to_le_bytes());
        out[88..96].copy_from_slice(&checksum.to_le_bytes());
        let own = XxHash3_64::oneshot(&out[..SUMMED]);
        out[SUMMED..SUMMED + 8].copy_from_slice(&own.to_le_bytes());
        out
    }

    /// Whether `trailer` is the trailer that this stamp and a payload of `checksum` would have.
    ///
    /// # Errors
    /// The first [`Refusal`] in the order of that enum.
    pub fn verify(&self, trailer: &[u8], checksum: u64) -> Result<(), Refusal> {
        let (Some(trailer), true) =
            (trailer.first_chunk::<TRAILER_LEN>(), trailer.starts_with(&MAGIC))
        else {
            return Err(Refusal::Torn);
        };
        let expected = self.seal(checksum);
        let differs = |range: std::ops::Range<usize>| trailer[range.clone()] != expected[range];
        let own = XxHash3_64::oneshot(&trailer[..SUMMED]).to_le_bytes();
        if trailer[SUMMED..SUMMED + 8] != own {
            Err(Refusal::Torn)
        } else if differs(48..64) || differs(80..88) {
            Err(Refusal::WrongLayout)
        } else if differs(40..48) {
            Err(Refusal::ForeignTenant)
        } else if differs(72..80) {
            Err(Refusal::Misdirected)
        } else if differs(64..72) {
            Err(Refusal::Stale)
        } else if differs(8..40) {
            Err(Refusal::WrongKey)
        } else if differs(88..96) {
            Err(Refusal::BitRot)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp =
        Stamp { key: [1; 32], tenant: 2, layout: [3; 16], generation: 4, slot: 5, pool: 6, len: 7 };

    #[test]
    fn every_field_has_its_own_refusal() {
        let trailer = |change: fn(&mut Stamp)| {
            let mut other = STAMP;
            change(&mut other);
            STAMP.verify(&other.seal(9), 9)
        };
        assert_eq!(trailer(|_| ()), Ok(()));
        assert_eq!(trailer(|s| s.key[31] ^= 1), Err(Refusal::WrongKey));
        assert_eq!(trailer(|s| s.tenant ^= 1), Err(Refusal::ForeignTenant));
        assert_eq!(trailer(|s| s.layout[0] ^= 1), Err(Refusal::WrongLayout));
        assert_eq!(trailer(|s| s.generation -= 1), Err(Refusal::Stale));
        assert_eq!(trailer(|s| s.slot += 1), Err(Refusal::Misdirected));
        assert_eq!(trailer(|s| s.pool += 1), Err(Refusal::Misdirected));
        assert_eq!(trailer(|s| s.len += 1), Err(Refusal::WrongLayout));
        assert_eq!(STAMP.verify(&STAMP.seal(9), 10), Err(Refusal::BitRot));
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let good = STAMP.seal(9);
        for bit in 0..(SUMMED + 8) * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(STAMP.verify(&bad, 9), Err(Refusal::Torn), "bit {bit}");
        }
        assert_eq!(STAMP.verify(&good[..TRAILER_LEN - 1], 9), Err(Refusal::Torn));
        assert_eq!(STAMP.verify(&[0; TRAILER_LEN], 9), Err(Refusal::Torn));
    }

    #[test]
    fn lengths_are_aligned_and_bounded() {
        assert_eq!(Stamp::sealed_len(4096, 4096), Some(8192));
        assert_eq!(Stamp::sealed_len(5000, 4096), Some(12288));
        assert_eq!(Stamp::sealed_len(0, 4096), Some(4096));
        assert_eq!(Stamp::sealed_len(u64::MAX, 4096), None);
    }
}
