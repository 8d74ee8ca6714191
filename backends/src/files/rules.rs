//! How the slots of a region are kept in files.

use tierproof_core::{Error, ErrorKind, Fallback, Result, TransferMode};

/// Whether files are read and written past the page cache (`O_DIRECT`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DirectIo {
    /// Where the file system takes it; elsewhere buffered, said as a
    /// [`Fallback`](tierproof_core::Fallback).
    #[default]
    Auto,
    /// Or not at all: a file system that refuses it is an `Unsupported` error.
    Required,
    /// Never: through the page cache.
    Never,
}

/// How the slots of a region lie in files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileLayout {
    /// All in one preallocated file, `rank{r}_window{w}_pool{p}.slots`, that stays open.
    #[default]
    SlotFile,
    /// In so many of these (the others end in `.slots.1` and so on), a few MiB of consecutive slots in each,
    /// round and round. A file system lets one writer at a time into the page cache of a file, so threads
    /// that write past each other need files of their own. A part stays within its slot.
    Striped {
        /// How many, 1 to 256.
        files: u32,
    },
    /// Each in a preallocated file of its own, `rank{r}_window{w}_block_{slot}_pool_{p}.bin`,
    /// opened for each transfer. A lock file `rank{r}_window{w}_pool{p}.lock` stays open.
    FilePerSlot,
}

impl FileLayout {
    const FILES_MAX: u32 = 256;

    /// Files of a region that stay open, besides a lock.
    pub(crate) fn files(self) -> u32 {
        match self {
            Self::SlotFile => 1,
            Self::Striped { files } => files,
            Self::FilePerSlot => 0,
        }
    }

    pub(crate) fn examine(self) -> Result<()> {
        match self {
            Self::Striped { files } if !(1..=Self::FILES_MAX).contains(&files) => {
                let context = format!("{files} files for the slots: give 1 to {}", Self::FILES_MAX);
                Err(Error::new(ErrorKind::Config, context))
            }
            _ => Ok(()),
        }
    }
}

/// Says so, once, where a request asked for files to be reached by the device itself, and a backend
/// without one did something `instead`.
pub(crate) fn note_mode(
    mode: TransferMode,
    instead: &str,
    reason: &str,
    known: &mut Vec<Fallback>,
) {
    if mode == TransferMode::Gds {
        let wanted = "files read and written by the device itself (gds)";
        Fallback::new(wanted, instead, reason).note(known);
    }
}

/// What a region's files are made by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileRules {
    pub(crate) direct: DirectIo,
    pub(crate) layout: FileLayout,
    /// Whether files outlive their region.
    pub(crate) keep: bool,
}
