//! Promise: one backend at a time has the files of a (directory, rank, window, pool); others have
//! others.

use crate::bench::{Kind, config, folder, kind_of, medium, open, pattern};
use rstest::rstest;
use tierproof_core::{Backend, Descriptor, ErrorKind, FileMedium, Medium};

#[rstest]
fn a_second_backend_is_busy_until_the_first_is_gone(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let folder = folder();
    let mut first = open(config(kind, folder.path()));
    let mut second = open(config(kind, folder.path()));
    let slots = Medium::File(medium(0, 4096));
    let region = first.allocate(&slots, 8192).unwrap();
    let there = Descriptor { region, offset: 0, len: 8192 };
    let content = pattern(1, 8192);
    first.fill(there, &content).unwrap();
    assert_eq!(kind_of(second.allocate(&slots, 8192)), ErrorKind::Busy);
    assert_eq!(kind_of(first.allocate(&slots, 8192)), ErrorKind::Busy, "nor twice in one");
    let mut seen = vec![0; 8192];
    first.peek(there, &mut seen).unwrap();
    assert!(seen == content, "who came second has emptied nothing");
    first.release(region).unwrap();
    second.allocate(&slots, 8192).unwrap();
    assert_eq!(kind_of(first.allocate(&slots, 8192)), ErrorKind::Busy);
    drop(second);
    first.allocate(&slots, 8192).unwrap();
}

#[rstest]
#[case::rank(|m: &mut FileMedium| m.rank = 9)]
#[case::window(|m: &mut FileMedium| m.window = 9)]
#[case::pool(|m: &mut FileMedium| m.pool = 9)]
#[case::directory(|m: &mut FileMedium| m.directory = "kv/deeper".into())]
fn others_have_files_of_their_own(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[case] change: fn(&mut FileMedium),
) {
    let folder = folder();
    let mut first = open(config(kind, folder.path()));
    let mut second = open(config(kind, folder.path()));
    let mut other = medium(0, 4096);
    change(&mut other);
    let mine = first.allocate(&Medium::File(medium(0, 4096)), 8192).unwrap();
    let yours = second.allocate(&Medium::File(other), 8192).unwrap();
    let there = |region| Descriptor { region, offset: 0, len: 8192 };
    first.fill(there(mine), &pattern(1, 8192)).unwrap();
    second.fill(there(yours), &pattern(2, 8192)).unwrap();
    let mut seen = vec![0; 8192];
    first.peek(there(mine), &mut seen).unwrap();
    assert!(seen == pattern(1, 8192));
}
