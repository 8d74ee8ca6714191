//! One part between memory and a file: what of it NIXL moves, and what is done before and after.

use super::cargo::{Loan, PartCargo};
use super::status::Code;
use crate::files::io::{PAGE, whole_pages};
use crate::files::store::SlotStore;
use crate::files::work::{Ends, Work};
use crate::lend::{Claim, Memory};
use crate::sheets::Sheet;
use crate::terms::Terms;
use tierproof_core::{Bytes, Fault, TRAILER_LEN};

/// A part, and the right to all that it touches.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) terms: Terms,
    pub(super) file: Claim<SlotStore>,
    pub(super) memory: Loan,
}

/// What is left of a part while its cargo is on the way.
#[derive(Debug)]
pub(super) struct Rest {
    terms: Terms,
    /// Payload bytes that are not staged.
    body: usize,
    /// The first byte of the file behind all that moves.
    end: Bytes,
    pub(super) sheet: Option<Sheet<Memory>>,
}

/// A part ready to go.
pub(super) struct Packed {
    pub(super) rest: Rest,
    pub(super) cargo: PartCargo,
}

/// How the bytes of a part are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Payload bytes that go straight to or from the region.
    pub(super) body: usize,
    /// Bytes of whole pages through a buffer of ours: the rest of the payload, then the trailer.
    pub(super) staged: usize,
}

impl From<Work> for Part {
    fn from(work: Work) -> Self {
        let (file, memory) = match work.ends {
            Ends::Load { source, target } => (source, Loan::Target(target)),
            Ends::Store { source, target } => (target, Loan::Source(source)),
        };
        Self { terms: work.terms, file, memory }
    }
}

impl Part {
    /// How its bytes are moved; nothing for an empty part without a trailer.
    pub(super) fn layout(&mut self) -> Layout {
        let (address, trailer) = match &mut self.memory {
            Loan::Source(lent) => (lent.span().start, self.terms.seal.is_some()),
            Loan::Target(lent) => (lent.span().start, self.terms.check.is_some()),
        };
        layout(self.terms.len, address, trailer, self.file.owner().direct())
    }

    /// Verifies what is to be stored, and answers with the trailer to write behind it.
    pub(super) fn vouch(&self) -> Result<Option<[u8; TRAILER_LEN]>, Fault> {
        match &self.memory {
            Loan::Source(source) => self.terms.vouch(source.bytes()),
            Loan::Target(_) => Ok(None),
        }
    }

    /// Puts what is staged of a store, and its trailer, into a sheet.
    pub(super) fn pack(
        self,
        layout: Layout,
        sheet: Option<Sheet<Memory>>,
        trailer: Option<[u8; TRAILER_LEN]>,
    ) -> Packed {
        let mut staged = sheet.as_ref().map(|sheet| sheet.lend(0..layout.staged));
        if let (Loan::Source(source), Some(staged)) = (&self.memory, &mut staged) {
            let (staged, tail) = (staged.bytes(), &source.bytes()[layout.body..self.terms.len]);
            staged.fill(0);
            staged[..tail.len()].copy_from_slice(tail);
            if let Some(trailer) = trailer {
                let start = staged.len() - PAGE;
                staged[start..start + trailer.len()].copy_from_slice(&trailer);
            }
        }
        let Self { terms, file, memory } = self;
        let end = file.start() + (layout.body + layout.staged) as Bytes;
        let cargo = PartCargo { file, memory, body: layout.body, staged };
        Packed { rest: Rest { terms, body: layout.body, end, sheet }, cargo }
    }
}

impl Rest {
    /// What has become of the part now that its cargo is back. A load that failed leaves zeros.
    pub(super) fn settle(
        &self,
        moved: Result<(), Code>,
        cargo: &mut PartCargo,
    ) -> Result<(), Fault> {
        let failed = moved.map_err(|code| Fault::new(code.kind()));
        let PartCargo { file, memory, staged, .. } = cargo;
        let Loan::Target(target) = memory else { return failed };
        let staged = staged.as_mut().map_or(&[][..], |staged| staged.bytes());
        let target = target.bytes();
        let loaded = self.receive(failed, file, staged, target);
        if loaded.is_err() {
            target[..self.terms.len].fill(0);
        }
        loaded
    }

    /// What has become of a part without a byte to move.
    pub(super) fn settle_empty(&self, cargo: &mut PartCargo) -> Result<(), Fault> {
        match &mut cargo.memory {
            Loan::Source(_) => Ok(()),
            Loan::Target(target) => self.terms.accept(target.bytes(), &[]),
        }
    }

    /// Success of a file that ends too early is none, whoever says so.
    fn receive(
        &self,
        moved: Result<(), Fault>,
        file: &Claim<SlotStore>,
        staged: &[u8],
        target: &mut [u8],
    ) -> Result<(), Fault> {
        let checked = self.terms.check.is_some();
        file.owner().reaches(file.start(), self.end).map_err(|trouble| trouble.fault(checked))?;
        moved?;
        let (tail, trailer) = staged.split_at(staged.len() - if checked { PAGE } else { 0 });
        let rest = self.terms.len - self.body;
        target[self.body..self.terms.len].copy_from_slice(&tail[..rest]);
        self.terms.accept(target, trailer)
    }
}

/// Direct I/O reaches whole pages at the start of a page; the rest is staged.
fn layout(len: usize, address: usize, trailer: bool, direct: bool) -> Layout {
    let reachable = !direct || address.is_multiple_of(PAGE);
    let body = if reachable { whole_pages(len) } else { 0 };
    let staged = (len - body).next_multiple_of(PAGE) + if trailer { PAGE } else { 0 };
    Layout { body, staged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty(0, 0, false, true, (0, 0))]
    #[case::only_a_trailer(0, 0, true, true, (0, 4096))]
    #[case::a_page(4096, 8192, false, true, (4096, 0))]
    #[case::with_its_trailer(4096, 8192, true, true, (4096, 4096))]
    #[case::a_short_page(5000, 8192, true, true, (4096, 8192))]
    #[case::out_of_reach(5000, 8193, true, true, (0, 12288))]
    #[case::through_the_page_cache(5000, 8193, false, false, (4096, 4096))]
    fn only_what_direct_io_can_not_reach_is_staged(
        #[case] len: usize,
        #[case] address: usize,
        #[case] trailer: bool,
        #[case] direct: bool,
        #[case] expected: (usize, usize),
    ) {
        let seen = layout(len, address, trailer, direct);
        assert_eq!((seen.body, seen.staged), expected);
    }
}
