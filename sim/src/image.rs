//! The bytes of one region: what reads see and, for files, what a power cut leaves.
//!
//! Pages that nobody has touched hold what lies unwritten there, made when they are first needed,
//! so that a large region costs nothing until it is used. A file's page is set aside when it is
//! first changed after a flush; that is all of the durable image that differs from the live one.

use crate::poison::{Leftover, Poison};
use std::collections::BTreeMap;
use std::ops::Range;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

const PAGE: usize = 4096;
/// What a device writes whole or not at all.
pub(crate) const SECTOR: usize = 512;

/// What a region holds before it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unwritten {
    /// Bytes that say whose they are, from the region's start.
    Poison(Poison, Leftover),
    /// Zeros, as a new file's.
    Zeros,
}

impl Unwritten {
    /// What lies at `offset`.
    fn fill(self, bytes: &mut [u8], offset: Bytes) {
        match self {
            Self::Poison(poison, start) => poison.fill(bytes, Leftover { offset, ..start }),
            Self::Zeros => bytes.fill(0),
        }
    }
}

/// What a page was when it was last durable.
#[derive(Debug, Clone)]
enum Durable {
    /// Never touched.
    Unwritten,
    Content(Box<[u8]>),
}

/// Bytes of a region.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    bytes: Vec<u8>,
    /// By page: not touched yet.
    blank: Vec<bool>,
    unwritten: Unwritten,
    /// Only of files: by page, changed since the last flush; and what those were.
    changed: Vec<bool>,
    durable: BTreeMap<usize, Durable>,
}

impl Image {
    /// `len` unwritten bytes.
    pub(crate) fn new(len: Bytes, unwritten: Unwritten, file: bool) -> Result<Self> {
        let len = affordable(len)?;
        let pages = len.div_ceil(PAGE);
        Ok(Self {
            bytes: vec![0; len],
            blank: vec![true; pages],
            unwritten,
            changed: vec![false; if file { pages } else { 0 }],
            durable: BTreeMap::new(),
        })
    }

    /// Makes a file that lasts longer by zeros, or shorter. That is durable at once, as a journal would have it.
    pub(crate) fn resize(&mut self, len: Bytes) -> Result<()> {
        let len = affordable(len)?;
        let pages = len.div_ceil(PAGE);
        if let Some(cut) = len.checked_rem(PAGE).filter(|&cut| cut > 0)
            && len < self.bytes.len()
            && !self.blank[pages - 1]
        {
            // What is cut off the last page is zero if it comes back.
            let last = self.page(pages - 1);
            self.bytes[last][cut..].fill(0);
        }
        self.bytes.resize(len, 0);
        self.blank.resize(pages, true);
        self.changed.resize(pages, false);
        self.durable.retain(|&page, _| page < pages);
        for (&page, durable) in &mut self.durable {
            if let Durable::Content(content) = durable {
                let range = page * PAGE..len.min((page + 1) * PAGE);
                let mut bytes = std::mem::take(content).into_vec();
                bytes.resize(range.len(), 0);
                *content = bytes.into();
            }
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> Bytes {
        self.bytes.len() as Bytes
    }

    /// The bytes of `range`, to read.
    pub(crate) fn read(&mut self, range: Range<usize>) -> &[u8] {
        self.touch(&range);
        &self.bytes[range]
    }

    /// The bytes of `range`, to write.
    pub(crate) fn write(&mut self, range: Range<usize>) -> &mut [u8] {
        self.note_change(&range);
        self.touch(&range);
        &mut self.bytes[range]
    }

    /// Two disjoint ranges, the first to read and the second to write.
    pub(crate) fn read_and_write(
        &mut self,
        source: Range<usize>,
        target: Range<usize>,
    ) -> (&[u8], &mut [u8]) {
        self.touch(&source);
        self.note_change(&target);
        self.touch(&target);
        if target.is_empty() {
            (&self.bytes[source], &mut [])
        } else if source.is_empty() {
            (&[], &mut self.bytes[target])
        } else if source.start < target.start {
            let (low, high) = self.bytes.split_at_mut(target.start);
            (&low[source], &mut high[..target.len()])
        } else {
            let (low, high) = self.bytes.split_at_mut(source.start);
            (&high[..source.len()], &mut low[target])
        }
    }

    /// Makes the live image of a file the durable one.
    pub(crate) fn flush(&mut self) {
        for &page in self.durable.keys() {
            self.changed[page] = false;
        }
        self.durable.clear();
    }

    /// Takes a file back to its durable image, but for sectors that are `new`; what it holds
    /// then is durable.
    pub(crate) fn revert(&mut self, new: impl Fn(usize) -> bool) {
        for (page, durable) in std::mem::take(&mut self.durable) {
            self.changed[page] = false;
            let range = self.page(page);
            let sectors = range.start / SECTOR..range.end.div_ceil(SECTOR);
            if matches!(durable, Durable::Unwritten) && !sectors.clone().any(&new) {
                self.blank[page] = true;
                continue;
            }
            let mut old = vec![0; range.len()];
            match durable {
                Durable::Unwritten => self.unwritten.fill(&mut old, range.start as Bytes),
                Durable::Content(content) => old.copy_from_slice(&content),
            }
            for lost in sectors.filter(|&sector| !new(sector)) {
                let sector = lost * SECTOR..range.end.min((lost + 1) * SECTOR);
                let from = sector.start - range.start..sector.end - range.start;
                self.bytes[sector].copy_from_slice(&old[from]);
            }
        }
    }

    /// Loses everything: all pages are unwritten.
    pub(crate) fn lose(&mut self, unwritten: Unwritten) {
        self.unwritten = unwritten;
        self.blank.fill(true);
    }

    fn touch(&mut self, range: &Range<usize>) {
        for page in pages(range) {
            if self.blank[page] {
                self.blank[page] = false;
                let range = self.page(page);
                let offset = range.start as Bytes;
                self.unwritten.fill(&mut self.bytes[range], offset);
            }
        }
    }

    fn note_change(&mut self, range: &Range<usize>) {
        if self.changed.is_empty() {
            return;
        }
        for page in pages(range) {
            if !self.changed[page] {
                self.changed[page] = true;
                let durable = if self.blank[page] {
                    Durable::Unwritten
                } else {
                    Durable::Content(self.bytes[self.page(page)].into())
                };
                self.durable.insert(page, durable);
            }
        }
    }

    fn page(&self, page: usize) -> Range<usize> {
        page * PAGE..self.bytes.len().min((page + 1) * PAGE)
    }
}

/// A length that there is memory for.
fn affordable(len: Bytes) -> Result<usize> {
    let exhausted = || {
        let context = format!("no memory for a region of {len} bytes: allocate less");
        Error::new(ErrorKind::Exhausted, context)
    };
    let len = usize::try_from(len).map_err(|_| exhausted())?;
    // A failed `vec!` would end the process, so first ask whether there is that much.
    Vec::<u8>::new().try_reserve_exact(len).map_err(|_| exhausted())?;
    Ok(len)
}

/// The pages that `range` touches.
fn pages(range: &Range<usize>) -> Range<usize> {
    if range.is_empty() { 0..0 } else { range.start / PAGE..range.end.div_ceil(PAGE) }
}
