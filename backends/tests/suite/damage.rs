//! Promise: files that others cut, remove or replace are a typed fault of the blocks concerned, or
//! do not matter; wrong bytes never count as loaded, and neighbours are not affected.

use crate::bench::{
    Bench, Kind, at, config, copy, folder, kind_of, medium, open, pattern, request, stamp,
};
use rstest::rstest;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;
use tierproof_core::{
    Backend, Bytes, Descriptor, ErrorKind, Fault, Medium, Nanos, Part, Refusal, RegionId, Stamp,
};

const STRIDE: Bytes = 8192;
const LEN: Bytes = 4000;
const SLOTS: u64 = 4;

/// Four sealed blocks in four slots.
struct Shelf {
    posix: Box<dyn Backend>,
    folder: TempDir,
    host: RegionId,
    file: RegionId,
}

impl Shelf {
    fn new(kind: Kind) -> Self {
        let folder = folder();
        let mut posix = open(config(kind, folder.path()));
        let host = posix.allocate(&Medium::Host, 8 * STRIDE).unwrap();
        let file = posix.allocate(&Medium::File(medium(0, STRIDE)), SLOTS * STRIDE).unwrap();
        let mut shelf = Self { posix, folder, host, file };
        for slot in 0..SLOTS {
            let (memory, stored) = shelf.places(slot);
            shelf.posix.fill(memory, &pattern(slot * 50, LEN)).unwrap();
            assert_eq!(shelf.run(Part { seal: Some(stamped(slot)), ..copy(memory, stored) }), None);
        }
        shelf
    }

    fn places(&self, slot: u64) -> (Descriptor, Descriptor) {
        (at(self.host, slot * STRIDE, LEN), at(self.file, slot * STRIDE, LEN))
    }

    fn run(&mut self, part: Part) -> Option<Fault> {
        self.posix.submit(&request(&[part])).unwrap();
        let mut done = Vec::new();
        while done.is_empty() {
            self.posix.park(Nanos::MAX);
            self.posix.poll(&mut done).unwrap();
        }
        done[0].faults.first().map(|&(_, fault)| fault)
    }

    fn load(&mut self, slot: u64, check: bool) -> Option<Fault> {
        let (memory, stored) = self.places(slot);
        self.posix.fill(memory, &[0xaa; LEN as usize]).unwrap();
        let check = check.then(|| stamped(slot));
        let fault = self.run(Part { check, ..copy(stored, memory) });
        if fault.is_none() {
            let mut seen = vec![0; LEN as usize];
            self.posix.peek(memory, &mut seen).unwrap();
            assert!(seen == pattern(slot * 50, LEN), "wrong bytes of slot {slot} count as loaded");
        }
        fault
    }

    fn store(&mut self, slot: u64) -> Option<Fault> {
        let (memory, stored) = self.places(slot);
        self.posix.fill(memory, &pattern(slot * 50, LEN)).unwrap();
        self.run(Part { seal: Some(stamped(slot)), ..copy(memory, stored) })
    }

    fn path(&self, kind: Kind, slot: u64) -> PathBuf {
        let name = match kind {
            Kind::PerSlot => format!("rank1_window2_block_{slot}_pool_0.bin"),
            _ => "rank1_window2_pool0.slots".into(),
        };
        self.folder.path().join("kv").join(name)
    }
}

fn stamped(slot: u64) -> Stamp {
    Stamp { slot: slot as u32, ..stamp(LEN) }
}

fn cut(path: &PathBuf, len: Bytes) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[rstest]
#[case::within_the_trailers_page(STRIDE - 4095)]
#[case::before_the_trailer(4096)]
#[case::within_the_payload(2000)]
#[case::to_nothing(0)]
fn a_file_cut_short(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[case] left: Bytes,
) {
    let mut shelf = Shelf::new(kind);
    let (path, first) = (shelf.path(kind, 2), if kind == Kind::PerSlot { 0 } else { 2 * STRIDE });
    cut(&path, first + left);
    assert_eq!(shelf.load(2, true), Some(Fault::from(Refusal::Torn)));
    if left < LEN {
        assert_eq!(shelf.load(2, false), Some(Fault::new(ErrorKind::Corrupt)));
    }
    assert_eq!(shelf.load(0, true), None);
    assert_eq!(shelf.load(1, true), None);
    if kind == Kind::PerSlot {
        assert_eq!(shelf.load(3, true), None, "a neighbour behind has a file of its own");
    } else {
        assert_eq!(shelf.load(3, true), Some(Fault::from(Refusal::Torn)));
    }
    assert_eq!(shelf.store(2), None, "a store makes it whole again");
    assert_eq!(shelf.load(2, true), None);
}

#[rstest]
fn peek_beyond_the_cut_is_an_error(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut shelf = Shelf::new(kind);
    cut(&shelf.path(kind, 0), 100);
    let mut seen = vec![0; LEN as usize];
    let there = shelf.places(0).1;
    assert_eq!(kind_of(shelf.posix.peek(there, &mut seen)), ErrorKind::Corrupt);
}

/// A file that stays open outlives its name.
#[rstest]
fn a_removed_or_replaced_slot_file_does_not_matter(
    #[values(Kind::Buffered, Kind::Direct)] kind: Kind,
    #[values(false, true)] replaced: bool,
) {
    let mut shelf = Shelf::new(kind);
    let path = shelf.path(kind, 0);
    fs::remove_file(&path).unwrap();
    if replaced {
        fs::write(&path, vec![0x11; (SLOTS * STRIDE) as usize]).unwrap();
    }
    for slot in 0..SLOTS {
        assert_eq!(shelf.load(slot, false), None);
        assert_eq!(shelf.store(slot), None);
        assert_eq!(shelf.load(slot, true), None);
    }
    drop(shelf.posix);
    assert_eq!(path.exists(), replaced, "what is not ours is not removed");
}

/// How a block's file can be another one.
#[derive(Debug, Clone, Copy)]
enum Swap {
    Removed,
    /// Renamed over, so that both exist at once.
    RenamedOver,
    /// Made after the first was gone: file systems give it the same number.
    MadeAnew,
    Linked,
    Linking,
}

/// A block's file was once known by its number alone, which the next file gets as soon as the
/// first is gone: a file that somebody made in its place was read as ours.
#[rstest]
fn a_removed_or_replaced_block_file(
    #[values(Swap::Removed, Swap::RenamedOver, Swap::MadeAnew, Swap::Linked, Swap::Linking)]
    swap: Swap,
    #[values(false, true)] check: bool,
) {
    let kind = Kind::PerSlot;
    let mut shelf = Shelf::new(kind);
    let (path, other) = (shelf.path(kind, 1), shelf.folder.path().join("other"));
    let content = vec![0x11; STRIDE as usize];
    match swap {
        Swap::Removed => fs::remove_file(&path).unwrap(),
        Swap::RenamedOver => {
            fs::write(&other, content).unwrap();
            fs::rename(&other, &path).unwrap();
        }
        Swap::MadeAnew => {
            let born = |path| fs::metadata(path).unwrap().created().unwrap();
            let first = born(&path);
            // File systems tell births apart by ticks of a few milliseconds.
            while fs::metadata(&path).is_ok() && born(&path) == first {
                fs::remove_file(&path).unwrap();
                fs::write(&path, &content).unwrap();
            }
        }
        Swap::Linked => fs::hard_link(&path, &other).unwrap(),
        Swap::Linking => {
            fs::rename(&path, &other).unwrap();
            symlink(&other, &path).unwrap();
        }
    }
    let expected = match swap {
        Swap::Linking => ErrorKind::Config,
        _ => ErrorKind::Unavailable,
    };
    assert_eq!(shelf.load(1, check), Some(Fault::new(expected)));
    assert_eq!(shelf.store(1), Some(Fault::new(expected)));
    for slot in [0, 2, 3] {
        assert_eq!(shelf.load(slot, true), None, "slot {slot}");
    }
    let before = fs::symlink_metadata(&path).is_ok();
    drop(shelf.posix);
    let ours = matches!(swap, Swap::Linked);
    assert_eq!(fs::symlink_metadata(&path).is_ok(), before && !ours, "only ours is removed");
}

#[test]
fn a_file_made_longer_by_others_does_not_matter() {
    for kind in [Kind::Buffered, Kind::Direct, Kind::PerSlot] {
        let mut shelf = Shelf::new(kind);
        cut(&shelf.path(kind, SLOTS - 1), 10 * SLOTS * STRIDE);
        for slot in 0..SLOTS {
            assert_eq!(shelf.load(slot, true), None);
        }
    }
}

/// Failures of one part do not stop the next.
#[test]
fn after_a_fault_everything_goes_on() {
    let mut bench = Bench::new(Kind::PerSlot);
    let host = bench.region(tierproof_core::MediumKind::Host, STRIDE);
    let file = bench.backend.allocate(&Medium::File(medium(77, STRIDE)), STRIDE).unwrap();
    let part = copy(at(host, 0, LEN), at(file, 0, LEN));
    let path = bench.files().join("rank1_window2_block_0_pool_77.bin");
    let hidden = bench.files().join("hidden");
    for _ in 0..3 {
        fs::rename(&path, &hidden).unwrap();
        assert_eq!(bench.run(&[part]), [(0, Fault::new(ErrorKind::Unavailable))]);
        fs::rename(&hidden, &path).unwrap();
        assert_eq!(bench.run(&[part]), []);
    }
}
