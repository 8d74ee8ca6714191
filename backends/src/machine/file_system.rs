//! The file system of a directory: what it is, how much room it has, and whether it takes direct I/O.

use super::mount::Mount;
use crate::files::io::probe_direct;
use crate::files::root::{MadeFile, Root};
use rustix::fs::{AtFlags, FallocateFlags, StatxFlags, fallocate, statx};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

const PROBE: &str = "tierproof-probe";
const PROBE_LEN: Bytes = 64 << 10;

/// What a directory's file system is and can do.
///
/// ```
/// use tierproof_backends::machine::FileSystem;
/// # let directory = tempfile::tempdir().unwrap();
/// let found = FileSystem::of(directory.path())?;
/// println!("{} with {} bytes free", found.kind, found.free);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Its type, such as `ext4`.
    pub kind: String,
    /// What is mounted, such as `/dev/vda`.
    pub source: String,
    /// Bytes that we may still use.
    pub free: Bytes,
    /// All bytes there are.
    pub all: Bytes,
    /// Whether files can be reached past the page cache.
    pub direct: DirectAccess,
}

/// What came of one aligned write and read with `O_DIRECT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectAccess {
    /// It works.
    Works {
        /// What addresses must be a multiple of, where the kernel says so.
        memory: Option<u32>,
        /// What offsets and lengths must be a multiple of, where the kernel says so.
        offset: Option<u32>,
    },
    /// The system's own words.
    Refused(String),
}

impl FileSystem {
    /// Asks about `directory`. A file `tierproof-probe` is made in it and removed again.
    ///
    /// # Errors
    /// `Unavailable` if there is no such directory or none can be written, `Exhausted` if it is
    /// full, `Busy` while another probe runs in it.
    pub fn of(directory: &Path) -> Result<Self> {
        let unreadable = |what: &Path, error: std::io::Error| {
            let context = format!("{}: it can't be looked at: {error}", what.display());
            Error::new(ErrorKind::Unavailable, context).with_source(error)
        };
        let real = directory.canonicalize().map_err(|error| unreadable(directory, error))?;
        let mounts = Path::new("/proc/self/mountinfo");
        let text = std::fs::read(mounts).map_err(|error| unreadable(mounts, error))?;
        let unknown = || ("unknown".to_owned(), "unknown".to_owned());
        let mount = Mount::holding(&real, &text);
        let (kind, source) = mount.map_or_else(unknown, |mount| (mount.file_system, mount.source));
        let folder = Root::open(&real)?.directory("")?;
        let room = folder.room().map_err(|trouble| trouble.error("ask the room of", &real))?;
        let MadeFile { fd, identity } = folder.make_locked(PROBE, false)?;
        let direct = try_direct(fd.as_fd());
        folder.remove(PROBE, identity);
        Ok(Self { kind, source, free: room.free, all: room.all, direct: direct? })
    }
}

fn try_direct(file: BorrowedFd<'_>) -> Result<DirectAccess> {
    // Slot files have their room before they are written, so this one too; without it the page
    // that is written makes room itself.
    let _ = fallocate(file, FallocateFlags::empty(), 0, PROBE_LEN);
    let told = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN);
    let told = told.ok().filter(|stat| stat.stx_mask & StatxFlags::DIOALIGN.bits() != 0);
    let known = |value: u32| Some(value).filter(|&value| value > 0);
    Ok(match probe_direct(file)? {
        Ok(()) => DirectAccess::Works {
            memory: told.and_then(|stat| known(stat.stx_dio_mem_align)),
            offset: told.and_then(|stat| known(stat.stx_dio_offset_align)),
        },
        Err(errno) => DirectAccess::Refused(errno.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_a_type_and_room_and_is_left_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let found = FileSystem::of(directory.path()).unwrap();
        assert_ne!(found.kind, "unknown");
        assert!(found.free > 0 && found.free <= found.all, "{found:?}");
        if let DirectAccess::Works { memory, offset } = found.direct {
            for alignment in [memory, offset].into_iter().flatten() {
                assert!(alignment.is_power_of_two() && alignment <= 4096, "{alignment}");
            }
        }
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_directory_or_takes_no_file_is_told() {
        let error = FileSystem::of(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(FileSystem::of(Path::new("/proc")).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(FileSystem::of(file.path()).unwrap_err().kind(), ErrorKind::Config);
    }
}
