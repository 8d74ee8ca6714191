//! Every request may take its time and no longer, and whoever waits never sleeps beyond the first
//! moment at which there is something to do.

use crate::stage::{Stage, TIMEOUT, capability, done, failed, request, visit};
use tierproof_core::{Capability, ErrorKind, RequestId};

/// A refused request is offered again after so long.
const PAUSE: u64 = 1_000_000;

/// The story: the second attempt had the deadline of the first, and was given up when it had barely
/// begun.
#[test]
fn every_attempt_has_its_own() {
    let late = TIMEOUT - 1;
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d0>h0", TIMEOUT);
    stage.looks(late, &[failed(0, 0, ErrorKind::Device)]).sends(1, "d0>h0", late + TIMEOUT);
    stage.waits(late + TIMEOUT);
    stage.looks(late + 7, &[done(1)]);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.drain().unwrap();
    let stats = engine.transfer_stats();
    assert_eq!((stats.done, stats.timed_out), (1, 0));
}

#[test]
fn what_is_over_time_is_given_up_and_its_slots_are_left_alone() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d0>h0", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(TIMEOUT, &[]);
    // The request has the block that may still be read, and there is no other. What came late is
    // taken note of when there is something to look for.
    stage.looks(TIMEOUT + 1, &[done(0)]);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    engine.add(&request(2, &[20])).unwrap();
    assert_eq!(engine.settle(RequestId(2)).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(engine.settle(RequestId(2)).unwrap().lost_from, Some(0));
    let stats = engine.transfer_stats();
    assert_eq!((stats.timed_out, stats.failed, stats.strays), (1, 1, 0));
}

/// The last pause is cut short.
#[test]
fn a_refused_request_is_offered_again_until_its_time_is_over() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    let over = 3 + TIMEOUT;
    let mut now = 3;
    stage.looks(now, &[]).refuses(ErrorKind::Busy, "d0>h0", now + TIMEOUT);
    now += 4;
    stage.looks(now, &[]).refuses(ErrorKind::Busy, "d0>h0", now + TIMEOUT);
    while now < over {
        now = (now + PAUSE).min(over);
        stage.waits(now).looks(now, &[]).refuses(ErrorKind::Busy, "d0>h0", now + TIMEOUT);
    }

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    engine.add(&request(2, &[20])).unwrap();
    assert_eq!(engine.settle(RequestId(2)).unwrap().lost_from, None, "nothing was in flight");
    let stats = engine.transfer_stats();
    assert_eq!((stats.failed, stats.requests, stats.timed_out), (1, 0, 0));
}

#[test]
fn an_accepted_request_has_all_of_its_time_however_long_it_was_refused() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).refuses(ErrorKind::Busy, "d0>h0", TIMEOUT);
    stage.looks(TIMEOUT - 1, &[]).sends(0, "d0>h0", 2 * TIMEOUT - 1);
    stage.waits(2 * TIMEOUT - 1);
    stage.looks(TIMEOUT + 5, &[done(0)]);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().done, 1);
}

/// The story: when the time of a refused store was over, all that was offered together with it
/// failed with it, however short it had waited.
#[test]
fn the_end_of_one_is_not_the_end_of_its_neighbour() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).refuses(ErrorKind::Busy, "d1>h0", TIMEOUT);
    stage.looks(TIMEOUT - 1, &[]);
    stage.refuses(ErrorKind::Busy, "d1>h0 d0>h1", 2 * TIMEOUT - 1);
    stage.looks(TIMEOUT, &[]).refuses(ErrorKind::Busy, "d1>h0 d0>h1", 2 * TIMEOUT);
    stage.sends(0, "d0>h1", 2 * TIMEOUT).waits(2 * TIMEOUT);
    stage.looks(TIMEOUT + 2, &[done(0)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20]));
    visit(&mut engine, &request(3, &[30]));
    engine.drain().unwrap();
    let stats = engine.transfer_stats();
    assert_eq!((stats.done, stats.failed), (1, 1));
}

#[test]
fn whoever_waits_wakes_at_the_earliest_deadline() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d1>h0", TIMEOUT);
    stage.looks(40, &[]).sends(1, "d0>h1", 40 + TIMEOUT);
    stage.looks(41, &[]).waits(TIMEOUT);
    stage.looks(42, &[done(0)]).waits(40 + TIMEOUT);
    stage.looks(43, &[done(1)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20]));
    visit(&mut engine, &request(3, &[30]));
    engine.drain().unwrap();
}

#[test]
fn what_was_given_up_takes_no_place_from_what_waits() {
    let mut stage = Stage::new();
    stage.allocates(2, Capability { in_flight_parts_max: 1, ..capability() });
    stage.looks(0, &[]).sends(0, "d1>h0", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(TIMEOUT, &[]).sends(1, "d0>h1", 2 * TIMEOUT).waits(2 * TIMEOUT);
    stage.looks(TIMEOUT + 1, &[done(1)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20, 21]));
    engine.drain().unwrap();
    let stats = engine.transfer_stats();
    assert_eq!((stats.done, stats.failed), (1, 1));
}
