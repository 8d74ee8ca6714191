//! Promise: files are made with mode 0600 and directories with 0700, whatever the umask, and what
//! an earlier run left too open is closed.

use crate::bench::{Kind, config, folder, medium, open, tree};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tierproof_backends::PosixConfig;
use tierproof_core::{Backend, FileMedium, Medium};

/// Set for a process that was started to make files under another umask.
const ROOT: &str = "TIERPROOF_TEST_ROOT";

fn make(kind: Kind, root: &Path) {
    let mut posix = open(PosixConfig { keep: true, ..config(kind, root) });
    let medium = FileMedium { directory: "a/b".into(), ..medium(0, 4096) };
    posix.allocate(&Medium::File(medium), 8192).unwrap();
}

/// A umask belongs to the whole process, so that each needs a process of its own: this test again.
#[test]
fn modes_do_not_depend_on_the_umask() {
    if let Some(root) = std::env::var_os(ROOT) {
        return [Kind::Direct, Kind::PerSlot]
            .into_iter()
            .for_each(|kind| make(kind, root.as_ref()));
    }
    for umask in ["0000", "0022", "0077", "0277"] {
        let folder = folder();
        let child = Command::new("sh")
            .args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "permissions::modes_do_not_depend_on_the_umask"])
            .env(ROOT, folder.path())
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        let found = tree(folder.path());
        let files = found.iter().filter(|(_, content)| content.is_some());
        assert_eq!((files.count(), found.len()), (4, 6), "all was made");
        for (path, content) in &found {
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            let expected = if content.is_some() { 0o600 } else { 0o700 };
            assert_eq!(mode, expected, "{path:?} under umask {umask}");
        }
    }
}

#[rstest]
fn what_was_too_open_is_closed(#[values(Kind::Direct, Kind::PerSlot)] kind: Kind) {
    let folder = folder();
    make(kind, folder.path());
    let files = || {
        let found = tree(folder.path());
        found.into_iter().filter(|(_, content)| content.is_some()).map(|(path, _)| path)
    };
    for path in files() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    make(kind, folder.path());
    for path in files() {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}
