//! The library: found in places that only the operator chooses, looked at, loaded for good.

use super::places::{Place, VARIABLE, library_in, places};
use super::sys::Api;
use super::vet::{privileged, vet, vet_folder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tierproof_core::{Error, ErrorKind, Result};

/// What would let the environment choose what is loaded beside the library.
const REFUSED: [&str; 2] = ["NIXL_PLUGIN_DIR", "NIXL_CONFIG_FILE"];

/// A file that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedFile {
    /// Its real path.
    pub path: PathBuf,
    /// The SHA-256 of its content, in hexadecimal, read just before it was loaded.
    pub sha256: String,
}

/// What runs below a backend: enough to say later with what a result came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// NIXL's C API.
    pub library: LoadedFile,
    /// The plugin.
    pub plugin: LoadedFile,
    /// The version of the installation, where it says so.
    pub version: Option<String>,
    /// What the plugin puts its reads and writes in.
    pub queue: String,
}

/// The library and the files that it was loaded from.
pub(super) struct Library {
    pub(super) api: &'static Api,
    pub(super) library: LoadedFile,
    pub(super) plugin: LoadedFile,
    pub(super) version: Option<String>,
}

impl Library {
    /// The library at `explicit`, or in the first place that has it.
    pub(super) fn open(explicit: Option<&Path>, plugin: &CStr) -> Result<Self> {
        let path = locate(explicit)?;
        Self::at(&path, plugin)
    }

    /// What is to be said of it, and of what the plugin uses.
    pub(super) fn attest(self, queue: &str) -> Attestation {
        let Self { library, plugin, version, .. } = self;
        Attestation { library, plugin, version, queue: queue.into() }
    }

    fn at(path: &Path, plugin: &CStr) -> Result<Self> {
        let path = vet(path)?;
        let plugins = folder_of(&path).join("plugins");
        let plugin = vet(&plugins.join(format!("libplugin_{}.so", plugin.to_string_lossy())))?;
        vet_folder(folder_of(&path))?;
        vet_folder(&plugins)?;
        wheel_folders(folder_of(&path)).iter().try_for_each(|folder| vet_folder(folder))?;
        let (library, plugin) = (look_at(path)?, look_at(plugin)?);
        let api = load(&library.path)?;
        let version = version_beside(folder_of(&library.path));
        Ok(Self { api, library, plugin, version })
    }
}

/// The path of the library at `explicit`, or in the first place that has it.
pub(super) fn locate(explicit: Option<&Path>) -> Result<PathBuf> {
    let environment = |name: &str| std::env::var_os(name).filter(|_| !privileged());
    if let Some(name) = REFUSED.into_iter().find(|name| std::env::var_os(name).is_some()) {
        let context =
            format!("{name} is set, and would let NIXL load what nobody looked at: unset it");
        return Err(Error::new(ErrorKind::Config, context));
    }
    match explicit {
        Some(path) => find(&[Place { from: "the settings", path: path.to_owned() }]),
        None => find(&places(environment)),
    }
}

/// The version of an installation, where it says so, and the folder of its plugins.
pub(super) fn installed(library: &Path) -> (Option<String>, PathBuf) {
    let real = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    (version_beside(folder_of(&real)), folder_of(&real).join("plugins"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn find(places: &[Place]) -> Result<PathBuf> {
    if let Some(path) = places.iter().find_map(|place| library_in(&place.path)) {
        return Ok(path);
    }
    let mut context = "libnixl_capi.so, the library of NIXL, was not found. Looked in".to_owned();
    for (i, place) in places.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(context, "{comma} {} ({})", place.path.display(), place.from);
    }
    let _ = write!(context, ". Run scripts/fetch-nixl, or name an installation in {VARIABLE}");
    Err(Error::new(ErrorKind::Unavailable, context))
}

pub(super) fn look_at(path: PathBuf) -> Result<LoadedFile> {
    let bytes = std::fs::read(&path).map_err(|error| {
        let context = format!("{}: it can't be read", path.display());
        Error::new(ErrorKind::Unavailable, context).with_source(error)
    })?;
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(LoadedFile { path, sha256 })
}

/// Loads a library once in a process.
fn load(path: &Path) -> Result<&'static Api> {
    static LOADED: Mutex<BTreeMap<PathBuf, &'static Api>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(api) = loaded.get(path) {
        return Ok(api);
    }
    let unusable = |why: &str| {
        format!(
            "{}: {why}. Name another installation in {VARIABLE}, or run scripts/fetch-nixl",
            path.display()
        )
    };
    let api = Api::load(path).map_err(|(why, error)| {
        let context = unusable(&format!("it is not NIXL's C API: {why}"));
        Error::new(ErrorKind::Unavailable, context).with_source(error)
    })?;
    if api.stub() {
        let context = unusable("it is the stand-in for a NIXL that is not installed");
        return Err(Error::new(ErrorKind::Unavailable, context));
    }
    let api: &'static Api = Box::leak(Box::new(api));
    loaded.insert(path.to_owned(), api);
    Ok(api)
}

/// What a wheel lays beside the library's folder: `nixl_cuXX.libs`, with what NIXL needs.
fn wheel_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.parent().and_then(|parent| parent.read_dir().ok());
    let paths = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let ends = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(".libs"));
    paths.filter(|path| ends(path) && path.is_dir()).collect()
}

/// The version that a wheel's notes beside the library tell.
fn version_beside(folder: &Path) -> Option<String> {
    let entries = folder.parent()?.read_dir().ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().find_map(|name| {
        let rest = name.strip_prefix("nixl_cu")?.strip_suffix(".dist-info")?;
        rest.split_once('-').map(|(_, version)| version.to_owned())
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files of these tests are no region's")]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn a_missing_library_names_what_where_and_the_remedy() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/nonexistent"));
        let mut places = places(home);
        places[1].path = "/nonexistent/nvda_nixl".into();
        let error = find(&places).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        for part in [
            "libnixl_capi.so",
            "/nonexistent/.local/share/tierproof/nixl/1.5.1 (scripts/fetch-nixl)",
            "/nonexistent/nvda_nixl (NVIDIA's packages)",
            "Run scripts/fetch-nixl",
            "TIERPROOF_NIXL",
        ] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }

    /// Who names a place wants that one, and not silently another.
    #[test]
    fn a_variable_that_is_set_is_the_only_place() {
        let set = |name: &str| Some(OsString::from(format!("/from/{name}")));
        let only = Place { from: "TIERPROOF_NIXL", path: "/from/TIERPROOF_NIXL".into() };
        assert_eq!(places(set), [only]);
        let data = |name: &str| (name == "XDG_DATA_HOME").then(|| OsString::from("/data"));
        assert_eq!(places(data)[0].path, Path::new("/data/tierproof/nixl/1.5.1"));
    }

    #[test]
    fn the_library_is_found_as_wheels_and_packages_lay_it_out() {
        for folder in [".nixl_cu13.mesonpy.libs", "lib/x86_64-linux-gnu", ""] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join(folder).join("libnixl_capi.so");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(library_in(root.path()).unwrap(), path);
            assert_eq!(library_in(&path).unwrap(), path);
        }
        assert_eq!(library_in(Path::new("/nonexistent")), None);
    }

    #[test]
    fn the_version_is_read_beside_a_wheels_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(".nixl_cu13.mesonpy.libs");
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(version_beside(&folder), None);
        std::fs::create_dir(root.path().join("nixl_cu13-1.5.1.dist-info")).unwrap();
        assert_eq!(version_beside(&folder).unwrap(), "1.5.1");
    }

    /// A library of the system that is none of NIXL's, and a file that is none at all.
    #[test]
    fn another_file_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let text = root.path().join("libnixl_capi.so");
        std::fs::write(&text, "no library").unwrap();
        let error = load(&text).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("libnixl_capi.so: it is not NIXL"), "{error}");
        let error = load(Path::new("libm.so.6")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("it has no nixl_capi_is_stub"), "{error}");
    }

    #[test]
    fn sums_are_those_that_other_tools_print() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let seen = look_at(file.path().to_owned()).unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(seen.sha256, known);
    }
}
