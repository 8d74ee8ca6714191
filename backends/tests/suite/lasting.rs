//! Promise: files that last are kept and opened, not emptied; only their length follows the region. An index is not
//! touched until somebody writes to it. Where nothing outlives the backend, it says so.

use crate::bench::{Kind, config, folder, kind_of, medium, open, pattern};
use rstest::rstest;
use std::fs;
use std::path::{Path, PathBuf};
use tierproof_backends::{DirectIo, Dram, FileLayout, PosixConfig};
use tierproof_core::{
    Backend, Bytes, Descriptor, ErrorKind, FileMedium, FileRole, Medium, RegionId,
};

const STRIDE: Bytes = 8192;

fn slots(role: FileRole) -> Medium {
    Medium::File(FileMedium { role, ..medium(0, STRIDE) })
}

fn whole(region: RegionId, len: Bytes) -> Descriptor {
    Descriptor { region, offset: 0, len }
}

fn read(backend: &mut dyn Backend, region: RegionId, len: Bytes) -> Vec<u8> {
    let mut bytes = vec![1; len as usize];
    backend.peek(whole(region, len), &mut bytes).unwrap();
    bytes
}

fn index_path(root: &Path) -> PathBuf {
    root.join("kv/rank1_window2.index")
}

#[rstest]
fn slots_are_zeros_and_then_what_was_left(
    #[values(DirectIo::Auto, DirectIo::Never)] direct: DirectIo,
    #[values(FileLayout::SlotFile, FileLayout::Striped { files: 3 })] layout: FileLayout,
) {
    let folder = folder();
    // Long enough for more than one stripe.
    let len = 16 << 20;
    let open = || open(PosixConfig { direct, layout, ..PosixConfig::new(folder.path()) });
    let medium = slots(FileRole::Lasting);
    let mut first = open();
    let region = first.allocate(&medium, len).unwrap();
    assert!(read(&mut *first, region, len).iter().all(|&byte| byte == 0));
    first.fill(whole(region, len), &pattern(1, len)).unwrap();
    first.flush(region).unwrap();
    first.release(region).unwrap();
    let region = first.allocate(&medium, len).unwrap();
    assert!(read(&mut *first, region, len) == pattern(1, len), "released and allocated again");
    drop(first);
    let mut second = open();
    let region = second.allocate(&medium, len).unwrap();
    assert!(read(&mut *second, region, len) == pattern(1, len), "by another backend");
}

#[test]
fn lengths_follow_the_region() {
    let folder = folder();
    let path = folder.path().join("kv/rank1_window2_pool0.slots");
    let mut backend = open(config(Kind::Direct, folder.path()));
    for (len, kept) in [(8 * STRIDE, 0), (2 * STRIDE, 2 * STRIDE), (4 * STRIDE, 2 * STRIDE)] {
        let region = backend.allocate(&slots(FileRole::Lasting), len).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), len);
        let bytes = read(&mut *backend, region, len);
        assert!(bytes[..kept as usize] == pattern(1, 8 * STRIDE)[..kept as usize]);
        assert!(bytes[kept as usize..].iter().all(|&byte| byte == 0));
        if kept == 0 {
            backend.fill(whole(region, len), &pattern(1, len)).unwrap();
        }
        backend.release(region).unwrap();
    }
}

#[rstest]
#[case::none(None)]
#[case::short(Some(100))]
#[case::longer(Some(3 * 4096 + 7))]
fn an_index_is_not_touched_until_it_is_written(#[case] before: Option<Bytes>) {
    let folder = folder();
    fs::create_dir(folder.path().join("kv")).unwrap();
    let bytes = before.map_or(Vec::new(), |len| pattern(3, len));
    if before.is_some() {
        fs::write(index_path(folder.path()), &bytes).unwrap();
    }
    let mut backend = open(config(Kind::Direct, folder.path()));
    let len = 2 * STRIDE;
    let region = backend.allocate(&slots(FileRole::Index), len).unwrap();
    let mut expected = bytes.clone();
    expected.resize(len as usize, 0);
    assert!(read(&mut *backend, region, len) == expected, "zeros from its end on");
    assert!(fs::read(index_path(folder.path())).unwrap() == bytes);
    let page = Descriptor { region, offset: 4096, len: 4096 };
    backend.fill(page, &pattern(4, 4096)).unwrap();
    backend.flush(region).unwrap();
    expected[4096..8192].copy_from_slice(&pattern(4, 4096));
    assert!(read(&mut *backend, region, len) == expected);
    let file = fs::read(index_path(folder.path())).unwrap();
    assert!(file[4096..8192] == expected[4096..8192], "and it lies where it should");
}

#[test]
fn what_is_not_a_file_or_not_there_is_not_flushed() {
    let folder = folder();
    let mut backend = open(config(Kind::Direct, folder.path()));
    let host = backend.allocate(&Medium::Host, STRIDE).unwrap();
    assert_eq!(kind_of(backend.flush(host)), ErrorKind::Unsupported);
    backend.release(host).unwrap();
    assert_eq!(kind_of(backend.flush(host)), ErrorKind::OutOfRange);
    let scratch = backend.allocate(&slots(FileRole::Scratch), STRIDE).unwrap();
    backend.flush(scratch).unwrap();
}

#[test]
fn who_can_make_nothing_durable_says_so() {
    let mut dram = Dram::new();
    assert_eq!(kind_of(dram.allocate(&slots(FileRole::Lasting), STRIDE)), ErrorKind::Unsupported);
    assert_eq!(kind_of(dram.allocate(&slots(FileRole::Index), STRIDE)), ErrorKind::Unsupported);
    let memory = dram.allocate(&slots(FileRole::Scratch), STRIDE).unwrap();
    assert_eq!(kind_of(dram.flush(memory)), ErrorKind::Unsupported);
}
