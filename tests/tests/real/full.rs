//! F04: a write finds no room at all. When files are made, that is a typed error and nothing is left behind; later, where room
//! was promised and is not there, what could not be stored is a miss, and what was stored before is not.

use crate::cache::{Cache, SLOTS, STRIDE};
use crate::gone::fill_up;
use crate::ground::Ground;
use crate::on::On;
use crate::trial::Trial;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::path::Path;
use tierproof_core::{ErrorKind, Tier};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(Trial::everywhere("F04", "no_room_to_begin", Ground::Small, no_room));
    trials.extend(Trial::everywhere("F04", "holes_without_room", Ground::Small, holes));
    trials.extend(Trial::everywhere("F04", "files_must_not_grow", Ground::Limits, limited));
    trials
}

/// Every file of this process ends at `len` from now on.
pub(crate) fn limit_files(len: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: len, maximum }).expect("less than the maximum");
}

fn refused(on: On, root: &Path) {
    let refused = Cache::open(on, root).err().expect("there is no room");
    assert_eq!(refused.kind(), ErrorKind::Exhausted, "{refused}");
    assert_eq!(
        fs::read_dir(root.join("kv")).expect("it is there").count(),
        0,
        "nothing is left behind"
    );
}

fn no_room(on: On, root: &Path) {
    let ballast = root.join("ballast");
    fill_up(&ballast);
    // Room for all but one of the slots.
    let len = fs::metadata(&ballast).expect("it is there").len();
    crate::folder::resize(&ballast, len - u64::from(SLOTS - 1) * STRIDE);
    refused(on, root);
    fs::remove_file(ballast).expect("it is there");
    let mut cache = Cache::full(on, root);
    cache.lives_on();
    cache.close(&[]);
}

/// Room is reserved when files are made. A file that somebody cut has holes where it was cut, once it is written to.
fn holes(on: On, root: &Path) {
    let mut cache = Cache::full(on, root);
    let slots = if on.has_a_file_for_each_slot() { 0..SLOTS } else { 0..1 };
    slots.for_each(|slot| cache.folder.cut(slot, 0));
    let ballast = root.join("ballast");
    fill_up(&ballast);
    cache.serve_all(|_, tier| tier == Tier::Disk);
    assert!(cache.failed() > 0, "F04 did not happen");
    let failed = cache.failed();
    cache.serve_new(9);
    assert!(cache.failed() > failed, "F04 did not happen again");
    fs::remove_file(ballast).expect("it is there");
    cache.lives_on();
    cache.close(&[]);
}

fn limited(on: On, root: &Path) {
    limit_files(Some(STRIDE - 4096));
    refused(on, root);
    limit_files(None);
    let mut cache = Cache::full(on, root);
    limit_files(Some(0));
    cache.serve_all(|_, _| false);
    assert!(cache.failed() > 0, "F04 did not happen");
    cache.serve_new(9);
    assert!(cache.stored_in(Tier::Disk).is_empty(), "nothing could be stored");
    assert!(cache.serve_all(|_, _| false) >= 4, "L7");
    limit_files(None);
    cache.lives_on();
    cache.close(&[]);
}
