//! One part between memory and a file, done by a worker thread.

use super::io::Desk;
use super::store::SlotStore;
use crate::lend::{Claim, Lent, LentMut};
use crate::terms::Terms;
use tierproof_core::Fault;

/// A part with the right to all that it touches.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) ends: Ends,
    pub(crate) terms: Terms,
}

/// Where the bytes come from and go to.
#[derive(Debug)]
pub(crate) enum Ends {
    Load { source: Claim<SlotStore>, target: LentMut },
    Store { source: Lent, target: Claim<SlotStore> },
}

impl Work {
    /// Carries the part out. A load that fails leaves zeros, whoever's bytes it found: what was
    /// read before the refusal may belong to another tenant.
    pub(crate) fn run(&mut self, desk: &mut Desk) -> Result<(), Fault> {
        match &mut self.ends {
            Ends::Load { source, target } => {
                let target = target.bytes();
                let loaded = self.terms.load(desk, source, target);
                if loaded.is_err() {
                    target[..self.terms.len].fill(0);
                }
                loaded
            }
            Ends::Store { source, target } => self.terms.store(desk, source.bytes(), target),
        }
    }
}

impl Terms {
    fn load(
        &self,
        desk: &mut Desk,
        source: &Claim<SlotStore>,
        target: &mut [u8],
    ) -> Result<(), Fault> {
        let checked = self.check.is_some();
        let payload = &mut target[..self.len];
        // An empty range at a region's end lies in no file.
        let trailer = if self.len == 0 && !checked {
            &[]
        } else {
            desk.load(source.owner(), source.start(), payload, checked)
                .map_err(|trouble| trouble.fault(checked))?
        };
        self.accept(target, trailer)
    }

    fn store(
        &self,
        desk: &mut Desk,
        source: &[u8],
        target: &Claim<SlotStore>,
    ) -> Result<(), Fault> {
        let payload = &source[..self.len];
        let trailer = self.vouch(source)?;
        if self.len == 0 && trailer.is_none() {
            return Ok(());
        }
        desk.store(target.owner(), target.start(), payload, trailer)
            .map_err(|trouble| trouble.fault(false))
    }
}
