//! Promise (55): where a file is not what it was, nothing hangs and no wrong byte is served: the
//! block leaves the tree and is computed anew, and not one free block is lost.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use rstest::rstest;
use tierproof_backends::FileLayout;
use tierproof_core::{Tier, TransferMode};
use tierproof_tests::words::R;

use super::rig::{Plan, Rig, bytes, slot_file};
use crate::backends::{posix, root};

/// What happened to the file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Emptied,
    CutInTheMiddle,
    Removed,
    OneBitFlipped,
}

impl Harm {
    fn come_to(self, path: &Path) {
        let file = OpenOptions::new().write(true).open(path).expect("the block was spilled");
        match self {
            Self::Emptied => file.set_len(0).expect("it can be cut"),
            Self::CutInTheMiddle => file.set_len(1000).expect("it can be cut"),
            Self::Removed => fs::remove_file(path).expect("it can be removed"),
            Self::OneBitFlipped => flip(&file, path),
        }
    }
}

fn flip(mut file: &fs::File, path: &Path) {
    let byte = fs::read(path).expect("it can be read")[1234];
    file.seek(SeekFrom::Start(1234)).expect("it is long enough");
    file.write_all(&[byte ^ 1]).expect("it can be written");
}

#[rstest]
fn v55_a_damaged_file_is_a_miss(
    #[values(Harm::Emptied, Harm::CutInTheMiddle, Harm::Removed, Harm::OneBitFlipped)] harm: Harm,
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
) {
    let root = root();
    let backend = posix(&root, FileLayout::FilePerSlot);
    let mut rig = Rig::new(Plan::of(2, 0, 2).config(), backend);
    let free = |rig: &Rig<_>| [rig.free(Tier::Device), rig.free(Tier::Disk)];
    let unused = free(&rig);

    // Two blocks of one prompt sink to disk; the first one's file is harmed there.
    rig.add(0, R(0, 8), mode);
    rig.write(0, 0, &bytes(1, 4096));
    rig.write(0, 1, &bytes(2, 4096));
    rig.remove(0);
    rig.add(1, R(50, 58), mode);
    rig.remove(1);
    rig.drain();
    let (tier, slot) = rig.place(0);
    assert_eq!(tier, Tier::Disk);
    harm.come_to(&slot_file(root.path(), slot));

    // Found, and then lost: everything from there on is computed anew.
    assert_eq!(rig.add(2, R(0, 8), mode).matched_tokens, 7);
    let settled = rig.settle(2);
    assert_eq!((settled.matched_tokens, settled.lost_from), (0, Some(0)));
    assert!(!rig.findable(0));
    rig.drain();
    // A slot without its file can't be written either, so what was sent there is lost, too.
    let failed = if matches!(harm, Harm::Removed) { 2 } else { 1 };
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
