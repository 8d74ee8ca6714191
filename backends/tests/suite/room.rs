//! Promise: without room nothing is begun, and nothing is left behind.

use crate::bench::{Kind, config, folder, kind_of, medium, names, open};
use rstest::rstest;
use tierproof_core::{Backend, Bytes, Error, ErrorKind, Fallback, Medium};

fn refused(kind: Kind, stride: Bytes, len: Bytes) -> Error {
    let folder = folder();
    let mut posix = open(config(kind, folder.path()));
    let error = posix.allocate(&Medium::File(medium(0, stride)), len).unwrap_err();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    posix.allocate(&Medium::File(medium(0, 4096)), 8192).expect("and the name is free");
    error
}

#[rstest]
#[case::more_than_any_disk(1 << 60)]
#[case::more_than_any_file(1 << 62)]
#[case::the_longest(u64::MAX - 4095)]
fn more_than_there_is(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[case] len: Bytes,
    #[values(4096, 1 << 40)] stride: Bytes,
) {
    let len = len / stride * stride;
    let error = refused(kind, stride, len);
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert!(error.to_string().contains(&len.to_string()), "says how much is needed: {error}");
}

#[rstest]
#[case(0, 4096, ErrorKind::Misaligned)]
#[case(100, 4096, ErrorKind::Misaligned)]
#[case(4095, 8190, ErrorKind::Misaligned)]
#[case(4096, 0, ErrorKind::OutOfRange)]
#[case(4096, 4095, ErrorKind::OutOfRange)]
#[case(8192, 12_288, ErrorKind::OutOfRange)]
fn slots_that_are_none(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[case] stride: Bytes,
    #[case] len: Bytes,
    #[case] expected: ErrorKind,
) {
    let folder = folder();
    let mut posix = open(config(kind, folder.path()));
    assert_eq!(kind_of(posix.allocate(&Medium::File(medium(0, stride)), len)), expected);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// What a run before left is not in the way of one that wants more.
#[rstest]
fn what_is_made_has_its_room(#[values(Kind::Direct, Kind::PerSlot)] kind: Kind) {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let mut posix = open(config(kind, folder.path()));
    posix.allocate(&Medium::File(medium(0, 1 << 20)), 4 << 20).unwrap();
    let files = crate::bench::tree(folder.path());
    let blocks: u64 = files.iter().map(|(path, _)| path.metadata().unwrap().blocks()).sum();
    let sparse = |fallback: &Fallback| fallback.wanted == "preallocated files";
    assert!(!posix.capability().fallbacks.iter().any(sparse));
    assert!(blocks * 512 >= 4 << 20, "preallocated, not sparse");
}
