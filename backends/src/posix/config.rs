//! What the operator decides about a [`Posix`](crate::Posix) backend.

use crate::files::rules::{DirectIo, FileLayout, FileRules};
use std::path::PathBuf;
use tierproof_core::{Error, ErrorKind, Result};

const THREADS_MAX: u32 = 256;
const IN_FLIGHT_PARTS_MAX: u32 = 65_536;

/// The settings of a [`Posix`](crate::Posix) backend.
///
/// ```
/// use tierproof_backends::{DirectIo, PosixConfig};
/// let config = PosixConfig { direct: DirectIo::Never, ..PosixConfig::new("/var/cache/kv") };
/// assert_eq!(config.threads, 4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosixConfig {
    /// An existing directory; nothing outside it is ever opened.
    pub root: PathBuf,
    /// Threads that read and write, 1 to 256.
    pub threads: u32,
    /// Parts between memory and files in flight at most, 1 to 65536.
    pub in_flight_parts_max: u32,
    /// Whether to go past the page cache.
    pub direct: DirectIo,
    /// How slots lie in files.
    pub layout: FileLayout,
    /// Whether files outlive their region. A later run reuses the room, not the content; for that there are
    /// files that [last](tierproof_core::FileRole::lasts), whatever this says.
    pub keep: bool,
}

impl PosixConfig {
    /// Four threads, 512 parts in flight, direct I/O where possible, slot files, removed when done.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            threads: 4,
            in_flight_parts_max: 512,
            direct: DirectIo::Auto,
            layout: FileLayout::SlotFile,
            keep: false,
        }
    }

    pub(crate) fn rules(&self) -> FileRules {
        FileRules { direct: self.direct, layout: self.layout, keep: self.keep }
    }

    pub(crate) fn examine(&self) -> Result<()> {
        let within = |name: &str, value: u32, max: u32| {
            if (1..=max).contains(&value) {
                return Ok(());
            }
            let context = format!("{name} is {value}: give 1 to {max}");
            Err(Error::new(ErrorKind::Config, context))
        };
        self.layout.examine()?;
        within("threads", self.threads, THREADS_MAX)?;
        within("in_flight_parts_max", self.in_flight_parts_max, IN_FLIGHT_PARTS_MAX)
    }
}
