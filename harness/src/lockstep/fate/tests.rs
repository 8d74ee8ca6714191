//! Promise: an engine that sends what it may not, or when it may not, is seen by whoever only watches
//! what passes the backend.

use tierproof_core::{ErrorKind, Fault, Nanos, RetryPolicy, TransferId, TransferStats};

use super::{Fates, Leg, Seen};
use crate::lockstep::law::Law;
use crate::lockstep::model::{Failures, Move, Place};

const DEADLINE: Nanos = Nanos(100);
const RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 2, timeout: DEADLINE, reread_corrupt: false };

const A: Place = (0, 0);
const B: Place = (1, 0);
const C: Place = (0, 1);

/// Blocks of two pools; the moves in this order.
fn fates(moves: &[(Place, Place, Option<u64>)]) -> Fates {
    let mut fates = Fates::new(1, 2, RETRY);
    for (number, &(source, target, feeder)) in (0..).zip(moves) {
        fates.order(Move { window: 0, number, source, target, feeder });
    }
    fates
}

fn legs(source: Place, target: Place) -> Vec<Leg> {
    let leg = |pool| Leg { window: 0, pool, source, target, bytes: 8 };
    [0, 1].map(leg).to_vec()
}

fn sent(id: u64, legs: Vec<Leg>) -> Seen {
    Seen::Sent { id: TransferId(id), deadline: DEADLINE, legs }
}

fn ended(id: u64, faults: &[(u32, ErrorKind)]) -> Seen {
    let faults = faults.iter().map(|(part, kind)| (*part, Fault::new(*kind))).collect();
    Seen::End { id: TransferId(id), faults }
}

/// Shows all of these, and then answers which law the last one breaks.
fn law(fates: &mut Fates, seen: &[Seen]) -> Option<Law> {
    let (last, before) = seen.split_last().expect("something is seen");
    for seen in before {
        assert_eq!(fates.see(seen), Ok(()));
    }
    fates.see(last).err().map(|broken| broken.law)
}

#[test]
fn what_no_move_asks_for_is_seen() {
    let mut fates = fates(&[(A, B, None)]);
    assert_eq!(law(&mut fates, &[sent(0, legs(A, C))]), Some(Law::S11));
    assert_eq!(law(&mut fates, &[sent(0, legs(C, B))]), Some(Law::S11));
    assert_eq!(law(&mut fates, &[sent(0, legs(A, B))]), None);
}

#[test]
fn a_move_that_does_not_wait_is_seen() {
    // It reads what the first one writes; it writes what the first one reads.
    for second in [(B, C, Some(0)), (C, A, None)] {
        let mut fates = fates(&[(A, B, None), second]);
        let early = sent(1, legs(second.0, second.1));
        assert_eq!(law(&mut fates, &[sent(0, legs(A, B)), early.clone()]), Some(Law::S3));
        assert_eq!(law(&mut fates, &[ended(0, &[]), Seen::Polled, early]), None);
    }
}

#[test]
fn moving_on_what_was_lost_is_seen() {
    let mut fates = fates(&[(A, B, None), (B, C, Some(0))]);
    let lost = [sent(0, legs(A, B)), ended(0, &[(1, ErrorKind::Unavailable)])];
    let [first, second] = lost;
    assert_eq!(law(&mut fates, &[first, second, sent(1, legs(B, C))]), Some(Law::S1));
    assert_eq!(law(&mut fates, &[Seen::Polled]), None);
    assert!(fates.failed(0, 0) && fates.failed(0, 1) && fates.is_idle());
}

#[test]
fn a_slot_that_a_late_transfer_may_touch_is_out_of_bounds() {
    let mut fates = fates(&[(A, B, None), (C, B, None)]);
    let late = [sent(0, legs(A, B)), Seen::Time(DEADLINE), Seen::Polled];
    assert_eq!(law(&mut fates, &late), None);
    assert!(fates.is_unsafe(0, A) && fates.is_unsafe(0, B) && !fates.is_unsafe(0, C));
    // The second move failed at once, so nobody may send it.
    assert!(fates.failed(0, 0) && fates.failed(0, 1));
    assert_eq!(law(&mut fates, &[sent(1, legs(C, B))]), Some(Law::S11));
    assert_eq!(law(&mut fates, &[ended(0, &[])]), None);
    assert!(!fates.is_unsafe(0, A) && fates.failed(0, 0));
    let stats =
        TransferStats { moves: 2, failed: 2, requests: 1, timed_out: 1, ..Default::default() };
    assert_eq!(fates.stats(), &stats);
}

#[test]
fn a_pool_sent_twice_is_seen() {
    let mut fates = fates(&[(A, B, None)]);
    let twice = vec![legs(A, B)[0]; 2];
    assert_eq!(law(&mut fates, &[sent(0, twice)]), Some(Law::C2));
}

#[test]
fn a_failure_that_is_worth_it_is_tried_again_once() {
    let mut fates = fates(&[(A, B, None)]);
    let failed = |id| [sent(id, legs(A, B)), ended(id, &[(0, ErrorKind::Device)]), Seen::Polled];
    assert_eq!(law(&mut fates, &failed(0)), None);
    assert!(!fates.failed(0, 0) && !fates.is_idle());
    assert_eq!(law(&mut fates, &failed(1)), None);
    assert!(fates.failed(0, 0) && fates.is_idle());
    assert_eq!(law(&mut fates, &[sent(2, legs(A, B))]), Some(Law::S11));
    assert_eq!((fates.stats().retries, fates.stats().failed), (1, 1));
}

#[test]
fn what_is_refused_is_given_up_when_its_time_is_over() {
    let mut fates = fates(&[(A, B, None)]);
    let refused = |deadline| Seen::Refused { kind: ErrorKind::Busy, deadline, legs: legs(A, B) };
    let later = Nanos(DEADLINE.0 + 50);
    assert_eq!(law(&mut fates, &[refused(DEADLINE), Seen::Time(Nanos(50)), refused(later)]), None);
    assert!(!fates.is_idle());
    assert_eq!(law(&mut fates, &[Seen::Time(DEADLINE), refused(later)]), None);
    // Nothing is on its way, so nothing is out of bounds.
    assert!(fates.failed(0, 0) && !fates.is_unsafe(0, A) && fates.stats().timed_out == 0);
}
