//! Where NIXL's library is looked for. The build script reads this file too, so it needs nothing but
//! `std`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The version that `scripts/fetch-nixl` gets and that this crate is tested with.
pub(crate) const VERSION: &str = "1.5.1";

/// Names the library, or the folder of an installation.
pub(crate) const VARIABLE: &str = "TIERPROOF_NIXL";

const LIBRARY: &str = "libnixl_capi.so";

/// Folders of an installation that may hold the library: of the published wheels, and of a build.
const FOLDERS: [&str; 6] = [
    "",
    ".nixl_cu13.mesonpy.libs",
    ".nixl_cu12.mesonpy.libs",
    "lib/x86_64-linux-gnu",
    "lib64",
    "lib",
];

/// A place that is looked at, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) from: &'static str,
    pub(crate) path: PathBuf,
}

/// All places in order. A variable that is set is the only one.
pub(crate) fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Place> {
    if let Some(path) = variable(VARIABLE) {
        return vec![Place { from: VARIABLE, path: path.into() }];
    }
    let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variable("HOME").map(|home| Path::new(&home).join(".local/share"));
    let fetched = data.or_else(home).map(|data| data.join("tierproof/nixl").join(VERSION));
    let fetched = fetched.map(|path| Place { from: "scripts/fetch-nixl", path });
    let installed = Place { from: "NVIDIA's packages", path: "/opt/nvidia/nvda_nixl".into() };
    fetched.into_iter().chain([installed]).collect()
}

/// The library itself, if it is in this place.
pub(crate) fn library_in(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    FOLDERS.iter().map(|folder| path.join(folder).join(LIBRARY)).find(|path| path.is_file())
}
