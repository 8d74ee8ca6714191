//! Promise: a hundred bytes of a GPU's memory go to a file and come from one, and are the same hundred bytes: the
//! plugin alone, without an engine.

use crate::Files;
use crate::bench::{at, copy, folder, medium};
use crate::watchdog::{Watchdog, run};
use rstest::rstest;
use std::path::Path;
use tierproof_backends::NixlConfig;
use tierproof_core::{Backend, Bytes, Descriptor, Medium, MediumKind, RegionId};

const LEN: Bytes = 100;
const STRIDE: Bytes = 4096;
/// Where regions of files of this rank, window and pool are.
const FILE: &str = "kv/rank1_window2_pool0.slots";

/// A hundred bytes of memory, and a file with one slot.
struct Loop {
    backend: Watchdog<Files>,
    memory: RegionId,
    file: RegionId,
}

impl Loop {
    fn new(root: &Path, memory: MediumKind) -> Self {
        let config = NixlConfig { gpu: Some(0), keep: true, ..NixlConfig::new(root) };
        let backend = Files::open(config).unwrap_or_else(|error| panic!("{error}"));
        let mut backend = Watchdog::new(backend);
        let memory = match memory {
            MediumKind::Device => Medium::Device { ordinal: 0 },
            _ => Medium::Host,
        };
        let memory = backend.allocate(&memory, LEN).unwrap();
        let file = backend.allocate(&Medium::File(medium(0, STRIDE)), STRIDE).unwrap();
        Self { backend, memory, file }
    }

    fn memory(&self) -> Descriptor {
        at(self.memory, 0, LEN)
    }

    fn file(&self) -> Descriptor {
        at(self.file, 0, LEN)
    }
}

/// The file is somebody else's doing, before and behind the backend's back.
#[rstest]
fn v44_a_read_brings_what_is_in_the_file(
    #[values(MediumKind::Device, MediumKind::Host)] memory: MediumKind,
) {
    let folder = folder();
    let mut pair = Loop::new(folder.path(), memory);
    let (memory, file) = (pair.memory(), pair.file());
    pair.backend.fill(memory, &[1; LEN as usize]).unwrap();
    let path = folder.path().join(FILE);
    let tens = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&tens, &[10; LEN as usize], 0).unwrap();
    tens.sync_data().unwrap();
    run(&mut pair.backend, &[copy(file, memory)]);
    let mut seen = [0; LEN as usize];
    pair.backend.peek(memory, &mut seen).unwrap();
    assert_eq!(seen, [10; LEN as usize]);
}

/// Read when the backend is gone, so that the file holds them by itself.
#[rstest]
fn v44_a_write_leaves_what_was_in_memory(
    #[values(MediumKind::Device, MediumKind::Host)] memory: MediumKind,
) {
    let folder = folder();
    let mut pair = Loop::new(folder.path(), memory);
    let (memory, file) = (pair.memory(), pair.file());
    pair.backend.fill(file, &[10; LEN as usize]).unwrap();
    pair.backend.fill(memory, &[1; LEN as usize]).unwrap();
    run(&mut pair.backend, &[copy(memory, file)]);
    drop(pair);
    let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
    assert_eq!(bytes[..LEN as usize], [1; LEN as usize]);
}
