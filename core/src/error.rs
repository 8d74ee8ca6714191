//! The one public error: a kind to match on, a context to read, a source to follow.

use std::fmt;

/// What went wrong, coarse enough to decide what to do about it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Something needed is not here: a library, a device, a file.
    Unavailable,
    /// It is here and cannot do this.
    Unsupported,
    /// A setting is invalid by itself or beside another.
    Config,
    /// An index, offset or length points outside what it belongs to.
    OutOfRange,
    /// An address, offset or length is not a multiple of what the device needs.
    Misaligned,
    /// No room: blocks, slots, space, descriptors.
    Exhausted,
    /// In use now; the same call may succeed later.
    Busy,
    /// The deadline passed first.
    TimedOut,
    /// Bytes are not the bytes that were stored.
    Corrupt,
    /// The device or the system reported a failure.
    Device,
}

/// An error that a caller or a device can cause. A bug of our own is a panic.
///
/// ```
/// use tierproof_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Config, "tokens_per_block is 0: give at least 1");
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(error.to_string(), "tokens_per_block is 0: give at least 1");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// [`std::result::Result`] with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says what, where and what to do.
    #[must_use]
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind to match on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
