//! A small stage for tests of one plugin: host memory and a file with slots of a page.

use super::*;
use tempfile::TempDir;
use tierproof_core::{Fault, FileMedium, FileRole, Part as RequestPart};

/// Bytes of a slot.
pub(super) const LEN: Bytes = 4096;
const SLOTS: u64 = 128;

pub(super) struct Stage<P: Plugin> {
    pub(super) nixl: Nixl<P>,
    pub(super) host: RegionId,
    pub(super) file: RegionId,
    pub(super) folder: TempDir,
}

impl<P: Plugin> Stage<P> {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut nixl = Nixl::<P>::open(NixlConfig::new(folder.path())).unwrap();
        let medium = FileMedium {
            directory: String::new(),
            rank: 0,
            window: 0,
            pool: 0,
            role: FileRole::Scratch,
            stride: LEN,
        };
        let host = nixl.allocate(&Medium::Host, SLOTS * LEN).unwrap();
        let file = nixl.allocate(&Medium::File(medium), SLOTS * LEN).unwrap();
        Self { nixl, host, file, folder }
    }

    pub(super) fn store(&self, slot: u64) -> RequestPart {
        let (source, target) = (at(self.host, slot), at(self.file, slot));
        RequestPart { source, target, rows: None, check: None, seal: None }
    }

    pub(super) fn load(&self, slot: u64) -> RequestPart {
        let (source, target) = (at(self.file, slot), at(self.host, slot));
        RequestPart { source, target, rows: None, check: None, seal: None }
    }

    pub(super) fn submit(&mut self, parts: Vec<RequestPart>) -> Result<TransferId> {
        let request = TransferRequest { deadline: Nanos::MAX, parts, ..Default::default() };
        self.nixl.submit(&request)
    }

    pub(super) fn run(&mut self, parts: Vec<RequestPart>) -> Vec<(u32, Fault)> {
        let id = self.submit(parts).unwrap();
        let mut done = Vec::new();
        while done.is_empty() {
            self.nixl.park(Nanos::MAX);
            self.nixl.poll(&mut done).unwrap();
        }
        assert_eq!(done[0].id, id);
        done.remove(0).faults
    }

    pub(super) fn agent(&self) -> *const Agent {
        self.nixl.agents.current_address()
    }
}

/// A slot of a region.
pub(super) fn at(region: RegionId, slot: u64) -> Descriptor {
    Descriptor { region, offset: slot * LEN, len: LEN }
}
