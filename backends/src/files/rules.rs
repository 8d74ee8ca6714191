//! How the slots of a region are kept in files.

use tierproof_core::{Fallback, TransferMode};

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
    /// Each in a preallocated file of its own, `rank{r}_window{w}_block_{slot}_pool_{p}.bin`,
    /// opened for each transfer. A lock file `rank{r}_window{w}_pool{p}.lock` stays open.
    FilePerSlot,
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
