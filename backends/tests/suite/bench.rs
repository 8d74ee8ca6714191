//! A small bench: every kind of backend on a folder of its own, and requests in one line.

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tierproof_backends::{DirectIo, FileLayout, PosixConfig};
use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, ErrorKind, Fault, FileMedium, FileRole, Medium,
    MediumKind, Nanos, Part, RegionId, Result, Stamp, TransferId, TransferRequest,
};

/// What every test that says nothing else is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Dram,
    Buffered,
    Direct,
    PerSlot,
}

pub(crate) const STRIDE: Bytes = 4 << 20;
pub(crate) const DEVICE: Medium = Medium::Device { ordinal: 0 };

/// A backend, and the folder that goes after it.
pub(crate) struct Bench {
    pub(crate) backend: Box<dyn Backend>,
    folder: TempDir,
    pools: u32,
}

/// A folder on a disk: what `/tmp` is on takes no direct I/O everywhere.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(scratch()).expect("a folder for tests")
}

/// Where tests write: on another machine than the one that built them, where `TIERPROOF_SCRATCH` says.
pub(crate) fn scratch() -> PathBuf {
    let elsewhere = std::env::var_os("TIERPROOF_SCRATCH");
    elsewhere.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}

pub(crate) fn config(kind: Kind, root: &Path) -> PosixConfig {
    let config = PosixConfig::new(root);
    match kind {
        Kind::Dram => unreachable!("dram has no files"),
        Kind::Buffered => PosixConfig { direct: DirectIo::Never, ..config },
        Kind::Direct => config,
        Kind::PerSlot => PosixConfig { layout: FileLayout::FilePerSlot, ..config },
    }
}

/// Opens files as this run of the suite does.
pub(crate) fn open(config: PosixConfig) -> Box<dyn Backend> {
    match crate::files(config) {
        Ok(backend) => backend,
        Err(error) => panic!("a folder of ours and valid settings: {error}"),
    }
}

pub(crate) fn medium(pool: u32, stride: Bytes) -> FileMedium {
    FileMedium { directory: "kv".into(), rank: 1, window: 2, pool, role: FileRole::Scratch, stride }
}

impl Bench {
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = folder();
        let backend: Box<dyn Backend> = match kind {
            Kind::Dram => match crate::memory() {
                Ok(backend) => backend,
                Err(error) => panic!("memory for every medium: {error}"),
            },
            _ => open(config(kind, folder.path())),
        };
        Self { backend, folder, pools: 0 }
    }

    /// With one worker, which does one part after another.
    pub(crate) fn patient(kind: Kind) -> Self {
        let mut bench = Self::new(kind);
        if kind != Kind::Dram {
            let config = PosixConfig { threads: 1, ..config(kind, bench.folder.path()) };
            bench.backend = open(config);
        }
        bench
    }

    /// A region on a medium; of files with slots of `STRIDE` bytes.
    pub(crate) fn region(&mut self, kind: MediumKind, len: Bytes) -> RegionId {
        let medium = match kind {
            MediumKind::Device => DEVICE,
            MediumKind::Host => Medium::Host,
            MediumKind::File => {
                self.pools += 1;
                Medium::File(medium(self.pools - 1, STRIDE))
            }
        };
        self.backend.allocate(&medium, len).expect("room for the region")
    }

    pub(crate) fn alignment(&self) -> Bytes {
        self.backend.capability().alignment
    }

    pub(crate) fn fill(&mut self, target: Descriptor, bytes: &[u8]) {
        self.backend.fill(target, bytes).expect("nothing is in flight");
    }

    pub(crate) fn read(&mut self, source: Descriptor) -> Vec<u8> {
        let mut bytes = vec![0; source.len as usize];
        self.backend.peek(source, &mut bytes).expect("nothing is in flight");
        bytes
    }

    pub(crate) fn submit(&mut self, parts: &[Part]) -> TransferId {
        self.backend.submit(&request(parts)).expect("an acceptable request")
    }

    /// Waits for as many completions.
    pub(crate) fn wait(&mut self, count: usize) -> Vec<Completion> {
        let mut done = Vec::new();
        while done.len() < count {
            self.backend.park(Nanos::MAX);
            self.backend.poll(&mut done).expect("the backend goes on");
        }
        assert_eq!(done.len(), count);
        done
    }

    /// Carries a request out and answers with its faults.
    pub(crate) fn run(&mut self, parts: &[Part]) -> Vec<(u32, Fault)> {
        let id = self.submit(parts);
        let done = self.wait(1).remove(0);
        assert_eq!(done.id, id);
        done.faults
    }

    /// The folder of the files.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("kv")
    }
}

/// Everything beneath a folder: path, and the content of files.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(tree(&path));
            found.push((path, None));
        } else {
            let content = std::fs::read(&path).ok();
            found.push((path, content));
        }
    }
    found.sort();
    found
}

/// Names of the files in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    tree(folder)
        .iter()
        .filter(|(_, content)| content.is_some())
        .map(|(path, _)| name(path))
        .collect()
}

pub(crate) fn at(region: RegionId, offset: Bytes, len: Bytes) -> Descriptor {
    Descriptor { region, offset, len }
}

pub(crate) fn copy(source: Descriptor, target: Descriptor) -> Part {
    Part { source, target, rows: None, check: None, seal: None }
}

pub(crate) fn request(parts: &[Part]) -> TransferRequest {
    TransferRequest { deadline: Nanos::MAX, parts: parts.to_vec(), ..TransferRequest::default() }
}

pub(crate) fn stamp(len: Bytes) -> Stamp {
    Stamp { key: [1; 32], tenant: 2, layout: [3; 16], generation: 4, slot: 5, pool: 6, len }
}

pub(crate) fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// Bytes that differ from place to place and from seed to seed.
pub(crate) fn pattern(seed: u64, len: Bytes) -> Vec<u8> {
    (0..len).map(|i| ((seed + i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}
