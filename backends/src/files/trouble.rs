//! What can go wrong with a file, mapped to the public kinds in one place.

use rustix::io::Errno;
use std::path::Path;
use tierproof_core::{Error, ErrorKind, Fault, Refusal};

/// A failure below: of the system, or of a file that isn't what was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The system's own words.
    System(Errno),
    /// The file ends before the bytes do: somebody cut it.
    EndOfFile,
    /// The name leads to another file than the one that was made.
    Replaced,
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl Trouble {
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::EndOfFile => ErrorKind::Corrupt,
            Self::Replaced => ErrorKind::Unavailable,
            Self::System(errno) => kind_of(errno),
        }
    }

    /// The fault of a part. A file that ends too early has no whole trailer either.
    pub(crate) fn fault(self, checked: bool) -> Fault {
        match self {
            Self::EndOfFile if checked => Fault::from(Refusal::Torn),
            _ => Fault::new(self.kind()),
        }
    }

    /// The error of a call that was `doing` something with `path`.
    pub(crate) fn error(self, doing: &str, path: &Path) -> Error {
        let (path, remedy) = (path.display(), self.remedy());
        match self {
            Self::System(errno) => {
                Error::new(self.kind(), format!("{doing} {path}: {errno}{remedy}"))
                    .with_source(errno)
            }
            Self::EndOfFile => Error::new(
                self.kind(),
                format!("{doing} {path}: the file is shorter than what was made{remedy}"),
            ),
            Self::Replaced => Error::new(
                self.kind(),
                format!("{doing} {path}: it is not the file that was made{remedy}"),
            ),
        }
    }

    fn remedy(self) -> &'static str {
        match self.kind() {
            ErrorKind::Exhausted => ": free some room or use less",
            ErrorKind::Config => ": remove what is in the way or name another directory",
            ErrorKind::Unavailable => ": check that it exists and is ours to use",
            ErrorKind::Corrupt => ": keep other programs away from it",
            _ => "",
        }
    }
}

fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::NOMEM | Errno::MFILE | Errno::NFILE => {
            ErrorKind::Exhausted
        }
        Errno::NOENT | Errno::STALE | Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            ErrorKind::Unavailable
        }
        // The last is the answer to opening a socket.
        Errno::LOOP
        | Errno::XDEV
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::NAMETOOLONG
        | Errno::NXIO => ErrorKind::Config,
        Errno::NOSYS | Errno::OPNOTSUPP => ErrorKind::Unsupported,
        Errno::AGAIN | Errno::BUSY | Errno::TXTBSY => ErrorKind::Busy,
        _ => ErrorKind::Device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Errno::NOSPC, ErrorKind::Exhausted)]
    #[case(Errno::DQUOT, ErrorKind::Exhausted)]
    #[case(Errno::MFILE, ErrorKind::Exhausted)]
    #[case(Errno::IO, ErrorKind::Device)]
    #[case(Errno::INVAL, ErrorKind::Device)]
    #[case(Errno::ROFS, ErrorKind::Unavailable)]
    #[case(Errno::STALE, ErrorKind::Unavailable)]
    #[case(Errno::LOOP, ErrorKind::Config)]
    #[case(Errno::NXIO, ErrorKind::Config)]
    #[case(Errno::NOSYS, ErrorKind::Unsupported)]
    #[case(Errno::AGAIN, ErrorKind::Busy)]
    fn every_errno_has_one_kind(#[case] errno: Errno, #[case] kind: ErrorKind) {
        assert_eq!(Trouble::from(errno).kind(), kind);
        assert_eq!(Trouble::from(errno).fault(true), Fault::new(kind));
        let error = Trouble::from(errno).error("open", Path::new("/kv/a"));
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().starts_with("open /kv/a: "), "{error}");
    }

    #[test]
    fn a_file_that_ends_too_early_is_torn_where_a_trailer_was_expected() {
        assert_eq!(Trouble::EndOfFile.fault(true), Fault::from(Refusal::Torn));
        assert_eq!(Trouble::EndOfFile.fault(false), Fault::new(ErrorKind::Corrupt));
    }
}
