//! What a request finds, and what it takes.

use crate::bench::Bench;
use crate::words::{R, Request, config};

#[test]
fn a_hit_changes_the_price_only_where_the_request_gives_one() {
    let mut bench = Bench::new(config(4, 2, 64));
    bench.visit(Request::hashes(0, &[0, 1]).range(0, 1, 80));
    let log = bench.visit(Request::hashes(1, &[0, 1]).range(4, 5, 50));
    assert_eq!(log, ["hit 0 0 0", "hit 0 1 0", "price 0 1 35 50"]);
}

#[test]
fn without_room_for_a_copy_the_request_comes_without_it() {
    let mut bench = Bench::new(config(4, 2, 64));
    bench.visit(Request::of(0, R(0, 8)));
    let log = bench.decide(Request::of(1, [0, 1, 2, 77, 78, 79, 80, 81]));
    let expected =
        ["drop 0 1 0", "remove 0 1", "alloc 0 1", "drop 0 0 0", "remove 0 0", "alloc 0 0"];
    assert_eq!(log, expected);
}

#[test]
fn without_copies_only_what_nobody_uses_is_taken() {
    let mut bench = Bench::new(config(4, 6, 64).without_copies());
    bench.visit(Request::of(0, R(0, 8)));
    // Block 0 has a child. Block 1, [4, 5, 6], has none.
    assert_eq!(bench.visit(Request::of(1, [0, 1, 2, 9, 9])), ["alloc 0 2", "alloc 0 3"]);
    let log = bench.decide(Request::of(2, [0, 1, 2, 3, 4, 5, 9, 9]));
    assert_eq!(log, ["hit 0 0 0", "partial 0 1 2", "remove 0 1"]);
}

#[test]
fn beams_share_all_but_the_last_block() {
    let mut bench = Bench::new(config(4, 6, 64));
    let log = bench.visit(Request::of(0, R(0, 9)).beams(2));
    assert_eq!(log, ["alloc 0 0", "alloc 0 1", "alloc 0 2", "alloc 0 3"]);
    assert_eq!(bench.stored(), [""; 0]);
    // Released from the last index down, and there from the last beam down.
    let queue = bench.decide(Request::of(1, R(20, 44)));
    assert_eq!(
        queue,
        ["alloc 0 4", "alloc 0 5", "alloc 0 3", "alloc 0 2", "alloc 0 1", "alloc 0 0"]
    );
}

#[test]
fn with_more_beams_the_last_block_is_never_matched() {
    let mut bench = Bench::new(config(4, 6, 64));
    bench.visit(Request::hashes(0, &[1, 2]));
    let log = bench.decide(Request::hashes(1, &[1, 2]).beams(2));
    assert_eq!(log, ["hit 0 0 0", "alloc 0 2", "alloc 0 3"]);
}

#[test]
fn of_equally_good_partial_matches_the_lowest_id_is_taken() {
    let mut bench = Bench::new(config(4, 8, 64));
    bench.add(Request::of(0, [0, 1, 2, 3, 4]));
    bench.add(Request::of(1, [0, 1, 9, 9, 9]));
    bench.remove(1);
    bench.remove(0);
    let log = bench.decide(Request::of(2, [0, 1, 5, 5, 5]));
    assert_eq!(log, ["partial 0 0 2", "remove 0 0", "alloc 0 4"]);
    let log = bench.decide(Request::of(3, [0, 1, 9, 5, 5]));
    assert_eq!(log, ["partial 0 2 3", "remove 0 2", "alloc 0 5"]);
}

/// Block 0 is only read, yet it was taken out of its queue and put back: its time begins anew.
#[test]
fn the_source_of_a_copy_is_queued_anew() {
    let mut bench = Bench::new(config(2, 4, 64));
    bench.add(Request::of(0, R(0, 5)).timed(0, 2, 20, 6));
    bench.remove(0);
    bench.advance(4);
    let log = bench.decide(Request::of(2, [0, 8, 8]));
    assert_eq!(log[0], "partial 0 0 1");
    bench.take_log();
    bench.advance(5);
    assert_eq!(bench.take_log(), [""; 0]);
    bench.advance(1);
    assert_eq!(bench.take_log(), ["expire 0 0"]);
}
