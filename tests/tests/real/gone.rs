//! F27: the directory, or the device below it, is gone. Blocks in files are misses, unless their file is still open and works;
//! the engine lives, other tiers go on (L7), and what comes back is used again.
//!
//! A file system can't be mounted read-only anew while files are open for writing, so that is for those who begin.

use crate::cache::Cache;
use crate::ground::{Ground, call};
use crate::on::On;
use crate::trial::Trial;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tierproof_core::{ErrorKind, Tier};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(Trial::everywhere("F27", "directory_removed", Ground::Here, removed));
    trials.extend(Trial::everywhere("F27", "directory_moved", Ground::Here, moved));
    trials.extend(Trial::everywhere("F27", "directory_forbidden", Ground::Nobody, forbidden));
    trials.extend(Trial::everywhere("F27", "read_only", Ground::Small, read_only));
    // The page cache would hide it.
    let lost = Trial::everywhere("F27", "device_lost", Ground::Loop, device_lost);
    trials.extend(lost.filter(|trial| trial.on().is_direct()));
    trials
}

fn removed(on: On, root: &Path) {
    let mut cache = Cache::full(on, root);
    fs::remove_dir_all(cache.folder.path()).expect("it is ours");
    if on.has_a_file_for_each_slot() {
        offline(&mut cache);
    } else {
        cache.serve_all(|_, _| false);
        cache.lives_on();
    }
    cache.close(&[]);
}

/// Nothing comes from files any more, and everything else works.
fn offline(cache: &mut Cache) {
    let found = cache.serve_all(|_, tier| tier == Tier::Disk);
    assert!(found >= 4, "L7: the device and the host alone have more than {found} blocks");
    let hits = cache.hits_on_disk();
    cache.serve_new(9);
    assert!(cache.serve_all(|_, tier| tier == Tier::Disk) >= 4, "L7");
    assert_eq!(cache.hits_on_disk(), hits);
    assert!(cache.failed() > 0);
}

/// Names are looked up beneath the directory itself, wherever it is.
fn moved(on: On, root: &Path) {
    let mut cache = Cache::full(on, root);
    fs::rename(cache.folder.path(), cache.folder.aside()).expect("it is ours");
    cache.serve_all(|_, _| false);
    assert_eq!(cache.failed(), 0);
    cache.lives_on();
    let aside = cache.folder.aside();
    cache.close(&[]);
    assert_eq!(fs::read_dir(aside).expect("it is there").count(), 0, "C3");
}

fn forbidden(on: On, root: &Path) {
    let mut cache = Cache::full(on, root);
    let permit = |mode| fs::set_permissions(root.join("kv"), Permissions::from_mode(mode));
    permit(0).expect("it is ours");
    if on.has_a_file_for_each_slot() {
        offline(&mut cache);
    } else {
        cache.serve_all(|_, _| false);
        assert_eq!(cache.failed(), 0);
    }
    permit(0o700).expect("it is ours");
    cache.lives_on();
    cache.close(&[]);
}

fn read_only(on: On, root: &Path) {
    call("mount", &["-o", "remount,bind,ro"], root);
    let refused = Cache::open(on, root).err().expect("nothing can be made here");
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    call("mount", &["-o", "remount,bind,rw"], root);
    assert_eq!(fs::read_dir(root).expect("it is there").count(), 0, "nothing is left behind");
    let mut cache = Cache::full(on, root);
    cache.lives_on();
    cache.close(&[]);
}

/// The image that the device is made of is cut to nothing, and there is no room for another: whatever reaches the device
/// fails, and the file system finds itself read-only. It never comes back.
fn device_lost(on: On, root: &Path) {
    let mut cache = Cache::full(on, &root.join("mnt"));
    OpenOptions::new()
        .write(true)
        .open(root.join("image"))
        .expect("ours")
        .set_len(0)
        .expect("ours");
    fill_up(&root.join("ballast"));
    offline(&mut cache);
    cache.close(&[]);
}

/// Takes all room that is left.
pub(crate) fn fill_up(path: &Path) {
    let mut file = fs::File::create(path).expect("a name at least");
    let mut len = 1 << 16;
    while len > 0 {
        if file.write(&vec![0; len]).is_err() {
            len /= 2;
        }
    }
}
