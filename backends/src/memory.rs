//! Anonymous memory that is aligned for direct I/O and huge pages.

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// Every mapping is a multiple of this, which is a multiple of every page size of Linux.
const STEP: usize = 64 << 10;
/// Mappings of at least this length start at a multiple of it, so that huge pages fit.
const HUGE: usize = 2 << 20;

/// `len` bytes of private memory, zero at first, given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
    mapped: usize,
}

// SAFETY: a mapping owns its pages alone and belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: through a shared mapping the bytes are only read, or reached by the `unsafe`
// functions below, whose callers answer for conflicts.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn new(len: Bytes) -> Result<Self> {
        if len == 0 {
            let context = "a region of 0 bytes: ask for at least 1";
            return Err(Error::new(ErrorKind::OutOfRange, context));
        }
        let exhausted = || {
            let context =
                format!("no room in memory for a region of {len} bytes: use fewer blocks");
            Error::new(ErrorKind::Exhausted, context)
        };
        let len = usize::try_from(len).map_err(|_| exhausted())?;
        let mapped = len.checked_next_multiple_of(STEP).ok_or_else(exhausted)?;
        let spare = if mapped >= HUGE { HUGE } else { 0 };
        let reserved = mapped.checked_add(spare).ok_or_else(exhausted)?;
        let whole = map(reserved).map_err(|errno| exhausted().with_source(errno))?;
        let head = if spare == 0 { 0 } else { whole.align_offset(HUGE) };
        let base = whole.wrapping_add(head);
        unmap(whole, head);
        unmap(base.wrapping_add(mapped), spare - head);
        let base = NonNull::new(base).ok_or_else(exhausted)?;
        if spare > 0 {
            advise_huge(base, mapped);
        }
        Ok(Self { base, len, mapped })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where it begins, for those who move bytes below us.
    #[cfg(any(feature = "cuda", feature = "nixl"))]
    pub(crate) fn address(&self) -> usize {
        self.base.as_ptr().expose_provenance()
    }

    /// The bytes of `range`, although others may use the rest.
    ///
    /// # Safety
    /// `range` lies within the mapping, and until the answer is no longer used nobody writes to
    /// these bytes.
    pub(crate) unsafe fn shared(&self, range: &Range<usize>) -> &[u8] {
        let start = self.base.as_ptr().wrapping_add(range.start);
        // SAFETY: the caller promises that the range is inside, so the pointer is valid for its
        // length, zeroed by the kernel at first, alive as long as `self`, and not written to.
        unsafe { std::slice::from_raw_parts(start, range.len()) }
    }

    /// The bytes of `range` to write to, although others may use the rest.
    ///
    /// # Safety
    /// `range` lies within the mapping, and until the answer is no longer used nobody else reads
    /// or writes these bytes.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the caller's promise, not by a borrow")]
    pub(crate) unsafe fn exclusive(&self, range: &Range<usize>) -> &mut [u8] {
        let start = self.base.as_ptr().wrapping_add(range.start);
        // SAFETY: as in `shared`, and the caller promises that nobody else touches the range.
        unsafe { std::slice::from_raw_parts_mut(start, range.len()) }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the whole mapping is in range. A mapping that is lent in ranges is never
        // dereferenced (`Memory` keeps it to itself), so writes need `&mut self`.
        unsafe { self.shared(&(0..self.len)) }
    }
}

impl DerefMut for Mapping {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the whole mapping is in range and `&mut self` excludes everybody else.
        unsafe { self.exclusive(&(0..self.len)) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unmap(self.base.as_ptr(), self.mapped);
    }
}

fn map(len: usize) -> rustix::io::Result<*mut u8> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: without an address and without FIXED the kernel picks pages that nobody uses.
    let base = unsafe { mmap_anonymous(std::ptr::null_mut(), len, access, MapFlags::PRIVATE) }?;
    Ok(base.cast())
}

/// Gives back whole pages that this file mapped and that nobody refers to any more.
fn unmap(start: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: callers pass a range of a mapping of their own, from which no reference is
        // left: its trimmed ends before anybody saw them, or all of it in `drop`.
        let answer = unsafe { munmap(start.cast(), len) };
        debug_assert!(answer.is_ok(), "munmap of {len} bytes: {answer:?}");
    }
}

/// A hint: a kernel without huge pages refuses it, and small pages work as well, only slower.
fn advise_huge(base: NonNull<u8>, len: usize) {
    // SAFETY: the range was just mapped, and this advice never changes content.
    let _ = unsafe { madvise(base.as_ptr().cast(), len, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1, 4096)]
    #[case(4097, 4096)]
    #[case(2 << 20, HUGE)]
    #[case((5 << 20) + 1, HUGE)]
    fn it_is_aligned_zeroed_and_as_long_as_asked(#[case] len: u64, #[case] alignment: usize) {
        let mut mapping = Mapping::new(len).unwrap();
        assert_eq!(mapping.len() as u64, len);
        assert_eq!(mapping.as_ptr().align_offset(alignment), 0);
        assert!(mapping.iter().all(|byte| *byte == 0));
        mapping.fill(7);
        assert!(mapping.iter().all(|byte| *byte == 7));
    }

    #[rstest]
    #[case(0, ErrorKind::OutOfRange)]
    #[case(1 << 60, ErrorKind::Exhausted)]
    #[case(i64::MAX as u64, ErrorKind::Exhausted)]
    #[case(u64::MAX, ErrorKind::Exhausted)]
    fn absurd_lengths_are_errors(#[case] len: u64, #[case] kind: ErrorKind) {
        assert_eq!(Mapping::new(len).unwrap_err().kind(), kind);
    }
}
