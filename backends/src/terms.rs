//! What is to be true of the bytes of one part.

use crate::copy::trailer_range;
use tierproof_core::{Bytes, Fault, Stamp, TRAILER_LEN};

/// What is to be true of the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Payload bytes.
    pub(crate) len: usize,
    pub(crate) check: Option<Stamp>,
    pub(crate) seal: Option<Stamp>,
    /// What trailers in memory are aligned to.
    pub(crate) alignment: Bytes,
}

impl Terms {
    /// Verifies a payload that was read, by the trailer behind it, and seals it in memory.
    pub(crate) fn accept(&self, target: &mut [u8], trailer: &[u8]) -> Result<(), Fault> {
        let checksum = self.checksum(&target[..self.len]);
        if let Some(stamp) = self.check {
            stamp.verify(trailer, checksum)?;
        }
        if let Some(stamp) = self.seal {
            let range = trailer_range(stamp.len, self.alignment);
            target[range].copy_from_slice(&stamp.seal(checksum));
        }
        Ok(())
    }

    /// Verifies a payload that is to be written, and answers with the trailer to write behind it.
    pub(crate) fn vouch(&self, source: &[u8]) -> Result<Option<[u8; TRAILER_LEN]>, Fault> {
        let checksum = self.checksum(&source[..self.len]);
        if let Some(stamp) = self.check {
            stamp.verify(&source[trailer_range(stamp.len, self.alignment)], checksum)?;
        }
        Ok(self.seal.map(|stamp| stamp.seal(checksum)))
    }

    /// The payload's checksum, where a trailer needs one.
    fn checksum(&self, payload: &[u8]) -> u64 {
        let stamped = self.check.is_some() || self.seal.is_some();
        if stamped { Stamp::checksum(payload) } else { 0 }
    }
}
