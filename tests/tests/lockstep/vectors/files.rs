//! Promise: files hold the bytes of their blocks, nobody's files collide, and whoever asks for files
//! in vain gets none.

use std::path::{Path, PathBuf};

use rstest::rstest;
use tierproof::lockstep::driver::{Bytes, Setup};
use tierproof::lockstep::plan::{Op, Plan as Saved};
use tierproof_core::{BlockId, EngineConfig, NoFiles, TransferMode, WindowConfig};
use tierproof_tests::words::{DIRECTORY, R, Request, Script, config};

use super::cell::Cell;
use super::rig::{Plan, Rig, bytes};
use crate::backends::{On, root, walk};

#[rstest]
fn v45_without_a_directory_nothing_goes_to_files(#[values(On::Posix, On::PosixPerSlot)] on: On) {
    without_a_directory_nothing_goes_to_files(on);
}

pub(crate) fn without_a_directory_nothing_goes_to_files(on: On) {
    let root = root();
    let mut rig = Rig::new(Plan::of(1, 1, 1).config(), on.open(root.path()));
    let before = contents(root.path());
    let admission = rig.add_in(0, R(0, 4), TransferMode::Gds, "");
    assert_eq!(admission.fallback, Some(NoFiles::EmptyDirectory));
    rig.write(0, 0, &bytes(7, 4096));
    rig.remove(0);
    rig.add_in(1, R(50, 54), TransferMode::Gds, "");
    rig.remove(1);
    rig.add_in(2, R(60, 64), TransferMode::Gds, "");
    rig.drain();
    assert!(before == contents(root.path()), "files changed");
    assert_eq!((rig.traffic().routes[0][1], rig.traffic().file_parts()), (2, 0));
}

fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("it can be read");
        (path, bytes)
    };
    walk(directory).into_iter().map(read).collect()
}

#[rstest]
fn v45_a_file_holds_its_blocks_bytes(#[values(On::Posix, On::PosixPerSlot)] on: On) {
    a_file_holds_its_blocks_bytes(on);
}

pub(crate) fn a_file_holds_its_blocks_bytes(on: On) {
    let root = root();
    let mut rig = Rig::new(Plan::of(2, 0, 2).config(), on.open(root.path()));
    rig.add(0, R(0, 8), TransferMode::Posix);
    for block in 0..2 {
        rig.write(0, block, &bytes(block as u8 + 1, 4096));
        rig.offload(block);
    }
    rig.drain();
    for block in 0..2 {
        let file = Cell::of(&rig, root.path(), block).read(4096);
        assert!(file == bytes(block as u8 + 1, 4096), "block {block}");
    }
}

#[rstest]
fn v52_windows_and_ranks_do_not_collide(#[values(On::Posix, On::PosixPerSlot)] on: On) {
    windows_and_ranks_do_not_collide(on);
}

/// Two ranks with two windows each, all with blocks of the same ids, in one directory. Each block
/// comes back as its own, twice over: what a slot held before does not show through.
pub(crate) fn windows_and_ranks_do_not_collide(on: On) {
    let root = root();
    let ranks = |rank| {
        let plan = Plan { rank, ..Plan::of(2, 0, 2) };
        let EngineConfig { windows, .. } = plan.config();
        let small = WindowConfig { size: 2048, ..windows[0].clone() };
        let windows = vec![windows[0].clone(), small];
        Rig::new(EngineConfig { windows, ..plan.config() }, on.open(root.path()))
    };
    let mut rigs = [ranks(0), ranks(1)];
    for round in 0..2_i32 {
        let content = |rank: usize, window: usize, block: u32| {
            bytes(round as u8 * 64 + (rank * 16 + window * 8) as u8 + block as u8 + 1, 4096)
        };
        for (rank, rig) in rigs.iter_mut().enumerate() {
            // Each round has a prompt of its own, so nothing is found and all is written.
            rig.add(0, R(round * 100, round * 100 + 8), TransferMode::Posix);
            rig.settle(0);
            for window in 0..2 {
                for (index, block) in rig.ids_in(window, 0).into_iter().enumerate() {
                    rig.write(window, block, &content(rank, window, index as u32));
                    rig.engine.offload(window, BlockId(block)).expect("the disk has room");
                }
            }
        }
        rigs.iter_mut().for_each(Rig::drain);
        for (rank, rig) in rigs.iter_mut().enumerate() {
            for window in 0..2 {
                for (index, block) in rig.ids_in(window, 0).into_iter().enumerate() {
                    let found = rig.read(window, block);
                    let own = content(rank, window, index as u32);
                    assert!(found == own, "rank {rank} window {window} block {block} in its file");
                    rig.engine.onboard(window, BlockId(block)).expect("the device has room");
                    rig.settle(0);
                    assert!(rig.read(window, block) == own, "rank {rank} window {window}");
                }
            }
            rig.remove(0);
        }
    }
}

/// What one kind of request spills the other kind finds, and the bytes are right.
pub(crate) fn v53() -> Saved {
    Script::new(config(4, 1, 64).host(1).disk(2))
        .visit(Request::of(0, R(0, 4)))
        .visit(Request::hashes(1, &[7]))
        .visit(Request::hashes(2, &[7]).gds(DIRECTORY))
        .visit(Request::hashes(3, &[8]).gds(DIRECTORY))
        .visit(Request::hashes(4, &[9]).gds(DIRECTORY))
        .visit(Request::hashes(5, &[7]))
        .visit(Request::hashes(6, &[8]))
        .visit(Request::hashes(7, &[7]).files(DIRECTORY))
        .plan()
}

/// Sent to disk, waited for, and only then fetched.
pub(crate) fn v54() -> Saved {
    Script::new(config(4, 2, 64).disk(2))
        .admit(Request::of(0, R(0, 8)).files(DIRECTORY))
        .offload(0, 0)
        .offload(0, 1)
        .then(Op::Drain)
        .onboard(0, 0)
        .then(Op::Drain)
        .onboard(0, 1)
        .then(Op::Settle { request: 0 })
        .plan()
}

/// The decision log of [`v53`] has these lines.
pub(crate) const V53: &[&str] = &["hit 0 1 1", "hit 0 1 2"];
/// And that of [`v54`] these.
pub(crate) const V54: &[&str] = &["onboard 0 0 2", "onboard 0 1 2"];

#[rstest]
#[case::v53_modes_mix(v53(), V53)]
#[case::v54_a_disk_block_comes_back_after_a_wait(v54(), V54)]
fn bytes_are_right(
    #[case] plan: Saved,
    #[case] lines: &[&str],
    #[values(On::Sim(0), On::Dram, On::Posix, On::PosixPerSlot)] on: On,
    #[values(Bytes::Every, Bytes::Lazy)] bytes: Bytes,
) {
    has_right_bytes(&plan, lines, on, bytes);
}

/// Engine and model agree on every byte, and what the plan is about happens in it.
pub(crate) fn has_right_bytes(plan: &Saved, lines: &[&str], on: On, bytes: Bytes) {
    let log = on.log(plan, Setup { bytes, ..Setup::default() });
    let log = log.unwrap_or_else(|mismatch| panic!("{mismatch}"));
    for line in lines {
        assert!(log.iter().any(|other| other == line), "{line} is not in\n{}", log.join("\n"));
    }
}
