//! A request ends once. What ends again, or was never sent, is counted and changes nothing.

use crate::stage::{Stage, TIMEOUT, capability, done, failed, request, visit};
use tierproof_core::{ErrorKind, RequestId, TransferStats};

fn of_one_store(ends: impl FnOnce(&mut Stage)) -> TransferStats {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(5, "d0>h0", TIMEOUT);
    ends(&mut stage);
    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.drain().unwrap();
    *engine.transfer_stats()
}

#[test]
fn unknown_ids_are_strays() {
    let stats = of_one_store(|stage| {
        let unknown = [done(4), failed(99, 0, ErrorKind::Device)];
        stage.looks(1, &unknown).waits(TIMEOUT).looks(2, &[done(5)]);
    });
    assert_eq!((stats.strays, stats.done, stats.failed, stats.retries), (2, 1, 0, 0));
}

#[test]
fn a_second_end_is_ignored_even_if_it_says_otherwise() {
    let stats = of_one_store(|stage| {
        stage.looks(1, &[done(5), failed(5, 0, ErrorKind::Device), done(5)]);
    });
    assert_eq!((stats.strays, stats.done, stats.failed, stats.retries), (2, 1, 0, 0));
}

#[test]
fn a_failure_is_not_undone_by_a_second_end() {
    let stats = of_one_store(|stage| {
        stage.looks(1, &[failed(5, 0, ErrorKind::Unavailable), done(5)]);
    });
    assert_eq!((stats.strays, stats.done, stats.failed), (1, 0, 1));
}

/// A late end says that the slots are ours again, and nothing of the bytes.
#[test]
fn what_ends_after_it_was_given_up_is_late_once_and_then_a_stray() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(5, "d0>h0", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(TIMEOUT, &[]);
    stage.looks(TIMEOUT + 1, &[done(5), done(5)]);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.drain().unwrap();
    engine.drain().unwrap();
    let stats = *engine.transfer_stats();
    assert_eq!((stats.timed_out, stats.strays, stats.done, stats.failed), (1, 1, 0, 1));
    engine.add(&request(3, &[10])).unwrap();
    assert_eq!(engine.matched_tokens(RequestId(3), 0).unwrap(), 0);
}

/// The story: a backend broke and had reported an end in the same breath. That end was forgotten, and
/// the transfer was taken for one that hangs.
#[test]
fn what_is_reported_while_the_backend_breaks_counts() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(5, "d0>h0", TIMEOUT);
    stage.breaks(1, &[done(5)]);
    stage.releases(2);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    assert_eq!(engine.drain().unwrap_err().kind(), ErrorKind::Device);
    assert_eq!(engine.transfer_stats().done, 1);
    drop(engine.close().unwrap());
}
