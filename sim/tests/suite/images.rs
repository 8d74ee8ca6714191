//! Promise: a power cut loses all memory and every request, and of files exactly what was written
//! since they were last flushed.

use crate::bench::{DEVICE, at, copy, drain, file, kind, read, sim, submit};
use tierproof_core::{Backend, ErrorKind, Medium, Nanos};

const LEN: u64 = 20_000;

#[test]
fn files_go_back_to_what_was_flushed() {
    let mut sim = sim();
    let disk = sim.allocate(&file(), LEN).unwrap();
    let unwritten = read(&mut sim, at(disk, 0, LEN));
    sim.fill(at(disk, 100, 5_000), &[1; 5_000]).unwrap();
    sim.flush(disk).unwrap();
    let mut durable = unwritten;
    durable[100..5_100].fill(1);
    for _ in 0..2 {
        sim.fill(at(disk, 5_000, 200), &[2; 200]).unwrap();
        sim.fill(at(disk, 5_050, 200), &[3; 200]).unwrap();
        sim.fill(at(disk, 19_000, 1_000), &[4; 1_000]).unwrap();
        assert_eq!(read(&mut sim, at(disk, 5_049, 2)), [2, 3], "reads see the live image");
        sim.power_cut();
        assert_eq!(read(&mut sim, at(disk, 0, LEN)), durable);
    }
}

#[test]
fn a_file_that_was_never_flushed_is_unwritten_again() {
    let mut sim = sim();
    let disk = sim.allocate(&file(), LEN).unwrap();
    sim.fill(at(disk, 0, LEN), &[1; LEN as usize]).unwrap();
    sim.power_cut();
    let first = read(&mut sim, at(disk, 0, LEN));
    assert_ne!(first, [1; LEN as usize]);
    sim.fill(at(disk, 0, LEN), &[2; LEN as usize]).unwrap();
    sim.power_cut();
    assert_eq!(read(&mut sim, at(disk, 0, LEN)), first);
}

#[test]
fn memory_is_random_again_and_otherwise_than_before() {
    let mut sim = sim();
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let unwritten = read(&mut sim, at(host, 0, LEN));
    sim.fill(at(host, 0, LEN), &[1; LEN as usize]).unwrap();
    sim.power_cut();
    let lost = read(&mut sim, at(host, 0, LEN));
    assert_ne!(lost, [1; LEN as usize]);
    assert_ne!(lost, unwritten);
}

#[test]
fn requests_in_flight_vanish_and_leave_nothing() {
    let mut sim = sim();
    let device = sim.allocate(&DEVICE, LEN).unwrap();
    let disk = sim.allocate(&file(), LEN).unwrap();
    sim.fill(at(disk, 0, LEN), &[1; LEN as usize]).unwrap();
    sim.flush(disk).unwrap();
    // Two are served, one waits; one has ended and was not polled.
    for place in 0..3 {
        submit(&mut sim, &[copy(at(device, place * 640, 64), at(disk, place * 640, 64))]);
    }
    sim.park(Nanos::MAX);
    sim.power_cut();
    assert_eq!(sim.in_flight(), 0);
    assert!(drain(&mut sim).is_empty());
    assert_eq!(read(&mut sim, at(disk, 0, LEN)), [1; LEN as usize]);
    // The device is as good as new, its places and links free, and time went on.
    let now = sim.now();
    submit(&mut sim, &[copy(at(device, 0, 100), at(disk, 0, 100))]);
    submit(&mut sim, &[copy(at(device, 100, 100), at(disk, 128, 100))]);
    let done = drain(&mut sim);
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|done| done.at == now + Nanos(300) && done.id.0 >= 3));
    sim.release(device).unwrap();
}

#[test]
fn only_files_are_flushed() {
    let mut sim = sim();
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    assert_eq!(kind(sim.flush(host)), ErrorKind::Unsupported);
    sim.release(host).unwrap();
    assert_eq!(kind(sim.flush(host)), ErrorKind::OutOfRange);
}
