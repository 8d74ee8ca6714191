//! Promise (55): where a file is not what it was, nothing hangs and no wrong byte is served: the
//! block leaves the tree and is computed anew, and not one free block is lost.

use rstest::rstest;
use tierproof_core::{Backend, Tier, TransferMode};
use tierproof_tests::words::R;

use super::cell::Cell;
use super::rig::{Plan, Rig, bytes};
use crate::backends::{On, root};

/// What happened to the block in its file. In a slot file what is cut is all from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    CutAway,
    CutInTheMiddle,
    OneBitFlipped,
    /// The whole file, where each slot has its own. See
    /// [`a_slot_file_without_a_name_serves_on`] for the other kind.
    Removed,
}

impl Harm {
    fn come_to(self, cell: &Cell) {
        match self {
            Self::CutAway => cell.cut(0),
            Self::CutInTheMiddle => cell.cut(1000),
            Self::OneBitFlipped => flip(cell),
            Self::Removed => cell.remove(),
        }
    }
}

fn flip(cell: &Cell) {
    let mut block = cell.read(4096);
    block[1234] ^= 1;
    cell.write(&block);
}

#[rstest]
fn v55_a_damaged_file_is_a_miss(
    #[values(Harm::CutAway, Harm::CutInTheMiddle, Harm::OneBitFlipped)] harm: Harm,
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
    #[values(On::Posix, On::PosixPerSlot)] on: On,
) {
    a_damaged_file_is_a_miss(on, harm, mode);
}

#[rstest]
fn v55_a_missing_file_is_a_miss(
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
) {
    a_damaged_file_is_a_miss(On::PosixPerSlot, Harm::Removed, mode);
}

#[rstest]
fn v55_a_slot_file_without_a_name_serves_on(
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
) {
    a_slot_file_without_a_name_serves_on(On::Posix, mode);
}

/// Two blocks of one prompt sink to disk, the second one first, so that its slot comes first.
fn two_on_disk<B: Backend>(rig: &mut Rig<B>, mode: TransferMode) {
    rig.add(0, R(0, 8), mode);
    rig.write(0, 0, &bytes(1, 4096));
    rig.write(0, 1, &bytes(2, 4096));
    rig.remove(0);
    rig.add(1, R(50, 58), mode);
    rig.remove(1);
    rig.drain();
    assert_eq!((rig.place(1), rig.place(0)), ((Tier::Disk, 0), (Tier::Disk, 1)));
}

pub(crate) fn a_damaged_file_is_a_miss(on: On, harm: Harm, mode: TransferMode) {
    let root = root();
    let mut rig = Rig::new(Plan::of(2, 0, 2).config(), on.open(root.path()));
    let free = |rig: &Rig<_>| [rig.free(Tier::Device), rig.free(Tier::Disk)];
    let unused = free(&rig);

    two_on_disk(&mut rig, mode);
    harm.come_to(&Cell::of(&rig, root.path(), 0));

    // Found, and then lost: everything from there on is computed anew.
    assert_eq!(rig.add(2, R(0, 8), mode).matched_tokens, 7);
    let settled = rig.settle(2);
    assert_eq!((settled.matched_tokens, settled.lost_from), (0, Some(0)));
    assert!(!rig.findable(0));
    rig.drain();
    // A slot without its file can't be written either, so what was sent there is lost, too.
    let failed = if harm == Harm::Removed { 2 } else { 1 };
    assert_eq!(rig.engine.transfer_stats().failed, failed);
    assert_eq!(rig.engine.counters().lost_hits, 1);
    for (index, block) in rig.ids(2).into_iter().enumerate() {
        rig.write(0, block, &bytes(index as u8 + 3, 4096));
    }
    rig.remove(2);
    rig.drain();
    assert_eq!(free(&rig), unused);

    // Others are served as before, and the new bytes are found.
    assert_eq!(rig.add(3, R(0, 8), mode).matched_tokens, 7);
    assert_eq!(rig.settle(3).matched_tokens, 7);
    let first = rig.ids(3)[0];
    assert!(rig.read(0, first) == bytes(3, 4096), "the block was computed anew");
}

/// A slot file stays open, so who takes its name away takes no block: nothing is lost, and no byte is
/// another.
pub(crate) fn a_slot_file_without_a_name_serves_on(on: On, mode: TransferMode) {
    let root = root();
    let mut rig = Rig::new(Plan::of(2, 0, 2).config(), on.open(root.path()));
    two_on_disk(&mut rig, mode);
    Cell::of(&rig, root.path(), 0).remove();

    assert_eq!(rig.add(2, R(0, 8), mode).matched_tokens, 7);
    let settled = rig.settle(2);
    assert_eq!((settled.matched_tokens, settled.lost_from), (7, None));
    for (block, seed) in rig.ids(2).into_iter().zip([1, 2]) {
        assert!(rig.read(0, block) == bytes(seed, 4096), "block {block} came back otherwise");
    }
    rig.remove(2);
    rig.drain();
    assert_eq!(rig.engine.transfer_stats().failed, 0);
}
