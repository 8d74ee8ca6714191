//! Promise: every misuse is answered with its typed error, changes nothing, and is noted.

use crate::bench::{
    DEVICE, ONE_LINK, at, config, copy, drain, file, kind, read, request, sim, stamp, submit, times,
};
use rstest::rstest;
use tierproof_core::{
    Backend, Bytes, ErrorKind, Medium, Part, RegionId, Rows, Stamp, TransferRequest,
};
use tierproof_sim::{Sim, SimConfig};

const LEN: Bytes = 4096;

/// A simulator in which request 0 copies device 0..1000 to host 1000..2000.
fn under_way() -> (Sim, RegionId, RegionId) {
    let mut sim = sim();
    let device = sim.allocate(&DEVICE, LEN).unwrap();
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    submit(&mut sim, &[copy(at(device, 0, 1000), at(host, 1000, 1000))]);
    (sim, device, host)
}

/// A refused request: it is noted, and all goes on as if it had not been.
fn refused(sim: &mut Sim, request: &TransferRequest, expected: ErrorKind) -> String {
    let before = sim.misuses().len();
    assert_eq!(kind(sim.submit(request)), expected);
    let misuses = sim.misuses();
    assert_eq!(misuses.len(), before + 1);
    assert_eq!(misuses[before].kind, expected);
    misuses[before].what.clone()
}

#[rstest]
#[case::target_on_target((2000, 500), (1999, 500))]
#[case::target_around_target((2000, 1500), (800, 1500))]
#[case::source_on_target((0, 0), (0, 0))]
fn a_request_on_the_target_of_another(
    #[case] source: (Bytes, Bytes),
    #[case] target: (Bytes, Bytes),
) {
    let (mut sim, device, host) = under_way();
    let part = if target.1 > 0 {
        copy(at(device, source.0, source.1), at(host, target.0, target.1))
    } else {
        copy(at(host, 1999, 1), at(device, 2000, 1))
    };
    let what = refused(&mut sim, &request(&[part]), ErrorKind::Busy);
    assert!(what.contains("transfer 1:") && what.contains("transfer 0,"), "{what}");
    assert_eq!(times(&drain(&mut sim)), [(1100, 0)]);
    assert_eq!(submit(&mut sim, &[part]).0, 1, "and later it is welcome");
    assert_eq!(drain(&mut sim).len(), 1);
}

#[test]
fn a_target_on_the_source_of_another() {
    let (mut sim, device, host) = under_way();
    let part = copy(at(host, 0, 10), at(device, 995, 10));
    refused(&mut sim, &request(&[part]), ErrorKind::Busy);
    // Two may read the same bytes.
    submit(&mut sim, &[copy(at(device, 0, 1000), at(host, 2000, 1000))]);
}

#[test]
fn a_trailer_counts_as_part_of_the_range() {
    let (mut sim, device, host) = under_way();
    // Payload 0..800 ends before 1000; its trailer, at 832, ends at 960; that of 0..900 does not.
    let sealed =
        |len| Part { seal: Some(stamp(len)), ..copy(at(device, 2000, len), at(host, 0, len)) };
    refused(&mut sim, &request(&[sealed(900)]), ErrorKind::Busy);
    submit(&mut sim, &[sealed(800)]);
}

#[test]
fn a_refused_request_gives_back_all_it_took() {
    let (mut sim, device, host) = under_way();
    let good = copy(at(device, 2000, 100), at(host, 0, 100));
    let bad = copy(at(device, 2000, 100), at(host, 1500, 100));
    refused(&mut sim, &request(&[good, bad]), ErrorKind::Busy);
    submit(&mut sim, &[good]);
    assert_eq!(drain(&mut sim).len(), 2);
    sim.release(device).unwrap();
    sim.release(host).unwrap();
}

#[test]
fn parts_of_one_request_that_overlap_each_other_never_will_be_accepted() {
    let (mut sim, device, host) = under_way();
    let first = copy(at(device, 2000, 100), at(host, 0, 100));
    let same_target = copy(at(device, 2100, 100), at(host, 99, 100));
    refused(&mut sim, &request(&[first, same_target]), ErrorKind::OutOfRange);
    let onto_itself = copy(at(device, 2000, 100), at(device, 2050, 100));
    refused(&mut sim, &request(&[onto_itself]), ErrorKind::OutOfRange);
    submit(&mut sim, &[first]);
}

#[test]
fn a_request_owns_its_ranges_until_its_completion_is_polled() {
    let (mut sim, device, host) = under_way();
    let mut byte = [0];
    for _ in 0..2 {
        assert_eq!(kind(sim.peek(at(host, 1999, 1), &mut byte)), ErrorKind::Busy);
        assert_eq!(kind(sim.fill(at(host, 1000, 1), &byte)), ErrorKind::Busy);
        assert_eq!(kind(sim.fill(at(device, 999, 1), &byte)), ErrorKind::Busy);
        assert_eq!(kind(sim.release(device)), ErrorKind::Busy);
        assert_eq!(kind(sim.release(host)), ErrorKind::Busy);
        sim.peek(at(device, 999, 1), &mut byte).unwrap();
        sim.fill(at(host, 999, 1), &byte).unwrap();
        // The second time the bytes have moved, and only the completion waits.
        sim.park(tierproof_core::Nanos(5000));
    }
    assert_eq!(sim.misuses().len(), 10);
    assert!(sim.misuses().iter().all(|misuse| misuse.what.contains("transfer 0")));
    assert_eq!(drain(&mut sim).len(), 1);
    sim.fill(at(host, 1000, 1), &byte).unwrap();
    sim.release(device).unwrap();
    assert_eq!(kind(sim.release(device)), ErrorKind::OutOfRange);
}

#[test]
fn ranges_that_leave_their_region() {
    let (mut sim, device, host) = under_way();
    let gone = RegionId(9);
    let whole = at(device, 0, LEN);
    let beyond = [at(host, 1, LEN), at(host, u64::MAX, LEN), at(gone, 0, LEN)];
    for bad in beyond {
        refused(&mut sim, &request(&[copy(whole, bad)]), ErrorKind::OutOfRange);
        refused(&mut sim, &request(&[copy(bad, whole)]), ErrorKind::OutOfRange);
        assert_eq!(kind(sim.fill(bad, &[0; LEN as usize])), ErrorKind::OutOfRange);
        assert_eq!(kind(sim.peek(bad, &mut [0; LEN as usize])), ErrorKind::OutOfRange);
    }
    assert_eq!(kind(sim.peek(whole, &mut [0; 5])), ErrorKind::OutOfRange);
    assert_eq!(kind(sim.release(gone)), ErrorKind::OutOfRange);
    // The payload fits, its trailer does not.
    let part = copy(at(device, 2000, 2000), at(host, 2040, 2000));
    let sealed = Part { seal: Some(stamp(2000)), ..part };
    refused(&mut sim, &request(&[sealed]), ErrorKind::OutOfRange);
    submit(&mut sim, &[part]);
}

#[test]
fn shapes_that_make_no_sense() {
    let (mut sim, device, host) = under_way();
    let part = copy(at(device, 2000, 100), at(host, 0, 100));
    let uneven = copy(at(device, 2000, 100), at(host, 0, 99));
    let wrong = Stamp { len: 99, ..stamp(100) };
    let rows = |count, len, pitch| Part { rows: Some(Rows { count, len, pitch }), ..part };
    for (parts, expected) in [
        (vec![], ErrorKind::OutOfRange),
        (vec![part; 65], ErrorKind::OutOfRange),
        (vec![uneven], ErrorKind::OutOfRange),
        (vec![Part { check: Some(wrong), ..part }], ErrorKind::OutOfRange),
        (vec![Part { seal: Some(wrong), ..part }], ErrorKind::OutOfRange),
        (vec![rows(0, 10, 10)], ErrorKind::OutOfRange),
        (vec![rows(3, 10, 46)], ErrorKind::OutOfRange),
        (vec![rows(3, 10, 9)], ErrorKind::OutOfRange),
        (vec![rows(u32::MAX, u64::MAX, u64::MAX)], ErrorKind::OutOfRange),
        (vec![Part { seal: Some(stamp(100)), ..rows(3, 10, 45) }], ErrorKind::Unsupported),
        (vec![part, copy(at(host, 500, 9), at(device, 3000, 9))], ErrorKind::Unsupported),
    ] {
        refused(&mut sim, &request(&parts), expected);
    }
    submit(&mut sim, &[rows(3, 10, 45)]);
}

#[test]
fn files_want_aligned_offsets_and_whole_blocks() {
    let mut sim = sim();
    let (host, disk) =
        (sim.allocate(&Medium::Host, LEN).unwrap(), sim.allocate(&file(), LEN).unwrap());
    let to = |offset| copy(at(host, 3, 100), at(disk, offset, 100));
    refused(&mut sim, &request(&[to(63)]), ErrorKind::Misaligned);
    let rows = Part { rows: Some(Rows { count: 1, len: 1, pitch: 1 }), ..to(64) };
    refused(&mut sim, &request(&[rows]), ErrorKind::Unsupported);
    let within = copy(at(disk, 0, 64), at(disk, 64, 64));
    refused(&mut sim, &request(&[within]), ErrorKind::Unsupported);
    submit(&mut sim, &[to(64)]);
}

#[test]
fn limits_are_those_of_the_capability() {
    let settings = SimConfig {
        request_parts_max: 2,
        request_bytes_max: 200,
        in_flight_parts_max: 3,
        ..config(ONE_LINK)
    };
    let mut sim = Sim::new(settings).unwrap();
    let device = sim.allocate(&DEVICE, LEN).unwrap();
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let part = |at_: Bytes, len| copy(at(device, at_, len), at(host, at_, len));
    refused(&mut sim, &request(&[part(0, 201)]), ErrorKind::OutOfRange);
    refused(&mut sim, &request(&[part(0, 200), part(200, 1)]), ErrorKind::OutOfRange);
    refused(&mut sim, &request(&[part(0, 1), part(1, 1), part(2, 1)]), ErrorKind::OutOfRange);
    submit(&mut sim, &[part(0, 100), part(100, 100)]);
    let noted = sim.misuses().len();
    let two = request(&[part(200, 1), part(201, 1)]);
    assert_eq!(kind(sim.submit(&two)), ErrorKind::Busy);
    assert_eq!(sim.misuses().len(), noted, "too much at once is no misuse");
    submit(&mut sim, &[part(200, 1)]);
    drain(&mut sim);
    sim.submit(&two).unwrap();
}

#[test]
fn what_the_profile_does_not_model_is_refused() {
    let profile = r#"
        name = "one way"
        [links.bus]
        bandwidth_bytes_per_s = 1_000_000_000
        [routes.device_to_host]
        link = "bus"
        latency_ns = 0
        queue_depth = 1
    "#;
    let mut sim = Sim::new(config(profile)).unwrap();
    assert_eq!(kind(sim.allocate(&file(), LEN)), ErrorKind::Unsupported);
    let device = sim.allocate(&DEVICE, LEN).unwrap();
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let back = copy(at(host, 0, 1), at(device, 0, 1));
    refused(&mut sim, &request(&[back]), ErrorKind::Unsupported);
    submit(&mut sim, &[copy(at(device, 0, 1), at(host, 0, 1))]);
}

#[test]
fn a_region_that_no_machine_has_is_no_abort() {
    let mut sim = sim();
    assert_eq!(kind(sim.allocate(&Medium::Host, u64::MAX)), ErrorKind::Exhausted);
    let small = sim.allocate(&Medium::Host, 0).unwrap();
    assert!(read(&mut sim, at(small, 0, 0)).is_empty());
}
