//! Promise: files go with their region, unless they are to be kept, and what is kept is emptied
//! before it is used again.

use crate::bench::{Kind, config, folder, medium, names, open, pattern};
use rstest::rstest;
use tierproof_backends::PosixConfig;
use tierproof_core::{Backend, Descriptor, Medium};

fn expected(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::PerSlot => vec![
            "rank1_window2_block_0_pool_0.bin",
            "rank1_window2_block_1_pool_0.bin",
            "rank1_window2_pool0.lock",
        ],
        _ => vec!["rank1_window2_pool0.slots"],
    }
}

#[rstest]
fn files_go_with_their_region(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(false, true)] released: bool,
) {
    let folder = folder();
    let mut posix = open(config(kind, folder.path()));
    let region = posix.allocate(&Medium::File(medium(0, 4096)), 8192).unwrap();
    assert_eq!(names(folder.path()), expected(kind));
    if released {
        posix.release(region).unwrap();
    } else {
        drop(posix);
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[rstest]
fn kept_files_outlive_it_and_are_emptied_by_the_next(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let folder = folder();
    let keeping = || PosixConfig { keep: true, ..config(kind, folder.path()) };
    let there = |region| Descriptor { region, offset: 0, len: 8192 };
    let mut first = open(keeping());
    let region = first.allocate(&Medium::File(medium(0, 4096)), 8192).unwrap();
    first.fill(there(region), &pattern(1, 8192)).unwrap();
    drop(first);
    assert_eq!(names(folder.path()), expected(kind));
    let mut second = open(config(kind, folder.path()));
    let region = second.allocate(&Medium::File(medium(0, 4096)), 8192).unwrap();
    let mut seen = vec![0x33; 8192];
    second.peek(there(region), &mut seen).unwrap();
    assert_eq!(seen, vec![0; 8192], "another run's bytes are not to be seen");
    drop(second);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// Region ids are never used again.
#[test]
fn a_released_region_stays_released() {
    let folder = folder();
    let mut posix = open(config(Kind::Direct, folder.path()));
    let first = posix.allocate(&Medium::Host, 100).unwrap();
    posix.release(first).unwrap();
    let second = posix.allocate(&Medium::Host, 100).unwrap();
    assert_ne!(first, second);
    assert!(posix.fill(Descriptor { region: first, offset: 0, len: 1 }, &[1]).is_err());
}
