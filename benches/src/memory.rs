//! Plain memory like the backends': aligned for direct I/O and on huge pages, so that a copy
//! between two of these costs what it costs there.

use memmap2::{Advice, MmapMut};
use std::ops::{Deref, DerefMut};

const HUGE: usize = 2 << 20;

/// Bytes that start at a multiple of 2 MiB, every page of them touched.
#[derive(Debug)]
pub struct PlainMemory {
    map: MmapMut,
    start: usize,
    len: usize,
}

impl PlainMemory {
    /// `len` bytes of anything.
    ///
    /// # Panics
    /// Without that much memory.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let map = MmapMut::map_anon(len + HUGE).expect("enough memory");
        // A kernel without huge pages refuses, to the backends too.
        let _ = map.advise(Advice::HugePage);
        let start = map.as_ptr().align_offset(HUGE);
        let mut memory = Self { map, start, len };
        memory.fill(0x5a);
        memory
    }
}

impl Deref for PlainMemory {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.map[self.start..][..self.len]
    }
}

impl DerefMut for PlainMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.start..][..self.len]
    }
}
