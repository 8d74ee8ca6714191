//! What the operator decides about files through NIXL.

use crate::files::rules::{DirectIo, FileLayout, FileRules};
use std::path::PathBuf;
use tierproof_core::{Error, ErrorKind, Result};

const IN_FLIGHT_PARTS_MAX: u32 = 1024;

/// The settings of a [`Nixl`](crate::Nixl) backend.
///
/// ```
/// use tierproof_backends::{DirectIo, NixlConfig};
/// let config = NixlConfig { direct: DirectIo::Never, ..NixlConfig::new("/var/cache/kv") };
/// assert_eq!(config.in_flight_parts_max, 512);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NixlConfig {
    /// An existing directory; nothing outside it is ever opened.
    pub root: PathBuf,
    /// The library or the folder of its installation. `None` for what `TIERPROOF_NIXL` names, then
    /// where `scripts/fetch-nixl` puts it, then `/opt/nvidia/nvda_nixl`.
    pub library: Option<PathBuf>,
    /// Parts between memory and files in flight at most, 1 to 1024.
    pub in_flight_parts_max: u32,
    /// Whether to go past the page cache.
    pub direct: DirectIo,
    /// How slots lie in files, each of which is registered once and stays open: a file for each slot would need
    /// too many and is refused.
    pub layout: FileLayout,
    /// Whether files outlive their region. A later run reuses the room, not the content.
    pub keep: bool,
    /// The GPU whose memory device regions are in, counted from 0; with the feature `gds`. `None` for host
    /// memory in its stead, which `gds` and `gds_mt` refuse.
    pub gpu: Option<u32>,
}

impl NixlConfig {
    /// The library where it is found, 512 parts in flight, direct I/O where possible, one slot
    /// file, removed when done, no GPU.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            library: None,
            in_flight_parts_max: 512,
            direct: DirectIo::Auto,
            layout: FileLayout::SlotFile,
            keep: false,
            gpu: None,
        }
    }

    pub(super) fn rules(&self) -> FileRules {
        FileRules { direct: self.direct, layout: self.layout, keep: self.keep }
    }

    pub(super) fn examine(&self) -> Result<()> {
        self.layout.examine()?;
        if self.layout == FileLayout::FilePerSlot {
            let context = "a file for each slot can't stay registered with NIXL: take slot files";
            return Err(Error::new(ErrorKind::Config, context));
        }
        let parts = self.in_flight_parts_max;
        if (1..=IN_FLIGHT_PARTS_MAX).contains(&parts) {
            return Ok(());
        }
        let context = format!("in_flight_parts_max is {parts}: give 1 to {IN_FLIGHT_PARTS_MAX}");
        Err(Error::new(ErrorKind::Config, context))
    }
}
