//! Whether nobody but root and us could have written a file: what is loaded runs with our rights.

use rustix::fs::{FileType, Mode, stat};
use rustix::process::{getegid, geteuid, getgid, getuid};
use std::path::{Path, PathBuf};
use tierproof_core::{Error, ErrorKind, Result};

/// Whether we run with other rights than those of who started us, who then must not choose what is
/// loaded.
pub(super) fn privileged() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// The real path of a file that only root and we can have written, named by folders that only root
/// and we can change.
pub(super) fn vet(path: &Path) -> Result<PathBuf> {
    let real = path.canonicalize().map_err(|error| {
        let context = format!("{}: it can't be looked at", path.display());
        Error::new(ErrorKind::Unavailable, context).with_source(error)
    })?;
    real.ancestors().try_for_each(refuse)?;
    Ok(real)
}

/// The same of every file in a folder, since a library loads others beside it.
pub(super) fn vet_folder(folder: &Path) -> Result<()> {
    let unreadable = |error| {
        let context = format!("{}: it can't be read", folder.display());
        Error::new(ErrorKind::Unavailable, context).with_source(error)
    };
    let folder = vet(folder)?;
    for entry in folder.read_dir().map_err(unreadable)? {
        vet(&entry.map_err(unreadable)?.path())?;
    }
    Ok(())
}

fn refuse(at: &Path) -> Result<()> {
    let Some(why) = distrust(at)? else { return Ok(()) };
    let context = format!(
        "NIXL is not loaded: {} {why}. Take the right away (chmod o-w, chown), or install it \
         elsewhere",
        at.display()
    );
    Err(Error::new(ErrorKind::Config, context))
}

/// Why a file or folder is not to be trusted. Others may add to a sticky folder, but not replace
/// what is not theirs.
fn distrust(path: &Path) -> Result<Option<&'static str>> {
    let stat = stat(path).map_err(|errno| {
        let context = format!("{}: it can't be looked at: {errno}", path.display());
        Error::new(ErrorKind::Unavailable, context).with_source(errno)
    })?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if mode.contains(Mode::WOTH) && !(folder && mode.contains(Mode::SVTX)) {
        return Ok(Some("can be written by everybody"));
    }
    let ours = stat.st_uid == 0 || stat.st_uid == geteuid().as_raw();
    Ok((!ours).then_some("belongs to another user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::chmod;

    fn allow(path: &Path, mode: u32) {
        chmod(path, Mode::from_raw_mode(mode)).unwrap();
    }

    #[test]
    fn what_everybody_can_write_is_refused_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let file = inner.join("lib.so");
        std::fs::write(&file, "").unwrap();
        for path in [folder.path(), &inner] {
            allow(path, 0o755);
        }
        allow(&file, 0o644);
        assert_eq!(vet(&file).unwrap(), file.canonicalize().unwrap());
        for (path, open, closed) in
            [(file.as_path(), 0o646, 0o644), (&inner, 0o757, 0o755), (folder.path(), 0o757, 0o755)]
        {
            allow(path, open);
            let error = vet(&file).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains(&format!("{} can be written", path.display())), "{text}");
            assert!(text.contains("chmod o-w"), "{text}");
            allow(path, closed);
        }
        allow(&inner, 0o1777);
        assert!(vet(&file).is_ok(), "nobody else can replace what lies in a sticky folder");
    }

    #[test]
    fn what_lies_beside_a_library_counts_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libother.so");
        std::fs::write(&file, "").unwrap();
        assert!(vet_folder(folder.path()).is_ok());
        allow(&file, 0o666);
        let error = vet_folder(folder.path()).unwrap_err();
        assert!(error.to_string().contains("libother.so can be written"), "{error}");
    }

    /// A link is followed first: what counts is what would be loaded.
    #[test]
    fn a_link_to_what_everybody_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("lib.so"), folder.path().join("link.so"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        allow(&file, 0o666);
        assert_eq!(vet(&link).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn what_is_not_there_is_unavailable() {
        assert_eq!(
            vet(Path::new("/nonexistent/lib.so")).unwrap_err().kind(),
            ErrorKind::Unavailable
        );
    }
}
