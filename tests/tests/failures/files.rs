//! Files that others cut, edit, delete or replace are misses, never wrong bytes and never a crash.

use crate::bench::{Bench, Disk, Setup, hashes, on_disk};
use rstest::rstest;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tierproof_backends::{FileLayout, Posix, PosixConfig};
use tierproof_core::Settled;

/// A page for the payload and a page for the trailer.
const STRIDE: u64 = 8192;

/// Contents 10 and 11 lie in files, as blocks 0 and 1.
struct Bed {
    bench: Bench<Posix>,
    layout: FileLayout,
    root: TempDir,
}

impl Bed {
    fn new(layout: FileLayout) -> Self {
        let root = tempfile::tempdir().unwrap();
        let posix = Posix::open(PosixConfig { layout, ..PosixConfig::new(root.path()) }).unwrap();
        let mut bench = Setup::new([4, 0, 4]).on(posix, |_| &[]);
        bench.visit(&on_disk(hashes(1, &[10, 11])));
        bench.visit(&on_disk(hashes(2, &[20, 21, 22, 23])));
        bench.drain();
        Self { bench, layout, root }
    }

    /// The file of a block and where in it the block begins.
    fn file(&self, block: usize) -> (PathBuf, u64) {
        let slot = self.bench.engine.blocks(0).unwrap().nth(block).unwrap().place.slot;
        let directory = self.root.path().join("kv");
        match self.layout {
            // A few small slots lie in the first of several files.
            FileLayout::SlotFile | FileLayout::Striped { .. } => {
                (directory.join("rank0_window1024_pool0.slots"), u64::from(slot) * STRIDE)
            }
            FileLayout::FilePerSlot => {
                (directory.join(format!("rank0_window1024_block_{slot}_pool_0.bin")), 0)
            }
        }
    }

    /// 10 and 11 are wanted, and the content of block `lost` is a miss.
    fn loses(mut self, lost: u32) {
        assert_eq!(self.bench.add(&hashes(3, &[10, 11])), Ok(8));
        let settled = self.bench.run(3);
        let from = 4 * lost;
        assert_eq!(settled, Settled { matched_tokens: from, lost_from: Some(from) });
        assert_eq!(self.bench.stats(3).reused, lost);
        // Others are served as before, and so is this prompt.
        self.bench.remove(3);
        assert_eq!(self.bench.visit(&hashes(4, &[10, 11])), 8);
        self.bench.visit(&hashes(5, &[50]));
    }
}

fn write(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

#[rstest]
#[case::one_file(FileLayout::SlotFile)]
#[case::a_file_each(FileLayout::FilePerSlot)]
fn untouched_files_are_read(#[case] layout: FileLayout) {
    let mut bed = Bed::new(layout);
    assert_eq!(bed.bench.visit(&hashes(3, &[10, 11])), 8);
    assert_eq!(bed.bench.engine.counters().hits, [0, 0, 2]);
}

#[rstest]
#[case::to_nothing(FileLayout::SlotFile, 0)]
#[case::within_the_payload(FileLayout::SlotFile, 10)]
#[case::before_the_trailer(FileLayout::SlotFile, 4096)]
#[case::to_nothing_by_slot(FileLayout::FilePerSlot, 0)]
#[case::before_the_trailer_by_slot(FileLayout::FilePerSlot, 4096)]
fn a_file_cut_short_is_a_miss(#[case] layout: FileLayout, #[case] left: u64) {
    let bed = Bed::new(layout);
    // In one file, whichever of the two lies first goes with what lies behind it.
    let first = (0..2).min_by_key(|&block| (bed.file(block), block)).unwrap();
    let (path, at) = bed.file(first);
    write(&path).set_len(at + left).unwrap();
    bed.loses(match layout {
        FileLayout::SlotFile | FileLayout::Striped { .. } => 0,
        FileLayout::FilePerSlot => first as u32,
    });
}

#[rstest]
#[case::one_file(FileLayout::SlotFile)]
#[case::a_file_each(FileLayout::FilePerSlot)]
fn an_edited_file_is_a_miss(
    #[case] layout: FileLayout,
    #[values(0, 1)] block: u32,
    #[values(0, 63, 4096, 4096 + 64)] byte: u64,
) {
    let bed = Bed::new(layout);
    let (path, at) = bed.file(block as usize);
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut old = [0];
    file.read_exact_at(&mut old, at + byte).unwrap();
    file.write_all_at(&[!old[0]], at + byte).unwrap();
    bed.loses(block);
}

#[rstest]
#[case::one_file(FileLayout::SlotFile)]
#[case::a_file_each(FileLayout::FilePerSlot)]
fn exchanged_slots_are_misses(#[case] layout: FileLayout) {
    let bed = Bed::new(layout);
    let places = [0, 1].map(|block| bed.file(block));
    let slots = places.each_ref().map(|(path, at)| {
        let mut bytes = vec![0; STRIDE as usize];
        File::open(path).unwrap().read_exact_at(&mut bytes, *at).unwrap();
        bytes
    });
    for ((path, at), bytes) in places.iter().zip(slots.iter().rev()) {
        write(path).write_all_at(bytes, *at).unwrap();
    }
    bed.loses(0);
}

#[test]
fn a_deleted_file_is_a_miss_where_it_is_opened_by_name() {
    let bed = Bed::new(FileLayout::FilePerSlot);
    fs::remove_file(bed.file(1).0).unwrap();
    bed.loses(1);
}

#[test]
fn a_deleted_file_that_is_open_is_still_read() {
    let mut bed = Bed::new(FileLayout::SlotFile);
    fs::remove_file(bed.file(1).0).unwrap();
    assert_eq!(bed.bench.visit(&hashes(3, &[10, 11])), 8);
}

/// The bytes are the same, and the file is not the one that was made.
#[test]
fn a_replaced_file_is_a_miss() {
    let bed = Bed::new(FileLayout::FilePerSlot);
    let (path, _) = bed.file(1);
    let copy = path.with_extension("copy");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    bed.loses(1);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let bed = Bed::new(FileLayout::FilePerSlot);
    let (path, _) = bed.file(1);
    let elsewhere = bed.root.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    bed.loses(1);
}

/// What is stored to a file that is gone is lost when it is wanted, and not before.
#[test]
fn a_store_to_a_deleted_file_is_a_miss_of_that_block_alone() {
    let mut bed = Bed::new(FileLayout::FilePerSlot);
    let blocks: Vec<_> = bed.bench.engine.blocks(0).unwrap().collect();
    let empty = |block: usize| blocks[block].place.tier == Disk && !blocks[block].findable;
    for block in (0..8).filter(|&block| empty(block)) {
        fs::remove_file(bed.file(block).0).unwrap();
    }
    // 23 and 22 go where the files were.
    bed.bench.add(&on_disk(hashes(3, &[30, 31]))).unwrap();
    assert_eq!(bed.bench.run(3).lost_from, None);
    bed.bench.remove(3);
    assert_eq!(bed.bench.add(&on_disk(hashes(4, &[20, 21, 22, 23]))), Ok(16));
    assert_eq!(bed.bench.run(4), Settled { matched_tokens: 8, lost_from: Some(8) });
    assert_eq!(bed.bench.engine.counters().lost_hits, 2);
}
