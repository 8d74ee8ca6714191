//! Promise: ranges in flight can't be touched, and whoever tries is told `Busy` and has done
//! nothing. The tests take the claims that a transfer would have, so that it is always in flight.

use super::*;
use crate::files::rules::FileLayout;
use crate::files::store::SlotStore;
use crate::lend::{Access, Claim, Lent, LentMut, Memory};
use rstest::rstest;
use std::sync::Arc;
use tierproof_core::{FileMedium, FileRole, Part};

const STRIDE: Bytes = 8192;
const LEN: Bytes = 4096;

struct Stage {
    posix: Posix,
    host: RegionId,
    file: RegionId,
    _folder: tempfile::TempDir,
}

fn at(region: RegionId, offset: Bytes) -> Descriptor {
    Descriptor { region, offset, len: LEN }
}

impl Stage {
    fn new(layout: FileLayout) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = PosixConfig { layout, ..PosixConfig::new(folder.path()) };
        let mut posix = Posix::open(config).unwrap();
        let medium = FileMedium {
            directory: "kv".into(),
            rank: 0,
            window: 0,
            pool: 0,
            role: FileRole::Scratch,
            stride: STRIDE,
        };
        let host = posix.allocate(&Medium::Host, 2 * STRIDE).unwrap();
        let file = posix.allocate(&Medium::File(medium), 2 * STRIDE).unwrap();
        posix
            .fill(Descriptor { len: 2 * STRIDE, ..at(host, 0) }, &[1; 2 * STRIDE as usize])
            .unwrap();
        posix
            .fill(Descriptor { len: 2 * STRIDE, ..at(file, 0) }, &[2; 2 * STRIDE as usize])
            .unwrap();
        Self { posix, host, file, _folder: folder }
    }

    fn host_memory(&self) -> Arc<Memory> {
        match self.posix.regions.get(self.host) {
            Ok(Region::Memory(_, memory)) => Arc::clone(memory),
            other => panic!("{other:?}"),
        }
    }

    /// A claim to `LEN` bytes of the file from `offset`.
    fn claim(&self, offset: Bytes, access: Access) -> Claim<SlotStore> {
        let Ok(Region::File(store)) = self.posix.regions.get(self.file) else { panic!("a file") };
        Claim::new(store, offset..offset + LEN, access).expect("nobody else claims it")
    }

    fn submit(&mut self, source: Descriptor, target: Descriptor) -> Result<()> {
        let part = Part { source, target, rows: None, check: None, seal: None };
        let request =
            TransferRequest { deadline: Nanos::MAX, parts: vec![part], ..Default::default() };
        self.posix.submit(&request)?;
        let mut done = Vec::new();
        while done.is_empty() {
            self.posix.park(Nanos::MAX);
            self.posix.poll(&mut done)?;
        }
        assert!(done[0].faults.is_empty());
        Ok(())
    }

    fn byte(&mut self, region: RegionId, offset: Bytes) -> Result<u8> {
        let mut byte = [0];
        self.posix.peek(Descriptor { len: 1, ..at(region, offset) }, &mut byte)?;
        Ok(byte[0])
    }
}

fn busy<T: std::fmt::Debug>(result: Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Busy)
}

#[rstest]
fn a_file_range_that_is_written(
    #[values(FileLayout::SlotFile, FileLayout::FilePerSlot)] layout: FileLayout,
) {
    let mut stage = Stage::new(layout);
    let (host, file) = (stage.host, stage.file);
    let claim = stage.claim(STRIDE, Access::Write);
    assert!(busy(stage.submit(at(host, 0), at(file, STRIDE))));
    assert!(busy(stage.submit(at(file, STRIDE), at(host, 0))));
    assert!(busy(stage.byte(file, STRIDE + 5)));
    let there = Descriptor { len: 1, ..at(file, STRIDE + 5) };
    assert!(busy(stage.posix.fill(there, &[9])));
    assert!(busy(stage.posix.release(file)));
    assert_eq!(stage.byte(file, STRIDE + LEN).unwrap(), 2, "its neighbour is free");
    stage.submit(at(host, 0), at(file, STRIDE + LEN)).unwrap();
    drop(claim);
    assert_eq!(stage.byte(file, STRIDE + 5).unwrap(), 2, "who was busy has done nothing");
    assert_eq!(stage.byte(host, 5).unwrap(), 1, "nor has a load");
    stage.submit(at(host, 0), at(file, STRIDE)).unwrap();
    stage.posix.release(file).unwrap();
}

#[rstest]
fn a_file_range_that_is_read(
    #[values(FileLayout::SlotFile, FileLayout::FilePerSlot)] layout: FileLayout,
) {
    let mut stage = Stage::new(layout);
    let (host, file) = (stage.host, stage.file);
    let claim = stage.claim(0, Access::Read);
    assert!(busy(stage.submit(at(host, 0), at(file, 0))));
    assert!(busy(stage.posix.fill(Descriptor { len: 1, ..at(file, 5) }, &[9])));
    assert!(busy(stage.posix.release(file)));
    assert_eq!(stage.byte(file, 5).unwrap(), 2, "readers share");
    stage.submit(at(file, 0), at(host, 0)).unwrap();
    drop(claim);
    stage.submit(at(host, LEN), at(file, 0)).unwrap();
    assert_eq!(stage.byte(file, 5).unwrap(), 1);
}

#[test]
fn a_memory_range_that_is_written() {
    let mut stage = Stage::new(FileLayout::SlotFile);
    let (host, file) = (stage.host, stage.file);
    let lent = LentMut::new(&stage.host_memory(), LEN..2 * LEN).unwrap();
    assert!(busy(stage.submit(at(host, LEN), at(file, 0))));
    assert!(busy(stage.submit(at(file, 0), at(host, LEN))));
    assert!(busy(stage.submit(at(host, LEN), at(host, 3 * LEN))), "between memories too");
    assert!(busy(stage.byte(host, 2 * LEN - 1)));
    assert!(busy(stage.posix.fill(Descriptor { len: 1, ..at(host, LEN) }, &[9])));
    assert!(busy(stage.posix.release(host)));
    assert_eq!(stage.byte(host, 2 * LEN).unwrap(), 1);
    drop(lent);
    stage.submit(at(file, 0), at(host, LEN)).unwrap();
    assert_eq!(stage.byte(host, LEN).unwrap(), 2);
    stage.posix.release(host).unwrap();
}

#[test]
fn a_memory_range_that_is_read() {
    let mut stage = Stage::new(FileLayout::SlotFile);
    let (host, file) = (stage.host, stage.file);
    let lent = Lent::new(&stage.host_memory(), 0..LEN).unwrap();
    assert!(busy(stage.submit(at(file, 0), at(host, 0))));
    assert!(busy(stage.posix.release(host)));
    stage.submit(at(host, 0), at(file, 0)).unwrap();
    assert_eq!(stage.byte(file, 0).unwrap(), 1, "readers share");
    drop(lent);
    stage.submit(at(file, STRIDE), at(host, 0)).unwrap();
    assert_eq!(stage.byte(host, 0).unwrap(), 2);
}

/// Of a request with one part in the way nothing is done, and what its other parts claimed is given
/// back.
#[test]
fn one_part_in_the_way_stops_them_all() {
    let mut stage = Stage::new(FileLayout::SlotFile);
    let (host, file) = (stage.host, stage.file);
    let claim = stage.claim(STRIDE, Access::Read);
    let part = |source, target| Part { source, target, rows: None, check: None, seal: None };
    let parts = vec![part(at(host, 0), at(file, 0)), part(at(host, LEN), at(file, STRIDE))];
    let request = TransferRequest { deadline: Nanos::MAX, parts, ..Default::default() };
    assert!(busy(stage.posix.submit(&request)));
    assert_eq!(stage.posix.in_flight_parts, 0);
    assert_eq!(stage.byte(file, 0).unwrap(), 2);
    stage.submit(at(file, 0), at(host, 0)).unwrap();
    drop(claim);
}

#[test]
fn no_more_parts_than_allowed() {
    let mut stage = Stage::new(FileLayout::SlotFile);
    let (host, file) = (stage.host, stage.file);
    let max = stage.posix.config.in_flight_parts_max;
    stage.posix.in_flight_parts = max;
    assert!(busy(stage.submit(at(host, 0), at(file, 0))));
    assert_eq!(stage.byte(file, 0).unwrap(), 2);
    stage.posix.in_flight_parts = max - 1;
    stage.submit(at(host, 0), at(host, 2 * LEN)).expect("copies between memories need no room");
}
