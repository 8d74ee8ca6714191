//! Promise: what is sent down comes back as it was, whole or in part, whatever the width of a
//! number; and moves of one block follow each other.

use rstest::rstest;
use tierproof_core::{Backend, Element, PoolShape, Tier, TransferMode};
use tierproof_sim::SimConfig;
use tierproof_tests::words::R;

use super::cell::Cell;
use super::rig::{Plan, Rig, bytes};
use crate::backends::{On, root, sim, walk};

const LAYERS: usize = 12;
const HEADS: usize = 6;
const HEAD_DIM: usize = 128;
const TOKENS: usize = 8;
const ROWS: usize = LAYERS * 2 * HEADS;

fn v42_plan(element: Element, host: u32, disk: u32) -> Plan {
    let pool = PoolShape::Attention {
        layers: LAYERS as u32,
        kv_factor: 2,
        heads: HEADS as u32,
        head_dim: HEAD_DIM as u32,
        element,
    };
    let tokens_per_block = TOKENS as u32;
    Plan { pool, tokens_per_block, ..Plan::of(4, host, disk).unverified() }
}

/// Numbers of `width` bytes that count up from a start of the block's own.
fn numbers(block: u32, width: usize) -> Vec<u8> {
    let count = (ROWS * TOKENS * HEAD_DIM) as u64;
    let first = u64::from(block) * 1_000_003;
    (first..first + count).flat_map(|number| number.to_le_bytes()[..width].to_vec()).collect()
}

/// Each block goes down, gets a pattern there, and comes back. A request with the same prompt finds
/// the patterns; one with a prefix of it gets exactly its tokens of them.
fn v42<B: Backend>(
    mut rig: Rig<B>,
    width: usize,
    mode: TransferMode,
    below: Tier,
    write_below: impl Fn(&mut Rig<B>, u32, &[u8]),
) {
    rig.add(0, R(0, 17), mode);
    assert_eq!(rig.ids(0), [0, 1, 2]);
    for block in 0..3 {
        rig.offload(block);
        rig.settle(0);
        assert_eq!(rig.place(block).0, below);
        write_below(&mut rig, block, &numbers(block, width));
        rig.onboard(block);
        rig.settle(0);
        assert_eq!(rig.place(block).0, Tier::Device);
        assert!(rig.read(0, block) == numbers(block, width), "block {block} came back otherwise");
    }
    rig.remove(0);

    assert_eq!(rig.add(1, R(0, 17), mode).matched_tokens, 16);
    assert_eq!(rig.ids(1), [0, 1, 6]);
    rig.settle(1);
    for block in 0..2 {
        assert!(rig.read(0, block) == numbers(block, width), "block {block} changed");
    }

    let zeros = vec![0; ROWS * TOKENS * HEAD_DIM * width];
    rig.write(0, 2, &zeros);
    assert_eq!(rig.add(2, R(0, 12), mode).matched_tokens, 11);
    assert_eq!(rig.ids(2), [0, 2]);
    rig.settle(2);
    let mut expected = zeros;
    let row = TOKENS * HEAD_DIM * width;
    for (target, source) in expected.chunks_mut(row).zip(numbers(1, width).chunks(row)) {
        let three = 3 * HEAD_DIM * width;
        target[..three].copy_from_slice(&source[..three]);
    }
    assert!(rig.read(0, 2) == expected, "not exactly three tokens of each row were copied");
}

#[rstest]
#[case(Element::Bits8, 1)]
#[case(Element::Bits16, 2)]
#[case(Element::Bits32, 4)]
#[case(Element::Bits64, 8)]
fn v42_contents_come_back_from_host_memory(
    #[case] element: Element,
    #[case] width: usize,
    #[values(On::Sim(0), On::Dram)] on: On,
) {
    come_back_from_host_memory(on, element, width);
}

pub(crate) fn come_back_from_host_memory(on: On, element: Element, width: usize) {
    let root = root();
    let rig = Rig::new(v42_plan(element, 4, 0).config(), on.open(root.path()));
    v42(rig, width, TransferMode::Dram, Tier::Host, |rig, block, pattern| {
        rig.write(0, block, pattern);
    });
}

/// Somebody else writes the pattern: into the file itself.
#[rstest]
#[case(Element::Bits8, 1)]
#[case(Element::Bits16, 2)]
#[case(Element::Bits32, 4)]
#[case(Element::Bits64, 8)]
fn v42_contents_come_back_from_files(
    #[case] element: Element,
    #[case] width: usize,
    #[values(On::Posix, On::PosixPerSlot)] on: On,
) {
    come_back_from_files(on, TransferMode::Posix, element, width);
}

pub(crate) fn come_back_from_files(on: On, mode: TransferMode, element: Element, width: usize) {
    let root = root();
    let rig = Rig::new(v42_plan(element, 0, 4).config(), on.open(root.path()));
    v42(rig, width, mode, Tier::Disk, |rig, block, pattern| {
        Cell::of(rig, root.path(), block).write(pattern);
    });
}

#[rstest]
fn v43_moves_of_one_block_follow_each_other(#[values(0, 1, 2, 3)] seed: u64) {
    let rig = moves_follow_each_other(sim(SimConfig { seed, ..SimConfig::default() }));
    assert!(rig.engine.backend().inner().misuses().is_empty());
}

/// Down and up again at once, then down once more: the host holds what the device held first, not
/// what the host held.
pub(crate) fn moves_follow_each_other<B: Backend>(backend: B) -> Rig<B> {
    const LEN: usize = 16384 * 4;
    let pool = PoolShape::Opaque { bytes: LEN as u64 };
    let plan = Plan { pool, ..Plan::of(1, 1, 0).unverified() };
    let mut rig = Rig::new(plan.config(), backend);
    rig.add(0, R(0, 4), TransferMode::Dram);
    rig.write(0, 0, &[0; LEN]);
    // Whatever block is below, its slots hold ones.
    rig.write(0, 1, &[1; LEN]);
    rig.write(0, 2, &[1; LEN]);
    rig.offload(0);
    rig.onboard(0);
    rig.drain();
    rig.offload(0);
    rig.drain();
    assert_eq!(rig.place(0).0, Tier::Host);
    assert!(rig.read(0, 0).iter().all(|byte| *byte == 0));
    rig
}

#[rstest]
fn v57_a_partial_copy_on_the_device_opens_no_file(#[values(On::Posix, On::PosixPerSlot)] on: On) {
    a_partial_copy_on_the_device_opens_no_file(on);
}

/// A partial match of a block on the device is a copy on the device, whatever the request says of
/// files: it works although every file is empty and has no name.
pub(crate) fn a_partial_copy_on_the_device_opens_no_file(on: On) {
    let root = root();
    let mut rig = Rig::new(Plan::of(4, 0, 4).config(), on.open(root.path()));
    rig.add(0, R(0, 8), TransferMode::Gds);
    rig.write(0, 0, &bytes(1, 4096));
    rig.engine.store(tierproof_core::RequestId(0)).expect("the request lives");
    let files = walk(root.path());
    assert!(!files.is_empty(), "there is a disk tier");
    for path in files {
        let whole = Cell { path, offset: 0 };
        whole.cut(0);
        whole.remove();
    }
    assert_eq!(rig.add(1, vec![0, 1, 2, 9, 9], TransferMode::Gds).matched_tokens, 3);
    assert_eq!(rig.settle(1).lost_from, None);
    let copy = rig.ids(1)[0];
    assert!(rig.read(0, copy) == bytes(1, 4096), "the copy differs");
    let traffic = rig.traffic();
    assert_eq!((traffic.parts, traffic.routes[0][0], traffic.file_parts()), (1, 1, 0));
}

#[rstest]
fn v58_a_file_holds_the_final_bytes(#[values(On::Posix, On::PosixPerSlot)] on: On) {
    a_file_holds_the_final_bytes(on);
}

/// The file holds what the block held when it was sent down: the last of several writes, and also
/// what a transfer was still bringing when the order came.
pub(crate) fn a_file_holds_the_final_bytes(on: On) {
    let root = root();
    let mut rig = Rig::new(Plan::of(2, 0, 2).unverified().config(), on.open(root.path()));
    rig.add(0, R(0, 4), TransferMode::Posix);
    for write in 0..5 {
        rig.write(0, 0, &bytes(write, 4096));
    }
    rig.offload(0);
    rig.onboard(0);
    rig.offload(0);
    rig.drain();
    let file = Cell::of(&rig, root.path(), 0).read(4096);
    assert!(file == bytes(4, 4096), "the file holds something else");
}
