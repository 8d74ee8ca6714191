//! One part between memory and a file, done by a worker thread.

use super::io::Desk;
use super::store::SlotStore;
use crate::copy::trailer_range;
use crate::lend::{Claim, Lent, LentMut};
use tierproof_core::{Bytes, Fault, Stamp};

/// A part with the right to all that it touches.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) ends: Ends,
    /// Payload bytes.
    pub(crate) len: usize,
    pub(crate) check: Option<Stamp>,
    pub(crate) seal: Option<Stamp>,
    /// What trailers in memory are aligned to.
    pub(crate) alignment: Bytes,
}

/// Where the bytes come from and go to.
#[derive(Debug)]
pub(crate) enum Ends {
    Load { source: Claim<SlotStore>, target: LentMut },
    Store { source: Lent, target: Claim<SlotStore> },
}

impl Work {
    pub(crate) fn run(&mut self, desk: &mut Desk) -> Result<(), Fault> {
        let stamped = self.check.is_some() || self.seal.is_some();
        let sum = |payload: &[u8]| if stamped { Stamp::checksum(payload) } else { 0 };
        let checked = self.check.is_some();
        match &mut self.ends {
            Ends::Load { source, target } => {
                let target = target.bytes();
                let payload = &mut target[..self.len];
                let trailer = desk
                    .load(source.owner(), source.start(), payload, checked)
                    .map_err(|trouble| trouble.fault(checked))?;
                let checksum = sum(payload);
                if let Some(stamp) = self.check {
                    stamp.verify(trailer, checksum)?;
                }
                if let Some(stamp) = self.seal {
                    let range = trailer_range(stamp.len, self.alignment);
                    target[range].copy_from_slice(&stamp.seal(checksum));
                }
                Ok(())
            }
            Ends::Store { source, target } => {
                let payload = &source.bytes()[..self.len];
                let checksum = sum(payload);
                if let Some(stamp) = self.check {
                    let range = trailer_range(stamp.len, self.alignment);
                    stamp.verify(&source.bytes()[range], checksum)?;
                }
                let trailer = self.seal.map(|stamp| stamp.seal(checksum));
                desk.store(target.owner(), target.start(), payload, trailer)
                    .map_err(|trouble| trouble.fault(false))
            }
        }
    }
}
