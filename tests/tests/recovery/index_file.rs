//! The index of a process that is gone, by the back door.

use crate::process::Device;
use tierproof_core::{Backend, Descriptor, FileMedium, FileRole, Medium, RegionId};

pub(crate) const PAGE: usize = 4096;
pub(crate) const RECORD: usize = 64;
/// The header's page and one of records: enough for 64 slots.
pub(crate) const INDEX: usize = 2 * PAGE;

/// The index as a file that anybody may open.
fn open(device: &Device) -> (RegionId, Descriptor) {
    let medium = FileMedium {
        directory: "kv".into(),
        rank: 0,
        window: 1 << 20,
        pool: 0,
        role: FileRole::Index,
        stride: PAGE as u64,
    };
    let region = device.borrow_mut().allocate(&Medium::File(medium), INDEX as u64).unwrap();
    (region, Descriptor { region, offset: 0, len: INDEX as u64 })
}

/// The bytes of the index.
pub(crate) fn read(device: &Device) -> Vec<u8> {
    let (region, whole) = open(device);
    let mut bytes = vec![0; INDEX];
    device.borrow_mut().peek(whole, &mut bytes).unwrap();
    device.borrow_mut().release(region).unwrap();
    bytes
}

/// Puts other bytes in its place, durably.
pub(crate) fn write(device: &Device, bytes: &[u8]) {
    let (region, whole) = open(device);
    let mut sim = device.borrow_mut();
    sim.fill(whole, bytes).unwrap();
    sim.flush(region).unwrap();
    sim.release(region).unwrap();
}
