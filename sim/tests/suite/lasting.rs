//! Promise: a file that lasts is zeros where nobody wrote, has one region at a time, and is there for the next region
//! of its name: as it was left, or after a power cut as it was last flushed.

use crate::bench::{at, kind, read, sim};
use tierproof_core::{Backend, ErrorKind, FileMedium, FileRole, Medium, RegionId};
use tierproof_sim::Sim;

const LEN: u64 = 10_000;

fn file(pool: u32, role: FileRole) -> Medium {
    let directory = "kv".into();
    Medium::File(FileMedium { directory, rank: 0, window: 0, pool, role, stride: 4096 })
}

fn open(sim: &mut Sim, len: u64) -> RegionId {
    sim.allocate(&file(0, FileRole::Lasting), len).unwrap()
}

#[test]
fn it_is_zeros_and_then_what_was_left() {
    let mut sim = sim();
    let first = open(&mut sim, LEN);
    assert_eq!(read(&mut sim, at(first, 0, LEN)), [0; LEN as usize]);
    sim.fill(at(first, 4_000, 200), &[7; 200]).unwrap();
    sim.release(first).unwrap();
    let second = open(&mut sim, LEN);
    assert_ne!(first, second, "ids are never used twice");
    assert_eq!(read(&mut sim, at(second, 3_999, 3)), [0, 7, 7]);
}

#[test]
fn a_power_cut_leaves_what_was_flushed_and_closes_it() {
    let mut sim = sim();
    let first = open(&mut sim, LEN);
    sim.fill(at(first, 0, 100), &[1; 100]).unwrap();
    sim.flush(first).unwrap();
    sim.fill(at(first, 50, 100), &[2; 100]).unwrap();
    sim.fill(at(first, 9_000, 100), &[2; 100]).unwrap();
    sim.power_cut();
    assert_eq!(kind(sim.flush(first)), ErrorKind::OutOfRange, "its process is gone");
    let second = open(&mut sim, LEN);
    let mut expected = [0; LEN as usize];
    expected[..100].fill(1);
    assert_eq!(read(&mut sim, at(second, 0, LEN)), expected);
}

/// An orderly end is no flush.
#[test]
fn what_was_released_unflushed_is_lost_in_a_power_cut() {
    let mut sim = sim();
    let first = open(&mut sim, LEN);
    sim.fill(at(first, 0, 100), &[1; 100]).unwrap();
    sim.release(first).unwrap();
    sim.power_cut();
    let second = open(&mut sim, LEN);
    assert_eq!(read(&mut sim, at(second, 0, 100)), [0; 100]);
}

#[test]
fn one_region_has_it_at_a_time_and_others_have_others() {
    let mut sim = sim();
    let first = open(&mut sim, LEN);
    assert_eq!(kind(sim.allocate(&file(0, FileRole::Lasting), LEN)), ErrorKind::Busy);
    sim.allocate(&file(1, FileRole::Lasting), LEN).unwrap();
    sim.allocate(&file(0, FileRole::Index), LEN).unwrap();
    let scratch = sim.allocate(&file(0, FileRole::Scratch), LEN).unwrap();
    assert_ne!(read(&mut sim, at(scratch, 0, LEN)), [0; LEN as usize], "that one is random");
    sim.release(first).unwrap();
    open(&mut sim, LEN);
}

#[test]
fn it_grows_by_zeros_and_what_was_cut_off_does_not_come_back() {
    let mut sim = sim();
    for len in [LEN, 4_100, 4_096, LEN, 1, 3 * LEN] {
        let region = open(&mut sim, len);
        sim.fill(at(region, 0, 1), &[9]).unwrap();
        let mut expected = vec![0; len as usize];
        expected[0] = 9;
        assert_eq!(read(&mut sim, at(region, 0, len)), expected, "{len} bytes");
        sim.fill(at(region, 0, len), &vec![9; len as usize]).unwrap();
        // What was not flushed and what was are alike when it is opened with another length.
        if len != LEN {
            sim.flush(region).unwrap();
        }
        sim.release(region).unwrap();
        let whole = open(&mut sim, len);
        sim.fill(at(whole, 0, len), &vec![0; len as usize]).unwrap();
        sim.release(whole).unwrap();
        let cut = open(&mut sim, len.div_ceil(2));
        sim.fill(at(cut, 0, len.div_ceil(2)), &vec![8; len.div_ceil(2) as usize]).unwrap();
        sim.release(cut).unwrap();
        let longer = open(&mut sim, len);
        let half = len.div_ceil(2) as usize;
        let bytes = read(&mut sim, at(longer, 0, len));
        assert!(bytes[..half].iter().all(|&byte| byte == 8));
        assert!(bytes[half..].iter().all(|&byte| byte == 0), "{len} bytes");
        sim.fill(at(longer, 0, len), &vec![0; len as usize]).unwrap();
        sim.release(longer).unwrap();
    }
}

/// A file that was changed, made shorter, longer, and then lost its power is as it was flushed, at its new length.
#[test]
fn lengths_are_durable_at_once_and_bytes_when_flushed() {
    let mut sim = sim();
    let region = open(&mut sim, LEN);
    sim.fill(at(region, 0, LEN), &[1; LEN as usize]).unwrap();
    sim.flush(region).unwrap();
    sim.fill(at(region, 0, LEN), &[2; LEN as usize]).unwrap();
    sim.release(region).unwrap();
    let region = open(&mut sim, 5_000);
    assert_eq!(read(&mut sim, at(region, 0, 5_000)), [2; 5_000]);
    sim.release(region).unwrap();
    let region = open(&mut sim, LEN);
    sim.release(region).unwrap();
    sim.power_cut();
    let region = open(&mut sim, LEN);
    let bytes = read(&mut sim, at(region, 0, LEN));
    assert_eq!(bytes[..5_000], [1; 5_000]);
    assert_eq!(bytes[5_000..], [0; LEN as usize - 5_000]);
}
