//! The operator's directory and everything beneath it; no name leads outside.

use super::trouble::Trouble;
use rustix::fs::{
    self, AtFlags, FileType, FlockOperation, Mode, OFlags, ResolveFlags, StatVfs, Statx, StatxFlags,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use tierproof_core::{Bytes, Error, ErrorKind, Result};

const DIRECTORY_LEN_MAX: usize = 1024;
const NAME_LEN_MAX: usize = 255;
/// How often a file that its former owner removes under our hands is opened anew.
const CLAIM_ATTEMPTS: u32 = 8;

/// The directory that the operator gave, opened once.
#[derive(Debug)]
pub(crate) struct Root(Directory);

/// A directory beneath the root.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// A file that was made and locked, or made beneath a lock.
#[derive(Debug)]
pub(crate) struct MadeFile {
    pub(crate) fd: OwnedFd,
    pub(crate) identity: Identity,
}

/// Which file a name led to. The number of a file that is gone names the next one, so its birth,
/// where the file system keeps it, is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    inode: u64,
    born: Option<(i64, u32)>,
}

/// Bytes of a file system: those that we may still use, and all there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) free: Bytes,
    pub(crate) all: Bytes,
}

impl Root {
    #[expect(clippy::disallowed_methods, reason = "the one name that the operator gives")]
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty())
            .map_err(|errno| Trouble::from(errno).error("open root directory", path))?;
        let root = Directory { fd, path: path.to_owned() };
        match root.enter(OsStr::new(".")) {
            Ok(_) => Ok(Self(root)),
            Err(Trouble::System(Errno::NOSYS)) => Err(Error::new(
                ErrorKind::Unsupported,
                "this system has no openat2, which confines names to the root: use Linux 5.6 or \
                 later, in a sandbox that permits the call",
            )),
            Err(trouble) => Err(trouble.error("resolve names beneath", path)),
        }
    }

    /// Opens `relative`, and makes what is missing of it with mode 0700.
    pub(crate) fn directory(&self, relative: &str) -> Result<Directory> {
        examine_directory(relative)?;
        let mut at = self.0.enter(OsStr::new(".")).map_err(|t| t.error("open", &self.0.path))?;
        for component in Path::new(relative).components() {
            let path = at.path.join(component);
            at = at.enter_or_make(component.as_os_str()).map_err(|t| t.error("open", &path))?;
        }
        Ok(at)
    }

    /// Makes the names in `relative` durable, and its own and those of all that it lies in.
    pub(crate) fn sync(&self, relative: &str) -> Result<()> {
        let mut at = self.0.enter(OsStr::new(".")).map_err(|t| t.error("open", &self.0.path))?;
        at.sync()?;
        for component in Path::new(relative).components() {
            let path = at.path.join(component);
            at = at.enter(component.as_os_str()).map_err(|t| t.error("open", &path))?;
            at.sync()?;
        }
        Ok(())
    }
}

/// A path from outside is plain names only, and short.
fn examine_directory(relative: &str) -> Result<()> {
    let refuse = |why: &str| {
        let shown: String = relative.chars().take(80).collect();
        let context = format!("directory {shown:?} {why}: give plain names beneath the root");
        Err(Error::new(ErrorKind::Config, context))
    };
    if relative.len() > DIRECTORY_LEN_MAX {
        return refuse("is too long");
    }
    if relative.contains('\0') {
        return refuse("has a NUL byte");
    }
    let path = Path::new(relative);
    if path.components().any(|component| !matches!(component, Component::Normal(_))) {
        return refuse("is absolute or has a . or .. in it");
    }
    if path.components().any(|component| component.as_os_str().len() > NAME_LEN_MAX) {
        return refuse("has a name that is too long");
    }
    Ok(())
}

fn confined() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
}

impl Directory {
    fn enter(&self, name: &OsStr) -> Result<Self, Trouble> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat2(&self.fd, name, flags, Mode::empty(), confined())?;
        let path = if name == "." { self.path.clone() } else { self.path.join(name) };
        Ok(Self { fd, path })
    }

    fn enter_or_make(&self, name: &OsStr) -> Result<Self, Trouble> {
        match fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => {
                let made = self.enter(name)?;
                // A umask may have taken rights away from us.
                fs::fchmod(&made.fd, Mode::RWXU)?;
                Ok(made)
            }
            Err(Errno::EXIST) => self.enter(name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The path of `name`, for messages only.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Bytes of this file system.
    pub(crate) fn room(&self) -> Result<Room, Trouble> {
        let StatVfs { f_bavail, f_blocks, f_frsize, .. } = fs::fstatvfs(&self.fd)?;
        let (free, all) = (f_bavail.saturating_mul(f_frsize), f_blocks.saturating_mul(f_frsize));
        Ok(Room { free, all })
    }

    /// Opens a file that was made before, and refuses another one of that name.
    pub(crate) fn reopen(
        &self,
        name: &str,
        made: Identity,
        direct: bool,
    ) -> Result<OwnedFd, Trouble> {
        let mut flags = OFlags::RDWR | OFlags::CLOEXEC;
        flags.set(OFlags::DIRECT, direct);
        let fd = fs::openat2(&self.fd, name, flags, Mode::empty(), confined())?;
        let stat = stat_open(&fd)?;
        let same = Identity::of(&stat) == made && is_ours(&stat);
        if same { Ok(fd) } else { Err(Trouble::Replaced) }
    }

    /// Makes `name`, and locks it until closed. What an earlier run left there is emptied, unless it lasts.
    pub(crate) fn make_locked(&self, name: &str, lasts: bool) -> Result<MadeFile> {
        let path = self.path_of(name);
        for _ in 0..CLAIM_ATTEMPTS {
            let fd = self.open_or_make(name)?;
            match fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => break,
                other => other.map_err(|errno| Trouble::from(errno).error("lock", &path))?,
            }
            // Whoever held the lock until now may have removed the file meanwhile.
            let stat = stat_open(&fd).map_err(|errno| Trouble::from(errno).error("stat", &path))?;
            if stat.stx_nlink > 0 {
                return self.claim(fd, name, lasts);
            }
        }
        let path = path.display();
        let context = format!(
            "{path} is locked: another process, or another backend of this one, keeps the blocks \
             of this rank, window and pool there; stop it, or use another directory or rank"
        );
        Err(Error::new(ErrorKind::Busy, context))
    }

    /// The same beneath a lock that stands for it.
    pub(crate) fn make(&self, name: &str, lasts: bool) -> Result<MadeFile> {
        let fd = self.open_or_make(name)?;
        self.claim(fd, name, lasts)
    }

    /// Makes the names in this directory durable.
    fn sync(&self) -> Result<()> {
        let synced = fs::fsync(&self.fd);
        synced.map_err(|errno| Trouble::from(errno).error("flush directory", &self.path))
    }

    fn open_or_make(&self, name: &str) -> Result<OwnedFd> {
        let path = self.path_of(name);
        // Links are refused by how names are resolved. `NOFOLLOW` would stay among the file's flags, and
        // cuFile refuses a file that has it.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        fs::openat2(&self.fd, name, flags | OFlags::NONBLOCK, mode, confined())
            .map_err(|errno| Trouble::from(errno).error("make", &path))
    }

    fn claim(&self, fd: OwnedFd, name: &str, lasts: bool) -> Result<MadeFile> {
        let path = self.path_of(name);
        let trouble = |errno| Trouble::from(errno).error("make", &path);
        let stat = stat_open(&fd).map_err(trouble)?;
        if !is_ours(&stat) {
            let path = path.display();
            let context = format!(
                "{path} is not a plain file of ours with one name: remove it or use another \
                 directory"
            );
            return Err(Error::new(ErrorKind::Config, context));
        }
        // It was for opening what may be a pipe, and would stay as well.
        fs::fcntl_setfl(&fd, OFlags::empty()).map_err(trouble)?;
        // Whatever the umask, or an earlier run's, made of it.
        fs::fchmod(&fd, Mode::RUSR | Mode::WUSR).map_err(trouble)?;
        if !lasts {
            fs::ftruncate(&fd, 0).map_err(trouble)?;
        }
        Ok(MadeFile { fd, identity: Identity::of(&stat) })
    }

    /// Removes what an earlier run left under `name`, if it is a plain file of ours. The caller
    /// holds a lock that stands for it.
    pub(crate) fn discard(&self, name: &str) {
        if self.stat(name).is_ok_and(|stat| is_ours(&stat)) {
            let _ = fs::unlinkat(&self.fd, name, AtFlags::empty());
        }
    }

    /// Removes `name` if it is still the file that was made. For `drop`: nobody is left to tell.
    pub(crate) fn remove(&self, name: &str, made: Identity) {
        if self.stat(name).is_ok_and(|stat| Identity::of(&stat) == made) {
            let _ = fs::unlinkat(&self.fd, name, AtFlags::empty());
        }
    }

    fn stat(&self, name: &str) -> rustix::io::Result<Statx> {
        fs::statx(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW, asked())
    }
}

impl Identity {
    fn of(stat: &Statx) -> Self {
        let known = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        let born = known.then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec));
        Self { inode: stat.stx_ino, born }
    }
}

fn asked() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME
}

fn stat_open(fd: impl AsFd) -> rustix::io::Result<Statx> {
    fs::statx(fd, "", AtFlags::EMPTY_PATH, asked())
}

fn is_ours(stat: &Statx) -> bool {
    FileType::from_raw_mode(stat.stx_mode.into()) == FileType::RegularFile
        && stat.stx_nlink == 1
        && stat.stx_uid == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn only_a_plain_file_of_our_own_with_one_name_is_ours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ours = stat_open(file.as_file()).unwrap();
        assert!(is_ours(&ours));
        let but = |change: fn(&mut Statx)| {
            let mut other = ours;
            change(&mut other);
            is_ours(&other)
        };
        assert!(!but(|stat| stat.stx_uid += 1), "another user's");
        assert!(!but(|stat| stat.stx_nlink = 2), "reached by two names");
        assert!(!but(|stat| stat.stx_nlink = 0), "removed");
        assert!(!but(|stat| stat.stx_mode ^= 0o110_000), "no plain file");
    }

    #[rstest]
    #[case("")]
    #[case("tenant-a")]
    #[case("a/b/c")]
    fn plain_names_are_accepted(#[case] directory: &str) {
        assert!(examine_directory(directory).is_ok());
    }

    #[rstest]
    #[case("/etc")]
    #[case("..")]
    #[case("a/../../b")]
    #[case("./a")]
    #[case("a\0b")]
    #[case(&"a".repeat(256))]
    #[case(&"a/".repeat(600))]
    fn everything_else_is_refused(#[case] directory: &str) {
        assert_eq!(examine_directory(directory).unwrap_err().kind(), ErrorKind::Config);
    }
}
