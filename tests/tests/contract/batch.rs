//! A request holds what goes the same way, and never more than the backend takes.

use crate::stage::{BLOCK, Stage, TIMEOUT, capability, done, failed, filed, request, visit};
use rstest::rstest;
use tierproof_core::{Capability, ErrorKind, TransferMode};

/// Four stores are ready at once. They are sent in the order of their decisions, the last block of
/// the evicted request first.
#[rstest]
#[case::all(capability(), &["d3>h0 d2>h1 d1>h2 d0>h3"])]
#[case::three_parts(
    Capability { request_parts_max: 3, ..capability() },
    &["d3>h0 d2>h1 d1>h2", "d0>h3"]
)]
#[case::bytes_of_two(
    Capability { request_bytes_max: 2 * BLOCK, ..capability() },
    &["d3>h0 d2>h1", "d1>h2 d0>h3"]
)]
#[case::bytes_of_less_than_two(
    Capability { request_bytes_max: 2 * BLOCK - 1, ..capability() },
    &["d3>h0", "d2>h1", "d1>h2", "d0>h3"]
)]
fn it_is_cut_to_the_limits_of_a_request(
    #[case] capability: Capability,
    #[case] sent: &'static [&'static str],
) {
    let mut stage = Stage::new();
    stage.allocates(2, capability).looks(0, &[]);
    for (id, to) in (0..).zip(sent) {
        stage.sends(id, to, TIMEOUT);
    }
    let ends: Vec<_> = (0..sent.len() as u64).map(done).collect();
    stage.looks(1, &ends);

    let mut engine = stage.play([4, 4, 0]);
    visit(&mut engine, &request(1, &[10, 11, 12, 13]));
    visit(&mut engine, &request(2, &[20, 21, 22, 23]));
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().done, 4);
}

#[test]
fn parts_in_flight_are_limited_over_all_requests() {
    let limits = Capability { request_parts_max: 2, in_flight_parts_max: 3, ..capability() };
    let mut stage = Stage::new();
    stage.allocates(2, limits);
    stage.looks(0, &[]).sends(0, "d3>h0 d2>h1", TIMEOUT).sends(1, "d1>h2", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    // One place is free, then all are.
    stage.looks(2, &[done(1)]).sends(2, "d0>h3", 2 + TIMEOUT).waits(TIMEOUT);
    stage.looks(3, &[done(0), done(2)]);

    let mut engine = stage.play([4, 4, 0]);
    visit(&mut engine, &request(1, &[10, 11, 12, 13]));
    visit(&mut engine, &request(2, &[20, 21, 22, 23]));
    engine.drain().unwrap();
}

/// Two demotions are ready at once, one by plain system calls and one by direct storage, and then
/// two stores that follow them.
#[test]
fn modes_and_routes_are_never_mixed() {
    let mut stage = Stage::new();
    stage.allocates(3, capability());
    stage.looks(0, &[]).sends_as(TransferMode::Dram, 0, "d0>h0", TIMEOUT);
    stage.looks(1, &[done(0)]).sends_as(TransferMode::Dram, 1, "d1>h1", 1 + TIMEOUT);
    stage.looks(2, &[done(1)]);
    stage.sends_as(TransferMode::Posix, 2, "h0>f0", 2 + TIMEOUT);
    stage.sends_as(TransferMode::Gds, 3, "h1>f1", 2 + TIMEOUT);
    stage.looks(3, &[]).waits(2 + TIMEOUT);
    stage.looks(4, &[done(2), done(3)]);
    stage.sends_as(TransferMode::Dram, 4, "d0>h0 d1>h1", 4 + TIMEOUT);
    stage.waits(4 + TIMEOUT);
    stage.looks(5, &[done(4)]);

    let mut engine = stage.play([2, 2, 2]);
    visit(&mut engine, &filed(1, &[10], TransferMode::Posix));
    visit(&mut engine, &filed(2, &[11], TransferMode::Gds));
    visit(&mut engine, &request(3, &[20]));
    visit(&mut engine, &request(4, &[21]));
    visit(&mut engine, &request(5, &[30, 31]));
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().done, 6);
}

#[test]
fn only_what_failed_is_sent_again_and_not_more_often_than_allowed() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d1>h0 d0>h1", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(2, &[failed(0, 1, ErrorKind::Device)]).sends(1, "d0>h1", 2 + TIMEOUT);
    stage.waits(2 + TIMEOUT);
    stage.looks(3, &[failed(1, 0, ErrorKind::Device)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20, 21]));
    engine.drain().unwrap();
    let stats = engine.transfer_stats();
    assert_eq!((stats.done, stats.failed, stats.retries), (1, 1, 1));
}

/// It queues behind what became ready before its failure was seen.
#[test]
fn what_is_sent_again_goes_with_what_is_ready_then() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d1>h0", TIMEOUT);
    stage.looks(1, &[failed(0, 0, ErrorKind::Device)]);
    stage.sends(1, "d0>h1 d1>h0", 1 + TIMEOUT);
    stage.looks(2, &[done(1)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20]));
    visit(&mut engine, &request(3, &[30]));
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().done, 2);
}
