//! Content between tiers: up, down, and out at the bottom.

use crate::bench::Bench;
use crate::words::{DIRECTORY, R, Request, config};
use tierproof::lockstep::model::Outcome;
use tierproof::lockstep::model::Refusal::{Exhausted, Invalid};

#[test]
fn an_onboard_into_a_full_hierarchy_is_an_exchange() {
    let mut bench = Bench::new(config(4, 1, 64).host(1));
    assert_eq!(bench.model().log, ["created 0 1 1 0"]);
    assert_eq!(bench.visit(Request::hashes(0, &[7])), ["alloc 0 0"]);
    assert_eq!(bench.visit(Request::hashes(1, &[8])), ["offload 0 0 0 1", "alloc 0 1"]);
    let exchange = ["hit 0 0 1", "offload 0 1 0 1", "onboard 0 0 1"];
    assert_eq!(bench.visit(Request::hashes(2, &[7])), exchange);
    assert_eq!(bench.take_log(), ["end 2"]);
    assert_eq!(bench.model().counters().drops, 0);
}

#[test]
fn content_sinks_tier_by_tier_and_leaves_at_the_bottom() {
    let mut bench = Bench::new(config(4, 1, 64).host(1).disk(1));
    let of = |id| Request::hashes(id, &[id]).files(DIRECTORY);
    assert_eq!(bench.visit(of(0)), ["alloc 0 0"]);
    assert_eq!(bench.visit(of(1)), ["offload 0 0 0 1", "alloc 0 1"]);
    assert_eq!(bench.visit(of(2)), ["offload 0 0 1 2", "offload 0 1 0 1", "alloc 0 2"]);
    let last = ["drop 0 0 2", "remove 0 0", "offload 0 1 1 2", "offload 0 2 0 1", "alloc 0 0"];
    assert_eq!(bench.visit(of(3)), last);
}

#[test]
fn what_may_not_go_to_files_leaves_at_the_host() {
    let mut bench = Bench::new(config(4, 1, 64).host(1).disk(1));
    assert_eq!(bench.visit(Request::hashes(0, &[0]).files("")), ["fallback 0 1", "alloc 0 0"]);
    bench.visit(Request::hashes(1, &[1]).files(DIRECTORY));
    let log = ["drop 0 0 1", "remove 0 0", "offload 0 1 0 1", "alloc 0 0"];
    assert_eq!(bench.visit(Request::hashes(2, &[2])), log);
}

#[test]
fn a_disk_needs_no_host() {
    let mut bench = Bench::new(config(4, 1, 64).disk(1));
    bench.visit(Request::hashes(0, &[0]).files(DIRECTORY));
    let log = bench.visit(Request::hashes(1, &[1]).files(DIRECTORY));
    assert_eq!(log, ["offload 0 0 0 2", "alloc 0 1"]);
}

#[test]
fn a_fallback_names_its_first_reason() {
    let fallback = |config, directory| {
        let mut bench = Bench::new(config);
        bench.decide(Request::hashes(7, &[0]).files(directory)).swap_remove(0)
    };
    let disk = || config(4, 1, 64).disk(1);
    assert_eq!(fallback(disk(), ""), "fallback 7 1");
    assert_eq!(fallback(disk(), "elsewhere"), "fallback 7 2");
    assert_eq!(fallback(config(4, 1, 64), "elsewhere"), "fallback 7 2");
    assert_eq!(fallback(config(4, 1, 64), DIRECTORY), "fallback 7 3");
    assert_eq!(fallback(disk(), DIRECTORY), "alloc 0 0");
}

#[test]
fn low_priority_is_given_up_where_there_would_be_room_below() {
    let mut bench = Bench::new(config(4, 1, 64).host(1));
    bench.visit(Request::hashes(0, &[0]).range(0, 1, 29));
    let log = bench.visit(Request::hashes(1, &[1]).range(0, 1, 30));
    assert_eq!(log, ["drop 0 0 0", "remove 0 0", "alloc 0 0"]);
    let log = bench.visit(Request::hashes(2, &[2]));
    assert_eq!(log, ["offload 0 0 0 1", "alloc 0 1"]);
}

#[test]
fn who_loses_its_parent_is_empty() {
    let mut bench = Bench::new(config(4, 3, 64));
    bench.visit(Request::hashes(0, &[1, 2]).range(0, 4, 10).range(4, 8, 90));
    assert_eq!(bench.decide(Request::hashes(1, &[9])), ["alloc 0 2"]);
    let log = bench.decide(Request::hashes(2, &[8]));
    assert_eq!(log, ["drop 0 0 0", "remove 0 1", "remove 0 0", "alloc 0 0"]);
    assert_eq!(bench.decide(Request::hashes(3, &[7])), ["alloc 0 1"]);
}

/// Block 1 hangs under block 0, which is on the host. To make room for block 1 there, block 0 is
/// given up, and block 1 leaves the tree: there is nothing left to keep, so block 1 itself is the
/// room that was asked for, and block 0 stays behind, empty.
#[test]
fn a_victim_that_loses_its_parent_on_the_way_does_not_move() {
    let mut bench = Bench::new(config(4, 2, 64).host(1));
    bench.add(Request::hashes(0, &[1, 2]));
    bench.store(0);
    bench.take_log();
    assert_eq!(bench.offload(0, 0), Outcome::Done);
    assert_eq!(bench.take_log(), ["offload 0 0 0 1"]);
    bench.remove(0);
    let log = bench.decide(Request::hashes(1, &[5, 6]));
    let expected = ["alloc 0 2", "drop 0 0 1", "remove 0 1", "remove 0 0", "alloc 0 1"];
    assert_eq!(log, expected);
    let host = bench.model().views()[0].tiers[1].clone();
    assert_eq!((host.queued, host.empties), (0, 1));
}

#[test]
fn only_other_priorities_than_the_default_expire() {
    let mut bench = Bench::new(config(4, 4, 64));
    bench.add(
        Request::hashes(0, &[0, 1, 2]).timed(0, 4, 35, 1).timed(4, 8, 34, 3).timed(8, 12, 90, 2),
    );
    bench.advance(7);
    bench.remove(0);
    bench.take_log();
    bench.advance(2);
    assert_eq!(bench.take_log(), ["expire 0 2"]);
    bench.advance(5);
    assert_eq!(bench.take_log(), ["expire 0 1"]);
}

#[test]
fn single_blocks_move_when_they_are_told() {
    let mut bench = Bench::new(config(4, 2, 64).host(1));
    bench.add(Request::hashes(0, &[1, 2]));
    bench.take_log();
    assert_eq!(bench.onboard(0, 0), Outcome::Refused(Invalid));
    assert_eq!(bench.offload(0, 2), Outcome::Refused(Invalid));
    assert_eq!(bench.offload(0, 0), Outcome::Done);
    assert_eq!(bench.offload(0, 0), Outcome::Refused(Invalid));
    // The host is full of what is in use, and its reserve is for exchanges only.
    assert_eq!(bench.offload(0, 1), Outcome::Refused(Exhausted));
    assert_eq!(bench.free(), 1);
    assert_eq!(bench.onboard(0, 0), Outcome::Done);
    assert_eq!(bench.take_log(), ["offload 0 0 0 1", "onboard 0 0 1"]);
    assert_eq!(bench.free(), 0);
}

/// A block that slid out at the front can be named, and perhaps found, but nobody holds it.
#[test]
fn single_blocks_move_only_while_somebody_holds_them() {
    let mut bench = Bench::new(config(2, 8, 64).window(2).host(2));
    bench.add(Request::of(0, R(0, 2)));
    bench.generate(0, &[2, 3, 4, 5]);
    assert_eq!(bench.model().views()[0].sequences[&0].front, 2);
    assert_eq!(bench.offload(0, 0), Outcome::Refused(Invalid));
    assert_eq!(bench.offload(0, 2), Outcome::Done);
    assert_eq!(bench.onboard(0, 2), Outcome::Done);
}

#[test]
fn without_onboarding_nothing_is_sent_down() {
    let mut without = config(4, 2, 64).host(1);
    without.0.onboard = false;
    let mut bench = Bench::new(without);
    bench.add(Request::hashes(0, &[1]));
    assert_eq!(bench.offload(0, 0), Outcome::Refused(Exhausted));
}
