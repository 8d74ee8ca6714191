//! The files of a cache, as others see them.

use crate::cache::{DIRECTORY, STRIDE, WINDOW};
use crate::on::On;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What nobody's block holds.
pub(crate) const GARBAGE: u8 = 0x5a;

#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    on: On,
}

impl Folder {
    pub(crate) fn new(on: On, root: &Path) -> Self {
        Self { root: root.to_owned(), on }
    }

    /// Where the slots' files are.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(DIRECTORY)
    }

    /// Where others put what they take away.
    pub(crate) fn aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    /// The file of a slot, and where in it the slot begins.
    pub(crate) fn slot(&self, slot: u32) -> (PathBuf, u64) {
        let (name, at) = if self.on.has_a_file_for_each_slot() {
            (format!("rank0_window{WINDOW}_block_{slot}_pool_0.bin"), 0)
        } else {
            (format!("rank0_window{WINDOW}_pool0.slots"), u64::from(slot) * STRIDE)
        };
        (self.path().join(name), at)
    }

    /// Writes over `len` bytes from byte `from` of a slot.
    pub(crate) fn edit(&self, slot: u32, from: u64, len: usize, edit: impl Fn(u8) -> u8) {
        let (path, at) = self.slot(slot);
        let file = OpenOptions::new().read(true).write(true).open(path).expect("it is there");
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at + from).expect("it is that long");
        bytes.iter_mut().for_each(|byte| *byte = edit(*byte));
        file.write_all_at(&bytes, at + from).expect("it is ours");
    }

    /// Cuts a slot's file after `left` bytes of the slot.
    pub(crate) fn cut(&self, slot: u32, left: u64) {
        let (path, at) = self.slot(slot);
        resize(&path, at + left);
    }

    /// Names of the files that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path()) else { return Vec::new() };
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("plain names")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

pub(crate) fn resize(path: &Path, len: u64) {
    let file: File = OpenOptions::new().write(true).open(path).expect("it is there");
    file.set_len(len).expect("it is ours");
}
