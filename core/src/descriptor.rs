//! Where bytes are: media, the regions a backend owns on them, and ranges of a region.

use crate::units::Bytes;

/// A kind of place for bytes. Every tier lives on one medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediumKind {
    /// Accelerator memory, or what stands for it.
    Device,
    /// Host memory, pinned where that means something.
    Host,
    /// A file, or what stands for it.
    File,
}

impl MediumKind {
    /// All media, in tier order.
    pub const ALL: [Self; 3] = [Self::Device, Self::Host, Self::File];
}

/// What to allocate a region on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// Memory of accelerator number `ordinal`.
    Device {
        /// Which accelerator, counted from 0.
        ordinal: u32,
    },
    /// Host memory.
    Host,
    /// A file beneath the root that the operator gave the backend.
    File(FileMedium),
}

impl Medium {
    /// Which kind of place this is.
    #[must_use]
    pub fn kind(&self) -> MediumKind {
        match self {
            Self::Device { .. } => MediumKind::Device,
            Self::Host => MediumKind::Host,
            Self::File(_) => MediumKind::File,
        }
    }
}

/// What a file is to the next process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRole {
    /// Slots that mean nothing to it: what an earlier process left there is emptied.
    #[default]
    Scratch,
    /// Slots that it may find again: what is there stays, what is new is zeros, and the file stays when
    /// the region is released.
    Lasting,
    /// What a process needs to find lasting slots again, one for each (directory, rank, window): kept in the
    /// same way, and not even made longer until something is written there, since it may be somebody else's.
    /// It is filled and peeked in whole pages, and no transfer touches it.
    Index,
}

impl FileRole {
    /// Whether the content outlives the process.
    #[must_use]
    pub fn lasts(self) -> bool {
        self != Self::Scratch
    }
}

/// The slots of one (directory, rank, window, pool). The backend derives every file name from
/// these numbers, so files of two windows, ranks or pools can't collide; only `directory` comes
/// from outside, and it is resolved beneath the operator's root and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileMedium {
    /// Relative to the operator's root; empty for the root itself.
    pub directory: String,
    /// The process's rank in its tensor-parallel group.
    pub rank: u32,
    /// The window's attention size in tokens.
    pub window: u32,
    /// The pool's index in its window; 0 for an index, which is about all of them.
    pub pool: u32,
    /// What it is to the next process.
    pub role: FileRole,
    /// Bytes from one slot to the next. A backend may keep each slot in a file of its own.
    pub stride: Bytes,
}

/// Names a region of one backend. Never reused while that backend lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u32);

/// `len` bytes from `offset` in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Descriptor {
    /// The region.
    pub region: RegionId,
    /// Bytes from the region's start.
    pub offset: Bytes,
    /// Length in bytes.
    pub len: Bytes,
}

impl Descriptor {
    /// The first byte after the range, or `None` beyond 64 bits.
    #[must_use]
    pub const fn end(&self) -> Option<Bytes> {
        self.offset.checked_add(self.len)
    }

    /// Whether the range lies inside a region of `region_len` bytes.
    #[must_use]
    pub const fn fits(&self, region_len: Bytes) -> bool {
        matches!(self.end(), Some(end) if end <= region_len)
    }
}
