//! The bytes of one region: what reads see and, for files, what a power cut leaves.
//!
//! Pages that nobody has touched hold bytes drawn from the seed, made when they are first needed,
//! so that a large region costs nothing until it is used; of a file that lasts they are zeros. A file's page is set aside when it is
//! first changed after a flush; that is all of the durable image that differs from the live one.

use crate::draw;
use std::collections::BTreeMap;
use std::ops::Range;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

const PAGE: usize = 4096;

/// What a page was when it was last durable.
#[derive(Debug)]
enum Durable {
    /// Never touched.
    Unwritten,
    Content(Box<[u8]>),
}

/// Bytes of a region.
#[derive(Debug)]
pub(crate) struct Image {
    bytes: Vec<u8>,
    /// By page: not touched yet.
    blank: Vec<bool>,
    /// Where the drawn bytes begin in their stream; without one they are zeros.
    stream: Option<u64>,
    /// Only of files: by page, changed since the last flush; and what those were.
    changed: Vec<bool>,
    durable: BTreeMap<usize, Durable>,
}

impl Image {
    /// `len` bytes of the stream from `stream`, or zeros.
    pub(crate) fn new(len: Bytes, stream: Option<u64>, file: bool) -> Result<Self> {
        let len = affordable(len)?;
        let pages = len.div_ceil(PAGE);
        Ok(Self {
            bytes: vec![0; len],
            blank: vec![true; pages],
            stream,
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

    /// Takes a file back to its durable image.
    pub(crate) fn revert(&mut self) {
        for (page, durable) in std::mem::take(&mut self.durable) {
            self.changed[page] = false;
            match durable {
                Durable::Unwritten => self.blank[page] = true,
                Durable::Content(content) => {
                    let range = self.page(page);
                    self.bytes[range].copy_from_slice(&content);
                }
            }
        }
    }

    /// Loses everything: all pages hold bytes of the stream from `stream`.
    pub(crate) fn lose(&mut self, stream: u64) {
        self.stream = Some(stream);
        self.blank.fill(true);
    }

    fn touch(&mut self, range: &Range<usize>) {
        for page in pages(range) {
            if self.blank[page] {
                self.blank[page] = false;
                let range = self.page(page);
                match self.stream {
                    Some(stream) => {
                        let start = stream.wrapping_add((page as u64) << 32);
                        draw::fill(&mut self.bytes[range], start);
                    }
                    None => self.bytes[range].fill(0),
                }
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
