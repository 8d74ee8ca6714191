//! Ranges lent to transfers in flight: many readers or one writer of a byte, checked at run time.

use crate::memory::Mapping;
#[cfg(any(feature = "cuda", feature = "nixl"))]
use crate::sheets::Slab;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tierproof_core::{Bytes, Result};

/// Which ranges of one region are in use. Only what is in flight is listed, so a scan is cheap.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<Vec<Entry>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    start: Bytes,
    end: Bytes,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Claims {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something whose ranges can be claimed.
pub(crate) trait Claimed {
    fn claims(&self) -> &Claims;
}

/// The right to a range, until dropped.
#[derive(Debug)]
pub(crate) struct Claim<T: Claimed> {
    owner: Arc<T>,
    entry: Entry,
}

impl<T: Claimed> Claim<T> {
    /// `None` if the range is in use: by a writer, or by anybody when asked for writing.
    pub(crate) fn new(owner: &Arc<T>, range: Range<Bytes>, access: Access) -> Option<Self> {
        let entry = Entry { start: range.start, end: range.end, access };
        let mut entries = owner.claims().entries();
        let conflicts = |other: &Entry| {
            other.start.max(entry.start) < other.end.min(entry.end)
                && (other.access == Access::Write || access == Access::Write)
        };
        if entries.iter().any(conflicts) {
            return None;
        }
        entries.push(entry);
        drop(entries);
        Some(Self { owner: Arc::clone(owner), entry })
    }

    pub(crate) fn owner(&self) -> &T {
        &self.owner
    }

    /// A share of the owner, which then is not released.
    #[cfg(feature = "cuda")]
    pub(crate) fn shared(&self) -> Arc<T> {
        Arc::clone(&self.owner)
    }

    /// The first byte of the range.
    pub(crate) fn start(&self) -> Bytes {
        self.entry.start
    }
}

impl<T: Claimed> Claim<T> {
    /// How many bytes it is.
    #[cfg(feature = "cuda")]
    pub(crate) fn len(&self) -> usize {
        (self.entry.end - self.entry.start) as usize
    }

    /// The range.
    #[cfg(feature = "cuda")]
    pub(crate) fn range(&self) -> Range<Bytes> {
        self.entry.start..self.entry.end
    }
}

impl<T: Claimed> Drop for Claim<T> {
    fn drop(&mut self) {
        let mut entries = self.owner.claims().entries();
        if let Some(index) = entries.iter().position(|entry| *entry == self.entry) {
            entries.swap_remove(index);
        }
    }
}

/// Memory whose ranges are lent to threads one by one.
#[derive(Debug)]
pub(crate) struct Memory {
    // Dropped first: it is about the mapping.
    _preparation: Option<Box<dyn Preparation>>,
    mapping: Mapping,
    claims: Claims,
}

/// What was done to memory before its use, and is undone when dropped.
pub(crate) trait Preparation: std::fmt::Debug + Send + Sync {}

impl Claimed for Memory {
    fn claims(&self) -> &Claims {
        &self.claims
    }
}

#[cfg(any(feature = "cuda", feature = "nixl"))]
impl Slab for Memory {
    fn len(&self) -> Bytes {
        Memory::len(self)
    }
}

impl Memory {
    pub(crate) fn new(len: Bytes) -> Result<Arc<Self>> {
        let mapping = Mapping::new(len)?;
        Ok(Arc::new(Self { _preparation: None, mapping, claims: Claims::default() }))
    }

    /// Memory that something is done to first: its address and length.
    #[cfg(feature = "cuda")]
    pub(crate) fn prepared<P: Preparation + 'static>(
        len: Bytes,
        prepare: impl FnOnce(usize, usize) -> Result<P>,
    ) -> Result<Arc<Self>> {
        let mapping = Mapping::new(len)?;
        let preparation = Box::new(prepare(mapping.address(), mapping.len())?);
        let (preparation, claims) = (Some(preparation as Box<dyn Preparation>), Claims::default());
        Ok(Arc::new(Self { _preparation: preparation, mapping, claims }))
    }

    pub(crate) fn len(&self) -> Bytes {
        self.mapping.len() as Bytes
    }

    /// Where it begins, for those who move bytes below us.
    #[cfg(any(feature = "cuda", feature = "nixl"))]
    pub(crate) fn address(&self) -> usize {
        self.mapping.address()
    }

    fn holds(&self, range: &Range<Bytes>) -> bool {
        range.start <= range.end && range.end <= self.len()
    }
}

/// Bytes that nobody writes to as long as this lives.
#[derive(Debug)]
pub(crate) struct Lent(Claim<Memory>);

/// Bytes that nobody else reads or writes as long as this lives.
#[derive(Debug)]
pub(crate) struct LentMut(Claim<Memory>);

impl Lent {
    /// `None` outside the memory, or while a writer uses the range.
    pub(crate) fn new(memory: &Arc<Memory>, range: Range<Bytes>) -> Option<Self> {
        if !memory.holds(&range) {
            return None;
        }
        Claim::new(memory, range, Access::Read).map(Self)
    }

    /// Where the bytes are and how many, for those who read them below us while this lives.
    #[cfg(any(feature = "cuda", feature = "nixl"))]
    pub(crate) fn span(&self) -> Range<usize> {
        self.0.addresses()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` checked the range, and until the claim is dropped, which outlives the
        // answer, no claim to write to these bytes is given.
        unsafe { self.0.owner.mapping.shared(&self.0.span()) }
    }
}

impl LentMut {
    /// `None` outside the memory, or while anybody uses the range.
    pub(crate) fn new(memory: &Arc<Memory>, range: Range<Bytes>) -> Option<Self> {
        if !memory.holds(&range) {
            return None;
        }
        Claim::new(memory, range, Access::Write).map(Self)
    }

    /// Where the bytes are and how many, for those who write them below us while this lives.
    #[cfg(any(feature = "cuda", feature = "nixl"))]
    pub(crate) fn span(&mut self) -> Range<usize> {
        self.0.addresses()
    }

    /// How many bytes it is.
    #[cfg(feature = "cuda")]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `new` checked the range; until the claim is dropped no other claim to these
        // bytes is given, and `&mut self` excludes a second slice of this one.
        unsafe { self.0.owner.mapping.exclusive(&self.0.span()) }
    }
}

impl Claim<Memory> {
    /// The range as indices: it was checked against a mapping, so it fits.
    fn span(&self) -> Range<usize> {
        self.entry.start as usize..self.entry.end as usize
    }

    #[cfg(any(feature = "cuda", feature = "nixl"))]
    fn addresses(&self) -> Range<usize> {
        let (base, span) = (self.owner.address(), self.span());
        base + span.start..base + span.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let memory = Memory::new(100).unwrap();
        let reader = Lent::new(&memory, 10..20).unwrap();
        let other = Lent::new(&memory, 10..20).unwrap();
        assert!(LentMut::new(&memory, 19..30).is_none());
        drop(reader);
        assert!(LentMut::new(&memory, 19..30).is_none(), "one equal reader is still there");
        drop(other);
        let writer = LentMut::new(&memory, 19..30).unwrap();
        assert!(Lent::new(&memory, 29..31).is_none());
        assert!(Lent::new(&memory, 10..19).is_some());
        assert!(LentMut::new(&memory, 30..31).is_some());
        drop(writer);
        assert!(Lent::new(&memory, 29..31).is_some());
    }

    #[test]
    fn what_is_empty_disturbs_nobody() {
        let memory = Memory::new(100).unwrap();
        let writer = LentMut::new(&memory, 10..20).unwrap();
        assert!(LentMut::new(&memory, 15..15).is_some());
        let empty = LentMut::new(&memory, 30..30).unwrap();
        assert!(LentMut::new(&memory, 25..35).is_some());
        drop((writer, empty));
    }

    #[test]
    fn ranges_outside_are_not_lent() {
        let memory = Memory::new(100).unwrap();
        assert!(Lent::new(&memory, 99..101).is_none());
        assert!(LentMut::new(&memory, 0..u64::MAX).is_none());
        assert!(LentMut::new(&memory, 0..100).is_some());
    }

    #[test]
    fn a_writer_s_bytes_are_seen_by_the_next_reader() {
        let memory = Memory::new(100).unwrap();
        LentMut::new(&memory, 40..44).unwrap().bytes().copy_from_slice(b"kept");
        assert_eq!(Lent::new(&memory, 39..45).unwrap().bytes(), b"\0kept\0");
    }
}
