//! Promise: what is loaded is what the operator meant, nobody else could have written it, and it can
//! be told afterwards. Whatever is wrong with it is an error that says where and what to do.

use crate::bench::{folder, kind_of};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tierproof_backends::{NixlConfig, NixlPosix};
use tierproof_core::{Backend, Error, ErrorKind};

fn open(library: &Path) -> Result<NixlPosix, Error> {
    let root = folder();
    let library = Some(library.to_owned());
    NixlPosix::open(NixlConfig { library, ..NixlConfig::new(root.path()) })
}

/// The installation that all other tests run on.
fn installed() -> PathBuf {
    let root = folder();
    let nixl = NixlPosix::open(NixlConfig::new(root.path())).expect("the build found it");
    nixl.attestation().library.path.clone()
}

#[test]
fn what_was_loaded_is_told_with_the_sums_that_other_tools_print() {
    let nixl = open(&installed()).unwrap();
    assert_eq!(nixl.name(), "nixl-posix");
    let told = nixl.attestation();
    for file in [&told.library, &told.plugin] {
        let output = Command::new("sha256sum").arg(&file.path).output().expect("coreutils");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.split(' ').next(), Some(&file.sha256[..]));
    }
    assert!(told.plugin.path.ends_with("plugins/libplugin_POSIX.so"));
    assert!(["io_uring", "Linux AIO"].contains(&&told.queue[..]), "{}", told.queue);
    let noted = nixl.capability().fallbacks.iter().any(|note| note.instead == "io_uring");
    assert_eq!(noted, told.queue == "io_uring", "what is not as wanted is said");
}

/// A copy of the installation whose big parts are links.
fn copy_of(library: &Path, whole: &Path) -> PathBuf {
    let (libraries, parent) = (library.parent().unwrap(), library.ancestors().nth(2).unwrap());
    for entry in parent.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path != libraries {
            symlink(&path, whole.join(path.file_name().unwrap())).unwrap();
        }
    }
    let copy = whole.join(libraries.file_name().unwrap());
    copy_folder(libraries, &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_everybody_can_write_is_not_loaded() {
    let whole = folder();
    let copy = copy_of(&installed(), whole.path());
    for name in ["libnixl_capi.so", "libnixl.so", "plugins/libplugin_POSIX.so", "plugins", ""] {
        let path = copy.join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        allow(&path, mode | 0o002);
        let error = open(whole.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name}");
        assert!(error.to_string().contains("can be written by everybody"), "{error}");
        allow(&path, mode);
    }
    open(whole.path()).expect("with its rights as they were it is loaded");
}

#[test]
fn without_its_plugin_it_is_unavailable() {
    let whole = folder();
    let copy = copy_of(&installed(), whole.path());
    fs::remove_file(copy.join("plugins/libplugin_POSIX.so")).unwrap();
    let error = open(whole.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("libplugin_POSIX.so"), "{error}");
}

#[test]
fn another_library_is_refused_by_name() {
    let whole = folder();
    let copy = copy_of(&installed(), whole.path());
    fs::copy(copy.join("libstream.so"), copy.join("libnixl_capi.so")).unwrap();
    let error = open(whole.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for part in ["libnixl_capi.so", "it has no nixl_capi_", "scripts/fetch-nixl"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_place_without_it_is_named_with_the_remedy() {
    let error = open(Path::new("/nonexistent")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for part in ["libnixl_capi.so", "/nonexistent (the settings)", "scripts/fetch-nixl"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn settings_out_of_bounds() {
    let root = folder();
    for in_flight_parts_max in [0, 1025] {
        let config = NixlConfig { in_flight_parts_max, ..NixlConfig::new(root.path()) };
        assert_eq!(kind_of(NixlPosix::open(config)), ErrorKind::Config);
    }
}
