//! Buffers of ours, registered once: for the last, short page of a payload, for the trailer behind it,
//! and for payloads that direct I/O can't reach where they are.

use crate::files::io::PAGE;
use crate::lend::{LentMut, Memory};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// Bytes of memory that are registered at once.
const SLAB_LEN: usize = 2 << 20;

/// Sheets by length, a power of two.
#[derive(Debug, Default)]
pub(super) struct Staging {
    free: BTreeMap<usize, Vec<Sheet>>,
    slabs: Vec<Arc<Memory>>,
}

/// A buffer that somebody has until given back.
#[derive(Debug)]
pub(super) struct Sheet {
    slab: Arc<Memory>,
    range: Range<usize>,
}

impl Staging {
    /// All memory, to be registered with a new agent.
    pub(super) fn slabs(&self) -> &[Arc<Memory>] {
        &self.slabs
    }

    /// A buffer of at least `len` bytes. New memory is shown to `register` first.
    pub(super) fn take(
        &mut self,
        len: usize,
        register: impl FnOnce(&Memory) -> Result<()>,
    ) -> Result<Sheet> {
        let class = len.max(PAGE).checked_next_power_of_two().ok_or_else(|| {
            let context =
                format!("no room in memory for a buffer of {len} bytes: use smaller blocks");
            Error::new(ErrorKind::Exhausted, context)
        })?;
        if let Some(sheet) = self.free.get_mut(&class).and_then(Vec::pop) {
            return Ok(sheet);
        }
        let slab = Memory::new(class.max(SLAB_LEN) as Bytes)?;
        register(&slab)?;
        let starts = (0..slab.len() as usize).step_by(class);
        let mut sheets: Vec<Sheet> = starts
            .map(|start| Sheet { slab: Arc::clone(&slab), range: start..start + class })
            .collect();
        self.slabs.push(slab);
        let sheet = sheets.pop().expect("a slab has at least one sheet");
        self.free.entry(class).or_default().append(&mut sheets);
        Ok(sheet)
    }

    pub(super) fn give_back(&mut self, sheet: Sheet) {
        self.free.entry(sheet.range.len()).or_default().push(sheet);
    }
}

impl Sheet {
    /// The first `len` bytes, to be owned by a transfer.
    pub(super) fn lend(&self, len: usize) -> LentMut {
        let start = self.range.start as Bytes;
        LentMut::new(&self.slab, start..start + len as Bytes)
            .expect("only its holder lends a sheet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_aligned_apart_and_used_again() {
        let mut staging = Staging::default();
        let mut registered = 0;
        let mut take = |staging: &mut Staging, len| {
            let count = |slab: &Memory| {
                registered += slab.len() as usize;
                Ok(())
            };
            staging.take(len, count).unwrap()
        };
        let sheets = [1, 4096, 4097, 8192, 3 << 20].map(|len| (take(&mut staging, len), len));
        let mut lent: Vec<LentMut> = sheets.iter().map(|(sheet, len)| sheet.lend(*len)).collect();
        for (lent, (_, len)) in lent.iter_mut().zip(&sheets) {
            assert_eq!((lent.bytes().len(), lent.span().start % PAGE), (*len, 0));
        }
        drop(lent);
        for (sheet, _) in sheets {
            staging.give_back(sheet);
        }
        for len in [4096, 8192, 8192, 4 << 20] {
            take(&mut staging, len);
        }
        assert_eq!((registered, staging.slabs().len()), ((2 + 2 + 4) << 20, 3));
    }

    #[test]
    fn memory_that_can_not_be_registered_is_not_used() {
        let mut staging = Staging::default();
        let refuse = |_: &Memory| Err(Error::new(ErrorKind::Device, "refused"));
        assert_eq!(staging.take(1, refuse).unwrap_err().kind(), ErrorKind::Device);
        assert!(staging.slabs().is_empty() && staging.free.is_empty());
        assert_eq!(staging.take(usize::MAX, |_| Ok(())).unwrap_err().kind(), ErrorKind::Exhausted);
    }
}
