//! Promise: slots spread over several files are the same slots, and the files are as private, as locked and as
//! transient as one.

use crate::bench::{at, copy, folder, kind_of, medium, names, open, pattern, request, stamp};
use rstest::rstest;
use std::os::unix::fs::MetadataExt;
use tierproof_backends::{DirectIo, FileLayout, PosixConfig};
use tierproof_core::{Backend, Bytes, ErrorKind, Medium, Nanos, Part};

const STRIDE: Bytes = 3 << 20;
const LEN: Bytes = STRIDE - 4096;
const SLOTS: u64 = 10;

fn run(backend: &mut dyn Backend, parts: &[Part]) {
    backend.submit(&request(parts)).unwrap();
    let mut done = Vec::new();
    while done.is_empty() {
        backend.park(Nanos::MAX);
        backend.poll(&mut done).unwrap();
    }
    assert_eq!(done.remove(0).faults, []);
}

#[rstest]
fn every_slot_comes_back(#[values(DirectIo::Never, DirectIo::Auto)] direct: DirectIo) {
    let folder = folder();
    let layout = FileLayout::Striped { files: 4 };
    let mut backend = open(PosixConfig { layout, direct, ..PosixConfig::new(folder.path()) });
    let device = backend.allocate(&Medium::Device { ordinal: 0 }, SLOTS * LEN).unwrap();
    let host = backend.allocate(&Medium::Host, SLOTS * STRIDE).unwrap();
    let file = backend.allocate(&Medium::File(medium(0, STRIDE)), SLOTS * STRIDE).unwrap();
    let files: Vec<_> = crate::bench::tree(folder.path());
    let files: Vec<_> = files.iter().filter(|(_, content)| content.is_some()).collect();
    assert_eq!(files.len(), 4);
    let sizes: Bytes = files.iter().map(|(path, _)| path.metadata().unwrap().size()).sum();
    assert_eq!(sizes, SLOTS * STRIDE, "no more and no less");
    assert!(files.iter().all(|(path, _)| path.metadata().unwrap().mode() & 0o777 == 0o600));
    let slot = |slot: u64| at(file, slot * STRIDE, LEN);
    for i in 0..SLOTS {
        backend.fill(at(device, i * LEN, LEN), &pattern(i * 77, LEN)).unwrap();
        let down = Part { seal: Some(stamp(LEN)), ..copy(at(device, i * LEN, LEN), slot(i)) };
        run(&mut *backend, &[down]);
    }
    for i in (0..SLOTS).rev() {
        let up = copy(slot(i), at(host, i * STRIDE, LEN));
        run(&mut *backend, &[Part { check: Some(stamp(LEN)), ..up }]);
        let mut seen = vec![0; LEN as usize];
        backend.peek(at(host, i * STRIDE, LEN), &mut seen).unwrap();
        assert!(seen == pattern(i * 77, LEN), "slot {i}");
    }
    // By hand over the border of two files.
    let border = at(file, STRIDE - 1000, 2000);
    backend.fill(border, &pattern(5, 2000)).unwrap();
    let mut seen = vec![0; 2000];
    backend.peek(border, &mut seen).unwrap();
    assert!(seen == pattern(5, 2000));
    // A part over that border went on in the first file: a slot of somebody else's.
    for memory in [host, device] {
        let over = copy(at(file, STRIDE - 4096, 8192), at(memory, 0, 8192));
        assert_eq!(kind_of(backend.submit(&request(&[over]))), ErrorKind::OutOfRange);
        let over = copy(at(memory, 0, 8192), at(file, STRIDE - 4096, 8192));
        assert_eq!(kind_of(backend.submit(&request(&[over]))), ErrorKind::OutOfRange);
    }
    drop(backend);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn one_lock_stands_for_all_files() {
    let folder = folder();
    let config =
        PosixConfig { layout: FileLayout::Striped { files: 3 }, ..PosixConfig::new(folder.path()) };
    let (mut first, mut second) = (open(config.clone()), open(config));
    let slots = Medium::File(medium(0, STRIDE));
    first.allocate(&slots, SLOTS * STRIDE).unwrap();
    assert_eq!(kind_of(second.allocate(&slots, SLOTS * STRIDE)), ErrorKind::Busy);
    assert_eq!(names(folder.path()).len(), 3);
}

#[rstest]
fn absurd_numbers_of_files_are_refused(#[values(0, 257, u32::MAX)] files: u32) {
    let folder = folder();
    let layout = FileLayout::Striped { files };
    let config = PosixConfig { layout, ..PosixConfig::new(folder.path()) };
    assert_eq!(kind_of(crate::files(config)), ErrorKind::Config);
}
