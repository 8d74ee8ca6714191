//! Where a block on disk lies in the files of its backend: for whoever looks, or meddles, from outside.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tierproof_core::{Backend, BlockId, Tier};
use tierproof_tests::words::DIRECTORY;

use super::rig::{Rig, WINDOW};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
}

impl Cell {
    /// Where the bytes of a block on disk are: in the slot file, or in its slot's own.
    pub(crate) fn of<B: Backend>(rig: &Rig<B>, root: &Path, block: u32) -> Self {
        let (tier, slot) = rig.place(block);
        assert_eq!(tier, Tier::Disk, "block {block} is in no file");
        let folder = root.join(DIRECTORY);
        let shared = folder.join(format!("rank0_window{WINDOW}_pool0.slots"));
        if !shared.exists() {
            let own = folder.join(format!("rank0_window{WINDOW}_block_{slot}_pool_0.bin"));
            return Self { path: own, offset: 0 };
        }
        let at = rig.engine.descriptor(0, BlockId(block), 0).expect("the block is there");
        Self { path: shared, offset: at.offset }
    }

    pub(crate) fn read(&self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let file = File::open(&self.path).expect("the block was spilled");
        file.read_exact_at(&mut bytes, self.offset).expect("it is long enough");
        bytes
    }

    /// Synced, because the backend may read past the page cache.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let file = self.open();
        file.write_all_at(bytes, self.offset).expect("there is space");
        file.sync_data().expect("the disk takes it");
    }

    /// Cuts the file so that `len` bytes of the block are left.
    pub(crate) fn cut(&self, len: u64) {
        self.open().set_len(self.offset + len).expect("it can be cut");
    }

    /// Takes the file's name away.
    pub(crate) fn remove(&self) {
        std::fs::remove_file(&self.path).expect("it can be removed");
    }

    fn open(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).expect("the block was spilled")
    }
}
