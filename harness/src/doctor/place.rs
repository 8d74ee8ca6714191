//! The directory that is examined, and a scratch one in it for all that is written.

use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};
use tierproof_core::{Error, ErrorKind, Result};

/// Where files are tried.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory that was asked for, or the scratch one itself.
    pub(crate) directory: PathBuf,
    scratch: TempDir,
}

impl Place {
    /// A scratch directory in `directory`, or where temporary files go. It is removed with `self`.
    pub(crate) fn prepare(directory: Option<&Path>) -> Result<Self> {
        let scratch = Builder::new().prefix("tierproof-doctor-").to_owned();
        let Some(directory) = directory else {
            let scratch = scratch.tempdir().map_err(|error| {
                let context = "no temporary directory can be made: give DIR";
                Error::new(ErrorKind::Unavailable, context).with_source(error)
            })?;
            return Ok(Self { directory: scratch.path().to_owned(), scratch });
        };
        let shown = directory.display();
        let stat = std::fs::metadata(directory).map_err(|error| {
            let context = format!("{shown}: it can't be looked at");
            Error::new(ErrorKind::Unavailable, context).with_source(error)
        })?;
        if !stat.is_dir() {
            return Err(Error::new(ErrorKind::Config, format!("{shown}: it is no directory")));
        }
        let scratch = scratch.tempdir_in(directory).map_err(|error| {
            let context = format!("{shown}: nothing can be written in it");
            Error::new(ErrorKind::Unavailable, context).with_source(error)
        })?;
        Ok(Self { directory: directory.to_owned(), scratch })
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_left_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::prepare(Some(directory.path())).unwrap();
        assert!(place.scratch().starts_with(directory.path()) && place.scratch().is_dir());
        assert_eq!(place.directory, directory.path());
        drop(place);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        assert!(Place::prepare(None).unwrap().scratch().is_dir());
    }

    #[test]
    fn what_takes_no_files_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = |path: &Path| {
            let error = Place::prepare(Some(path)).unwrap_err();
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            error.kind()
        };
        assert_eq!(refused(Path::new("/nonexistent")), ErrorKind::Unavailable);
        assert_eq!(refused(file.path()), ErrorKind::Config);
        assert_eq!(refused(Path::new("/proc")), ErrorKind::Unavailable);
    }
}
