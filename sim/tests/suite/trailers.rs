//! Promise: a sealed part leaves the trailer that its stamp describes; a checked part whose trailer
//! answers to another stamp fails with the reason and writes nothing.

use crate::bench::{DEVICE, at, copy, drain, file, read, sim, stamp, submit};
use rstest::rstest;
use tierproof_core::{
    Backend, Completion, Fault, Medium, Part, Refusal, RegionId, Rows, Stamp, TRAILER_LEN,
};
use tierproof_sim::Sim;

const LEN: u64 = 100;
/// 100 rounded up to the alignment of 64.
const TRAILER: u64 = 128;

/// A device with a payload of sevens, stored and sealed in a file; and host memory.
fn stored() -> (Sim, RegionId, RegionId) {
    let mut sim = sim();
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let disk = sim.allocate(&file(), 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    sim.fill(at(device, 10, LEN), &[7; LEN as usize]).unwrap();
    let part = copy(at(device, 10, LEN), at(disk, 64, LEN));
    submit(&mut sim, &[Part { seal: Some(stamp(LEN)), ..part }]);
    assert!(drain(&mut sim)[0].faults.is_empty());
    (sim, disk, host)
}

/// Loads what was stored, checked against `expected`, to the start of `host`.
fn load(sim: &mut Sim, disk: RegionId, host: RegionId, expected: Stamp) -> Vec<Completion> {
    let part = copy(at(disk, 64, LEN), at(host, 0, LEN));
    submit(sim, &[Part { check: Some(expected), ..part }]);
    drain(sim)
}

#[test]
fn a_seal_lies_behind_the_payload() {
    let (mut sim, disk, _) = stored();
    assert_eq!(read(&mut sim, at(disk, 64, LEN)), [7; LEN as usize]);
    let trailer = read(&mut sim, at(disk, 64 + TRAILER, TRAILER_LEN as u64));
    assert_eq!(trailer, stamp(LEN).seal(Stamp::checksum(&[7; LEN as usize])));
}

#[test]
fn the_right_block_is_loaded() {
    let (mut sim, disk, host) = stored();
    assert!(load(&mut sim, disk, host, stamp(LEN))[0].faults.is_empty());
    assert_eq!(read(&mut sim, at(host, 0, LEN)), [7; LEN as usize]);
}

#[rstest]
#[case::layout(Refusal::WrongLayout, |stamp: &mut Stamp| stamp.layout[0] ^= 1)]
#[case::tenant(Refusal::ForeignTenant, |stamp: &mut Stamp| stamp.tenant ^= 1)]
#[case::slot(Refusal::Misdirected, |stamp: &mut Stamp| stamp.slot ^= 1)]
#[case::pool(Refusal::Misdirected, |stamp: &mut Stamp| stamp.pool ^= 1)]
#[case::generation(Refusal::Stale, |stamp: &mut Stamp| stamp.generation += 1)]
#[case::key(Refusal::WrongKey, |stamp: &mut Stamp| stamp.key[31] ^= 1)]
fn another_block_is_refused(#[case] refusal: Refusal, #[case] change: fn(&mut Stamp)) {
    let (mut sim, disk, host) = stored();
    let before = read(&mut sim, at(host, 0, 4096));
    let mut expected = stamp(LEN);
    change(&mut expected);
    assert_eq!(load(&mut sim, disk, host, expected)[0].faults, [(0, Fault::from(refusal))]);
    assert_eq!(read(&mut sim, at(host, 0, 4096)), before);
}

#[rstest]
#[case::payload(64 + 50, Refusal::BitRot)]
#[case::trailer(64 + TRAILER + 50, Refusal::Torn)]
#[case::checksum_of_trailer(64 + TRAILER + 96, Refusal::Torn)]
fn damage_is_refused(#[case] offset: u64, #[case] refusal: Refusal) {
    let (mut sim, disk, host) = stored();
    let byte = read(&mut sim, at(disk, offset, 1))[0];
    sim.fill(at(disk, offset, 1), &[byte ^ 0x10]).unwrap();
    let faults = [(0, Fault::from(refusal))];
    for _ in 0..2 {
        assert_eq!(load(&mut sim, disk, host, stamp(LEN))[0].faults, faults, "every time");
    }
}

#[test]
fn padding_between_payload_and_trailer_does_not_matter() {
    let (mut sim, disk, host) = stored();
    sim.fill(at(disk, 64 + LEN, TRAILER - LEN), &[9; (TRAILER - LEN) as usize]).unwrap();
    assert!(load(&mut sim, disk, host, stamp(LEN))[0].faults.is_empty());
}

#[test]
fn what_was_never_written_is_torn() {
    let (mut sim, disk, host) = stored();
    let part = copy(at(disk, 1024, LEN), at(host, 0, LEN));
    submit(&mut sim, &[Part { check: Some(stamp(LEN)), ..part }]);
    assert_eq!(drain(&mut sim)[0].faults, [(0, Fault::from(Refusal::Torn))]);
}

#[test]
fn a_part_can_be_checked_and_sealed_anew() {
    let (mut sim, disk, host) = stored();
    let anew = Stamp { slot: 9, generation: 10, ..stamp(LEN) };
    let part = copy(at(disk, 64, LEN), at(host, 1000, LEN));
    submit(&mut sim, &[Part { check: Some(stamp(LEN)), seal: Some(anew), ..part }]);
    assert!(drain(&mut sim)[0].faults.is_empty());
    let trailer = read(&mut sim, at(host, 1000 + TRAILER, TRAILER_LEN as u64));
    assert_eq!(trailer, anew.seal(Stamp::checksum(&[7; LEN as usize])));
}

#[test]
fn rows_are_checked_as_the_whole_block_they_are_of() {
    let (mut sim, disk, host) = stored();
    assert!(load(&mut sim, disk, host, stamp(LEN))[0].faults.is_empty());
    let sealed = copy(at(disk, 64, LEN), at(host, 1024, LEN));
    submit(&mut sim, &[Part { check: Some(stamp(LEN)), seal: Some(stamp(LEN)), ..sealed }]);
    drain(&mut sim);
    sim.fill(at(host, 2048, LEN), &[5; LEN as usize]).unwrap();
    let rows = Some(Rows { count: 2, len: 10, pitch: 50 });
    let part = copy(at(host, 1024, LEN), at(host, 2048, LEN));
    submit(&mut sim, &[Part { rows, check: Some(stamp(LEN)), ..part }]);
    assert!(drain(&mut sim)[0].faults.is_empty());
    let mut expected = [5; LEN as usize];
    expected[0..10].fill(7);
    expected[50..60].fill(7);
    assert_eq!(read(&mut sim, at(host, 2048, LEN)), expected);
    // A damaged byte outside the rows refuses them all the same.
    sim.fill(at(host, 1024 + 99, 1), &[8]).unwrap();
    submit(&mut sim, &[Part { rows, check: Some(stamp(LEN)), ..part }]);
    assert_eq!(drain(&mut sim)[0].faults, [(0, Fault::from(Refusal::BitRot))]);
}
