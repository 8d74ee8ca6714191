//! cuFile's library, as the GDS plugins would find it.

use super::library::{installed, locate};
use super::vet::{privileged, vet};
use libloading::Library;
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use tierproof_core::{Error, ErrorKind, Result};

const NAME: &str = "libcufile.so.0";

/// The library below the GDS plugins.
///
/// ```no_run
/// let cufile = tierproof_backends::CuFileLibrary::find(None)?;
/// println!("cuFile {} at {}", cufile.version, cufile.path.display());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CuFileLibrary {
    /// Its real path.
    pub path: PathBuf,
    /// Its version, such as `1.15.1`.
    pub version: String,
}

/// What every call of cuFile's answers.
#[repr(C)]
struct Status {
    cufile: c_int,
    cuda: c_int,
}

type GetVersion = unsafe extern "C" fn(*mut c_int) -> Status;

impl CuFileLibrary {
    /// The one that this process has loaded already, or that a plugin of NIXL's would load: from
    /// `LD_LIBRARY_PATH`, from beside NIXL's own libraries, from where the system keeps libraries.
    /// It stays loaded, as it does below a plugin. `library` as in
    /// [`NixlConfig`](crate::NixlConfig).
    ///
    /// # Errors
    /// `Unavailable` if there is none, or it can't be loaded or asked; `Config` if others can write
    /// to one that lies beside NIXL.
    pub fn find(library: Option<&Path>) -> Result<Self> {
        let name = match place(library)? {
            Some(path) => path,
            None => PathBuf::from(NAME),
        };
        // SAFETY: loading runs the library's initialisers. It is the very file that NIXL's GDS
        // plugins load in this process: loaded already, vetted, or chosen by the system's loader.
        let loaded = unsafe { Library::new(&name) }.map_err(|error| {
            let context = format!("{}: the system can't load it", name.display());
            Error::new(ErrorKind::Unavailable, context).with_source(error)
        })?;
        let loaded: &'static Library = Box::leak(Box::new(loaded));
        let path = loaded_already().unwrap_or(name);
        let unusable =
            |why: String| Error::new(ErrorKind::Unavailable, format!("{}: {why}", path.display()));
        // SAFETY: the type is that of `cufile.h`, and the library stays loaded.
        let ask = unsafe { loaded.get::<GetVersion>("cuFileGetVersion") };
        let ask = ask.map_err(|error| unusable(format!("it has no cuFileGetVersion: {error}")))?;
        let mut version: c_int = 0;
        // SAFETY: it writes one number to a live place, and needs neither driver nor GPU.
        let status = unsafe { ask(&mut version) };
        if (status.cufile, status.cuda) != (0, 0) {
            let Status { cufile, cuda } = status;
            return Err(unusable(format!("cuFileGetVersion: cuFile {cufile}, CUDA {cuda}")));
        }
        let version = told(version);
        Ok(Self { path, version })
    }
}

/// The file to load by its path; `None` for what the loader finds by name.
fn place(library: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(path) = loaded_already() {
        return Ok(Some(path));
    }
    let folders = std::env::var_os("LD_LIBRARY_PATH").filter(|_| !privileged());
    if folders.is_some_and(|folders| {
        std::env::split_paths(&folders).any(|folder| folder.join(NAME).is_file())
    }) {
        return Ok(None);
    }
    let beside = locate(library).ok().and_then(|path| {
        let (_, plugins) = installed(&path);
        Some(plugins.parent()?.join(NAME)).filter(|path| path.is_file())
    });
    beside.map(|path| vet(&path)).transpose()
}

fn loaded_already() -> Option<PathBuf> {
    let maps = std::fs::read("/proc/self/maps").ok()?;
    mapped(&String::from_utf8_lossy(&maps))
}

/// The file of that name among the mappings of a process. A link's target has a longer name.
fn mapped(maps: &str) -> Option<PathBuf> {
    let paths = maps.lines().filter_map(|line| Some(Path::new(&line[line.find('/')?..])));
    let mut ours = paths.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name == NAME || name.starts_with("libcufile.so."))
    });
    ours.next().map(Path::to_owned)
}

/// 1150 is 1.15 and 1151 is 1.15.1.
fn told(version: c_int) -> String {
    let (major, minor, patch) = (version / 1000, version % 1000 / 10, version % 10);
    if patch == 0 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1150, "1.15")]
    #[case(1151, "1.15.1")]
    #[case(1200, "1.20")]
    #[case(2000, "2.0")]
    fn versions_are_told_as_people_write_them(#[case] version: c_int, #[case] text: &str) {
        assert_eq!(told(version), text);
    }

    #[rstest]
    #[case("", None)]
    #[case("7f00-7f01 r-xp 00000000 fe:00 17 /usr/lib/libc.so.6", None)]
    #[case(
        "7f00-7f01 rw-p 00000000 00:00 0\n7f00-7f01 r-xp 0 fe:00 17    /a b/libcufile.so.1.15.0",
        Some("/a b/libcufile.so.1.15.0")
    )]
    #[case("7f00-7f01 r-xp 0 fe:00 17 /x/libcufile.so.0", Some("/x/libcufile.so.0"))]
    #[case("7f00-7f01 r-xp 0 fe:00 17 /x/libcufile_rdma.so.1", None)]
    fn what_is_loaded_is_seen(#[case] maps: &str, #[case] path: Option<&str>) {
        assert_eq!(mapped(maps).as_deref(), path.map(Path::new));
    }
}
