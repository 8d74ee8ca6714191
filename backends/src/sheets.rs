//! Buffers of ours, cut from a few large pieces of memory that are prepared (registered, pinned) once.

#[cfg(feature = "cuda")]
use crate::lend::{Access, Claim};
use crate::lend::{Claimed, LentMut, Memory};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// Lengths up to here are rounded up to a power of two, longer ones to a multiple of it.
const STEP: usize = 64 << 10;
/// The shortest sheet: what direct I/O needs.
const SHORTEST: usize = 4096;

/// Memory that sheets are cut from.
pub(crate) trait Slab: Claimed {
    fn len(&self) -> Bytes;
}

/// Sheets of one kind of memory.
#[derive(Debug)]
pub(crate) struct Sheets<M> {
    slabs: Vec<Cut<M>>,
    /// Sheets that nobody has, by length: which slab, and where in it.
    free: BTreeMap<usize, Vec<(usize, usize)>>,
    slab_len: usize,
    bytes_max: Bytes,
}

/// A slab, cut into sheets of one length.
#[derive(Debug)]
struct Cut<M> {
    memory: Arc<M>,
    /// Sheets that somebody has.
    out: usize,
}

/// A buffer that somebody has until given back.
#[derive(Debug)]
pub(crate) struct Sheet<M> {
    memory: Arc<M>,
    range: Range<usize>,
    slab: usize,
}

impl<M: Slab> Sheets<M> {
    /// Slabs of `slab_len` bytes, or of one longer sheet; of at most `bytes_max` together, but for those without
    /// which nobody could ever have a sheet so long.
    pub(crate) fn new(slab_len: usize, bytes_max: Bytes) -> Self {
        Self { slabs: Vec::new(), free: BTreeMap::new(), slab_len, bytes_max }
    }

    /// A buffer of at least `len` bytes, from memory that `make` prepares where more is needed. `None`
    /// while all that there may be is in use.
    pub(crate) fn take(
        &mut self,
        len: usize,
        make: impl FnOnce(Bytes) -> Result<Arc<M>>,
    ) -> Result<Option<Sheet<M>>> {
        let class = class_of(len)?;
        if let Some(sheet) = self.take_free(class) {
            return Ok(Some(sheet));
        }
        let slab_len = class.max(self.slab_len) as Bytes;
        let there: Bytes = self.slabs.iter().map(|slab| slab.memory.len()).sum();
        let long = |slab: &Cut<M>| slab.memory.len() >= class as Bytes;
        let waits = self.slabs.iter().any(long);
        if !waits || there.saturating_add(slab_len) <= self.bytes_max {
            match make(slab_len) {
                Ok(memory) => {
                    self.slabs.push(Cut { memory, out: 0 });
                    self.cut(self.slabs.len() - 1, class);
                    return Ok(self.take_free(class));
                }
                Err(error) if !waits => return Err(error),
                // What there is must do.
                Err(_) => {}
            }
        }
        let idle = |slab: &Cut<M>| slab.out == 0 && long(slab);
        let Some(slab) = self.slabs.iter().position(idle) else { return Ok(None) };
        self.free.values_mut().for_each(|free| free.retain(|(of, _)| *of != slab));
        self.cut(slab, class);
        Ok(self.take_free(class))
    }

    pub(crate) fn give_back(&mut self, sheet: Sheet<M>) {
        let Sheet { range, slab, .. } = sheet;
        self.slabs[slab].out -= 1;
        self.free.entry(range.len()).or_default().push((slab, range.start));
    }

    fn take_free(&mut self, class: usize) -> Option<Sheet<M>> {
        let (slab, start) = self.free.get_mut(&class)?.pop()?;
        let cut = &mut self.slabs[slab];
        cut.out += 1;
        Some(Sheet { memory: Arc::clone(&cut.memory), range: start..start + class, slab })
    }

    fn cut(&mut self, slab: usize, class: usize) {
        let len = self.slabs[slab].memory.len() as usize;
        // From the end, so that the first that is taken is the first.
        let starts = (0..len / class).rev().map(|index| (slab, index * class));
        self.free.entry(class).or_default().extend(starts);
    }
}

impl<M: Slab> Sheet<M> {
    fn part(&self, range: Range<usize>) -> Range<Bytes> {
        let start = self.range.start;
        (start + range.start) as Bytes..(start + range.end.min(self.range.len())) as Bytes
    }

    /// The right to a part of it that nobody else has.
    #[cfg(feature = "cuda")]
    pub(crate) fn claim(&self, range: Range<usize>) -> Claim<M> {
        Claim::new(&self.memory, self.part(range), Access::Write)
            .expect("only its holder lends a sheet")
    }
}

impl Sheet<Memory> {
    /// A part of it that nobody else has.
    pub(crate) fn lend(&self, range: Range<usize>) -> LentMut {
        LentMut::new(&self.memory, self.part(range)).expect("only its holder lends a sheet")
    }
}

fn class_of(len: usize) -> Result<usize> {
    let class = if len <= STEP {
        len.max(SHORTEST).checked_next_power_of_two()
    } else {
        len.checked_next_multiple_of(STEP)
    };
    class.filter(|class| *class <= isize::MAX as usize).ok_or_else(|| {
        let context = format!("no room in memory for a buffer of {len} bytes: use smaller blocks");
        Error::new(ErrorKind::Exhausted, context)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLAB: usize = 2 << 20;

    fn take(sheets: &mut Sheets<Memory>, len: usize) -> Option<Sheet<Memory>> {
        sheets.take(len, Memory::new).unwrap()
    }

    #[test]
    fn sheets_are_aligned_apart_and_used_again() {
        let mut sheets = Sheets::new(SLAB, Bytes::MAX);
        let taken = [1, 4096, 4097, 8192, 3 << 20, (3 << 20) + 1]
            .map(|len| (take(&mut sheets, len).unwrap(), len));
        let mut lent: Vec<LentMut> = taken.iter().map(|(sheet, len)| sheet.lend(0..*len)).collect();
        for (lent, (_, len)) in lent.iter_mut().zip(&taken) {
            let bytes = lent.bytes();
            assert_eq!((bytes.len(), bytes.as_ptr().addr() % 4096), (*len, 0));
        }
        drop(lent);
        let there = sheets.slabs.len();
        for (sheet, _) in taken {
            sheets.give_back(sheet);
        }
        for len in [4096, 4096, 8192, 8192, 3 << 20, (3 << 20) + 1] {
            take(&mut sheets, len).unwrap();
        }
        assert_eq!(sheets.slabs.len(), there, "nothing new was needed");
    }

    #[test]
    fn at_the_bound_others_wait_and_idle_memory_is_cut_anew() {
        let mut sheets = Sheets::new(SLAB, 2 * SLAB as Bytes);
        let whole = take(&mut sheets, SLAB).unwrap();
        let half = take(&mut sheets, SLAB / 2).unwrap();
        assert!(take(&mut sheets, SLAB).is_none(), "both slabs are in use");
        sheets.give_back(half);
        let other = take(&mut sheets, SLAB).unwrap();
        assert!(take(&mut sheets, SLAB / 2).is_none());
        sheets.give_back(whole);
        sheets.give_back(other);
        let long = take(&mut sheets, 2 * SLAB).unwrap();
        assert!(take(&mut sheets, 2 * SLAB).is_none(), "one so long there is");
        sheets.give_back(long);
        assert!(take(&mut sheets, 2 * SLAB).is_some());
        let first = Sheets::<Memory>::new(SLAB, 0).take(3 * SLAB, Memory::new);
        assert!(first.unwrap().is_some(), "one sheet there always is");
    }

    #[test]
    fn memory_that_can_not_be_prepared_is_not_used() {
        let mut sheets = Sheets::<Memory>::new(SLAB, Bytes::MAX);
        let refuse = |_| Err(Error::new(ErrorKind::Device, "refused"));
        assert_eq!(sheets.take(1, refuse).unwrap_err().kind(), ErrorKind::Device);
        assert!(sheets.slabs.is_empty() && sheets.free.is_empty());
        let first = take(&mut sheets, SLAB).unwrap();
        assert!(sheets.take(SLAB, refuse).unwrap().is_none(), "there is memory to wait for");
        sheets.give_back(first);
        assert!(sheets.take(SLAB / 2, refuse).unwrap().is_some(), "and to be cut anew");
        let absurd = sheets.take(usize::MAX, Memory::new);
        assert_eq!(absurd.unwrap_err().kind(), ErrorKind::Exhausted);
    }
}
