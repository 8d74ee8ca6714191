//! Promise: a verdict is what happens, to the request it is about and to no other.

use crate::bench::{DEVICE, ONE_LINK, at, config, copy, drain, kind, read, request, submit, times};
use tierproof_core::{
    Backend, Completion, ErrorKind, Fault, Medium, Nanos, Part, RegionId, TransferId,
    TransferRequest,
};
use tierproof_sim::{Sim, Verdict};

/// A simulator that gives `verdict` on request 0 only, and parts from a device of ones to a host of
/// twos.
fn with(verdict: Verdict) -> (Sim, impl Fn(u64) -> Part, RegionId) {
    let faults = move |_: &TransferRequest, id: TransferId| match id.0 {
        0 => verdict.clone(),
        _ => Verdict::Proceed,
    };
    let mut sim = Sim::with_faults(config(ONE_LINK), faults).unwrap();
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    sim.fill(at(device, 0, 4096), &[1; 4096]).unwrap();
    sim.fill(at(host, 0, 4096), &[2; 4096]).unwrap();
    let part = move |place: u64| copy(at(device, place * 100, 100), at(host, place * 100, 100));
    (sim, part, host)
}

#[test]
fn failed_parts_are_garbage_and_their_neighbours_whole() {
    let device_error = Fault::new(ErrorKind::Device);
    // Out of order, twice, and one beyond the request.
    let parts = vec![(3, device_error), (1, device_error), (1, device_error), (4, device_error)];
    let (mut sim, part, host) = with(Verdict::Fail { parts });
    let id = submit(&mut sim, &[part(0), part(1), part(2), part(3)]);
    let faults = vec![(1, device_error), (3, device_error)];
    assert_eq!(drain(&mut sim), [Completion { id, at: Nanos(500), faults }]);
    assert_eq!(read(&mut sim, at(host, 0, 100)), [1; 100]);
    assert_eq!(read(&mut sim, at(host, 200, 100)), [1; 100]);
    assert_eq!(read(&mut sim, at(host, 400, 3696)), [2; 3696]);
    let garbage = [read(&mut sim, at(host, 100, 100)), read(&mut sim, at(host, 300, 100))];
    assert_ne!(garbage[0], garbage[1]);
    for garbage in garbage {
        assert!(garbage.iter().filter(|&&byte| byte == 1 || byte == 2).count() < 20);
    }
    submit(&mut sim, &[part(1)]);
    assert!(drain(&mut sim)[0].faults.is_empty());
}

#[test]
fn a_refused_request_leaves_no_trace() {
    let (mut sim, part, host) = with(Verdict::Refuse(ErrorKind::Exhausted));
    assert_eq!(kind(sim.submit(&request(&[part(0)]))), ErrorKind::Exhausted);
    assert_eq!(sim.in_flight(), 0);
    assert!(drain(&mut sim).is_empty());
    assert_eq!(read(&mut sim, at(host, 0, 100)), [2; 100]);
    assert!(sim.misuses().is_empty());
    assert_eq!(submit(&mut sim, &[part(0)]), TransferId(1), "no id is asked about twice");
    assert_eq!(drain(&mut sim).len(), 1);
}

#[test]
fn a_delay_is_added_to_the_latency() {
    let (mut sim, part, _) = with(Verdict::Delay(Nanos(7_000)));
    submit(&mut sim, &[part(0)]);
    submit(&mut sim, &[part(1)]);
    assert_eq!(times(&drain(&mut sim)), [(200, 1), (7_200, 0)]);
}

#[test]
fn what_hangs_keeps_its_place_until_it_is_let_go() {
    let (mut sim, part, host) = with(Verdict::Hang);
    let hung = submit(&mut sim, &[part(0)]);
    for place in 1..4 {
        submit(&mut sim, &[part(place)]);
    }
    // One of two places is left: the others take 200 ns each, one after the other.
    let done = drain(&mut sim);
    assert_eq!(times(&done), [(200, 1), (400, 2), (600, 3)]);
    assert_eq!(sim.in_flight(), 1);
    let mut byte = [0];
    assert_eq!(kind(sim.peek(at(host, 0, 1), &mut byte)), ErrorKind::Busy);
    let now = sim.now();
    sim.unhang(hung).unwrap();
    assert_eq!(kind(sim.unhang(hung)), ErrorKind::OutOfRange);
    assert_eq!(times(&drain(&mut sim)), [(now.0 + 200, 0)]);
    assert_eq!(read(&mut sim, at(host, 0, 100)), [1; 100]);
    assert_eq!(kind(sim.unhang(hung)), ErrorKind::OutOfRange);
}

#[test]
fn what_would_hang_can_be_let_go_while_it_waits() {
    let hang = |_: &TransferRequest, id: TransferId| match id.0 {
        2 => Verdict::Hang,
        _ => Verdict::Proceed,
    };
    let mut sim = Sim::with_faults(config(ONE_LINK), hang).unwrap();
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    for place in 0..3 {
        submit(&mut sim, &[copy(at(device, place, 0), at(host, place, 0))]);
    }
    sim.unhang(TransferId(2)).unwrap();
    assert_eq!(drain(&mut sim).last().map(|done| done.at), Some(Nanos(200)));
}

#[test]
fn a_power_cut_ends_what_hangs() {
    let (mut sim, part, _) = with(Verdict::Hang);
    let hung = submit(&mut sim, &[part(0)]);
    drain(&mut sim);
    sim.power_cut();
    assert_eq!(kind(sim.unhang(hung)), ErrorKind::OutOfRange);
    submit(&mut sim, &[part(0)]);
    submit(&mut sim, &[part(1)]);
    assert_eq!(drain(&mut sim).len(), 2);
}

#[test]
fn only_acceptable_requests_are_judged() {
    let nobody_asks = |_: &TransferRequest, _: TransferId| -> Verdict { panic!("was asked") };
    let mut sim = Sim::with_faults(config(ONE_LINK), nobody_asks).unwrap();
    assert_eq!(kind(sim.submit(&request(&[]))), ErrorKind::OutOfRange);
}
