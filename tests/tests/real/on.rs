//! The backends that every trial runs on.

use crate::ground::Ground;
use rustix::process::geteuid;
use std::path::Path;
use tierproof_backends::{DirectIo, FileLayout, Posix, PosixConfig};
use tierproof_core::{Backend, Result};

/// A backend over files, and how it reaches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Past the page cache, where the file system takes it.
    Direct,
    Buffered,
    /// A file for each slot, opened for each transfer.
    PerSlot,
    #[cfg(feature = "nixl")]
    Nixl,
    #[cfg(feature = "nixl")]
    NixlBuffered,
}

impl On {
    pub(crate) const ALL: &[Self] = &[
        Self::Direct,
        Self::Buffered,
        Self::PerSlot,
        #[cfg(feature = "nixl")]
        Self::Nixl,
        #[cfg(feature = "nixl")]
        Self::NixlBuffered,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "posix",
            Self::Buffered => "posix_buffered",
            Self::PerSlot => "posix_file_per_slot",
            #[cfg(feature = "nixl")]
            Self::Nixl => "nixl_posix",
            #[cfg(feature = "nixl")]
            Self::NixlBuffered => "nixl_posix_buffered",
        }
    }

    /// Why it can't be had on that ground.
    pub(crate) fn missing(self, ground: Ground) -> Option<&'static str> {
        if !self.is_nixl() {
            None
        } else if !cfg!(nixl_here) {
            Some("NIXL is not here: run scripts/fetch-nixl")
        } else if ground == Ground::Small && !geteuid().is_root() {
            // A library in folders of nobody's is not loaded.
            Some("in this user's namespaces root's folders are nobody's")
        } else {
            None
        }
    }

    /// Whether a failure comes without the system's reason.
    pub(crate) fn is_nixl(self) -> bool {
        !matches!(self, Self::Direct | Self::Buffered | Self::PerSlot)
    }

    /// Whether files are reached past the page cache.
    pub(crate) fn is_direct(self) -> bool {
        match self {
            Self::Direct | Self::PerSlot => true,
            Self::Buffered => false,
            #[cfg(feature = "nixl")]
            Self::Nixl => true,
            #[cfg(feature = "nixl")]
            Self::NixlBuffered => false,
        }
    }

    pub(crate) fn has_a_file_for_each_slot(self) -> bool {
        self == Self::PerSlot
    }

    pub(crate) fn open(self, root: &Path) -> Result<Box<dyn Backend>> {
        let posix = |direct, layout| -> Result<Box<dyn Backend>> {
            Ok(Box::new(Posix::open(PosixConfig { direct, layout, ..PosixConfig::new(root) })?))
        };
        #[cfg(feature = "nixl")]
        let nixl = |direct| -> Result<Box<dyn Backend>> {
            use tierproof_backends::{NixlConfig, NixlPosix};
            Ok(Box::new(NixlPosix::open(NixlConfig { direct, ..NixlConfig::new(root) })?))
        };
        match self {
            Self::Direct => posix(DirectIo::Auto, FileLayout::SlotFile),
            Self::Buffered => posix(DirectIo::Never, FileLayout::SlotFile),
            Self::PerSlot => posix(DirectIo::Auto, FileLayout::FilePerSlot),
            #[cfg(feature = "nixl")]
            Self::Nixl => nixl(DirectIo::Auto),
            #[cfg(feature = "nixl")]
            Self::NixlBuffered => nixl(DirectIo::Never),
        }
    }
}
