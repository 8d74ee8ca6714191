//! A transfer that hangs costs its deadline and the two slots that it may still touch, no more: who
//! waits gets another block, and the slots come back when the transfer has really ended.

use crate::bench::{Bench, Device, Host, Setup, hashes, spill, tokens};
use crate::faults::{Fate, Faults};
use rstest::rstest;
use tierproof_core::{
    ErrorKind, Nanos, Request, RequestId, Retention, RetryPolicy, Settled, TokenRange,
};
use tierproof_sim::Sim;

const TIMEOUT: Nanos = Nanos::from_millis(50);

fn start(blocks: [u32; 3]) -> (Bench<Sim>, Faults) {
    let retry = RetryPolicy { timeout: TIMEOUT, attempts_max: 3, ..RetryPolicy::default() };
    Setup { retry, ..Setup::new(blocks) }.simulate()
}

#[rstest]
#[case::for_ever(Fate::Hang)]
#[case::longer_than_its_deadline(Fate::Delay(Nanos::from_millis(70)))]
fn a_load_over_its_deadline_is_a_miss_in_another_block(#[case] fate: Fate) {
    let (mut bench, faults) = start([4, 4, 0]);
    spill(&mut bench);
    faults.next((Host, Device), fate);
    bench.add(&hashes(3, &[10])).unwrap();
    let (held, asked) = (bench.held(3), bench.now());
    bench.log();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    // The store that makes room is the model's, a few microseconds; then the load has its time.
    assert!(bench.now() >= asked + TIMEOUT);
    assert!(bench.now() < asked + TIMEOUT + Nanos::from_millis(1));
    assert_ne!(bench.held(3), held);
    let log = bench.log();
    // 11 hangs beneath 10.
    assert_eq!(log[..3], ["lost 0 0", "remove 0 1", "remove 0 0"]);
    assert_eq!(log.last(), Some(&format!("alloc 0 {}", bench.held(3)[0])));
    let stats = *bench.engine.transfer_stats();
    assert_eq!((stats.timed_out, stats.failed, stats.retries), (1, 1, 0));
    assert_eq!(faults.count((Host, Device)), 1, "what timed out is never tried again");
    assert_eq!(bench.quarantined(Device), 1);
    bench.drain();
    assert_eq!([Device, Host].map(|tier| bench.quarantined(tier)), [1, 1], "both of its slots");
}

#[test]
fn the_other_block_is_worth_as_much() {
    let (mut bench, faults) = start([4, 4, 0]);
    spill(&mut bench);
    faults.next((Host, Device), Fate::Hang);
    let range = TokenRange { start: 0, end: None, priority: 80, duration_ms: None };
    let retention = Retention::default().with_ranges(vec![range]).unwrap();
    bench.add(&Request { retention, ..hashes(3, &[10]) }).unwrap();

    bench.run(3);
    let block = bench.held(3)[0].0 as usize;
    let state = bench.engine.blocks(0).unwrap().nth(block).unwrap();
    assert_eq!((state.priority, state.refs), (80, 1));
}

#[test]
fn both_slots_come_back_when_it_has_really_ended() {
    let (mut bench, faults) = start([4, 4, 0]);
    spill(&mut bench);
    faults.next((Host, Device), Fate::Hang);
    bench.add(&hashes(3, &[10])).unwrap();
    bench.run(3);
    bench.drain();
    bench.drain();
    assert_eq!([Device, Host].map(|tier| bench.quarantined(tier)), [1, 1], "it still hangs");

    bench.unhang(faults.last((Host, Device)));
    bench.drain();
    assert_eq!([Device, Host].map(|tier| bench.quarantined(tier)), [0, 0]);
    assert_eq!(bench.engine.transfer_stats().strays, 0);
    bench.remove(3);
    bench.visit(&hashes(4, &[40, 41, 42, 43]));
    assert_eq!(bench.visit(&hashes(5, &[10])), 4);
}

/// The host slot that a hanging load may still read is the next to be written.
#[test]
fn a_later_move_to_such_a_slot_fails_without_being_sent() {
    let (mut bench, faults) = start([4, 4, 0]);
    spill(&mut bench);
    faults.next((Host, Device), Fate::Hang);
    bench.add(&hashes(3, &[10])).unwrap();
    bench.run(3);
    let (failed, sent) = (bench.engine.transfer_stats().failed, faults.count((Device, Host)));

    bench.visit(&hashes(4, &[40]));
    assert_eq!(bench.log_of("offload").last().map(String::as_str), Some("offload 0 3 0 1"));
    assert_eq!(bench.engine.transfer_stats().failed, failed + 1);
    assert_eq!(faults.count((Device, Host)), sent);
    bench.drain();
    assert_eq!(bench.log_of("lost"), ["lost 0 3"], "21, in block 3");
    assert_eq!(bench.visit(&hashes(5, &[20, 21])), 4);
}

#[test]
fn a_block_whose_old_content_is_still_read_is_replaced() {
    let (mut bench, faults) = start([4, 4, 0]);
    bench.visit(&hashes(1, &[10, 11]));
    faults.next((Device, Host), Fate::Hang);
    // Two empty blocks, and the one that 11 leaves.
    bench.add(&hashes(2, &[20, 21, 22])).unwrap();
    let held = bench.held(2);

    assert_eq!(bench.run(2), Settled { matched_tokens: 0, lost_from: Some(8) });
    assert_eq!(bench.held(2)[..2], held[..2]);
    assert_ne!(bench.held(2)[2], held[2]);
    assert_eq!(bench.quarantined(Device), 1);
    bench.remove(2);
    assert_eq!(bench.visit(&hashes(3, &[20, 21, 22])), 12);
}

#[test]
fn growing_into_such_a_block_replaces_it() {
    let (mut bench, faults) = start([3, 3, 0]);
    bench.visit(&hashes(1, &[10, 11]));
    bench.add(&hashes(2, &[20])).unwrap();
    bench.run(2);
    faults.next((Device, Host), Fate::Hang);
    bench.append(2, 7).unwrap();

    assert_eq!(bench.run(2), Settled { matched_tokens: 0, lost_from: Some(4) });
    assert_eq!(bench.quarantined(Device), 1);
    bench.append(2, 8).unwrap();
    assert_eq!(bench.run(2).lost_from, None);
}

/// The device has two blocks, and the stores of what was in them hang.
#[test]
fn without_room_to_replace_it_settle_says_so_and_the_request_can_be_removed() {
    let (mut bench, faults) = start([2, 2, 0]);
    bench.visit(&hashes(1, &[10, 11]));
    faults.next((Device, Host), Fate::Hang);
    bench.add(&hashes(2, &[20, 21])).unwrap();
    let asked = bench.now();

    assert_eq!(bench.settle(2), Err(ErrorKind::TimedOut));
    assert!(bench.now() <= asked + TIMEOUT);
    assert_eq!(bench.settle(2), Err(ErrorKind::TimedOut), "nothing has changed");
    bench.remove(2);
    bench.unhang(faults.last((Device, Host)));
    bench.drain();
    for tier in [Device, Host] {
        assert_eq!(bench.quarantined(tier), 0);
    }
    assert_eq!(bench.visit(&hashes(3, &[20, 21])), 0);
    assert_eq!(bench.visit(&hashes(4, &[20, 21])), 8);
}

#[test]
fn room_that_comes_later_settles_it() {
    let (mut bench, faults) = start([3, 3, 0]);
    bench.visit(&hashes(1, &[10]));
    bench.add(&hashes(2, &[20])).unwrap();
    bench.run(2);
    faults.next((Device, Host), Fate::Hang);
    bench.add(&hashes(3, &[30, 31])).unwrap();
    assert_eq!(bench.settle(3), Err(ErrorKind::TimedOut));

    bench.remove(2);
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(4) });
    bench.remove(3);
    assert_eq!(bench.visit(&hashes(4, &[30, 31])), 8);
}

/// The story: a request that could not be settled had computed nothing. Removing it, as the error
/// says to do, made its blocks findable all the same, and the next request of that prompt read them.
#[test]
fn what_a_request_that_never_settled_did_not_compute_is_not_found() {
    let (mut bench, faults) = start([3, 3, 0]);
    bench.visit(&hashes(1, &[10]));
    faults.next((Device, Host), Fate::Hang);
    bench.add(&tokens(2, 0..9)).unwrap();
    assert_eq!(bench.settle(2), Err(ErrorKind::TimedOut));
    bench.log();
    bench.engine.store(RequestId(2)).unwrap();
    bench.engine.store_new(RequestId(2)).unwrap();
    bench.remove(2);
    assert_eq!(bench.log(), ["end 2"]);
    assert_eq!(bench.visit(&tokens(3, 0..5)), 0);
}

/// Its first block was lost on the way up, and the block that it grew into is out of bounds.
#[test]
fn a_loss_is_told_even_if_settling_fails_first() {
    let (mut bench, faults) = start([3, 3, 0]);
    bench.visit(&hashes(1, &[10]));
    for (id, content) in [(2, 20), (3, 30)] {
        bench.add(&hashes(id, &[content])).unwrap();
        bench.run(id);
    }
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));
    faults.after(1, (Device, Host), Fate::Hang);
    let block = bench.held(3)[0];
    bench.engine.offload(0, block).unwrap();
    bench.engine.onboard(0, block).unwrap();
    bench.append(3, 7).unwrap();

    assert_eq!(bench.settle(3), Err(ErrorKind::TimedOut));
    bench.remove(2);
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: None });
}

/// The story: window 0 had replaced a block when window 1 found no room. What window 0 had decided
/// for that was left behind, and `drain` did not wait for it.
#[test]
fn what_one_window_did_is_done_although_another_had_no_room() {
    let retry = RetryPolicy { timeout: TIMEOUT, ..RetryPolicy::default() };
    let windows = vec![[4, 4, 0], [2, 2, 0]];
    let setup = Setup { windows, retry, ..Setup::new([4, 4, 0]) };
    let (mut bench, faults) = setup.simulate();
    bench.visit(&hashes(1, &[10, 11]));
    bench.add(&hashes(2, &[20])).unwrap();
    bench.run(2);
    bench.add(&hashes(3, &[30])).unwrap();
    bench.run(3);
    faults.next((Device, Host), Fate::Hang);
    bench.remove(2);
    bench.add(&hashes(4, &[40])).unwrap();
    let moves = bench.engine.transfer_stats().moves;
    assert_eq!(bench.settle(4), Err(ErrorKind::TimedOut));
    bench.drain();
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.moves, stats.done + stats.failed), (moves + 1, moves + 1));
}

/// One pool's transfer fails, the other's hangs: the block is not tried again, for its slots are not
/// ours.
#[test]
fn of_two_pools_the_one_that_hangs_decides() {
    let retry = RetryPolicy { timeout: TIMEOUT, attempts_max: 3, ..RetryPolicy::default() };
    let setup = Setup { pools: 2, request_parts_max: 1, retry, ..Setup::new([4, 4, 0]) };
    let (mut bench, faults) = setup.simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::Fail(ErrorKind::Device));
    faults.next((Host, Device), Fate::Hang);
    bench.add(&hashes(3, &[10])).unwrap();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.retries, stats.failed, stats.timed_out), (0, 1, 1));
}

/// The story: one of two blocks had been replaced when there was no room for the other. The mover had
/// not heard that the new block's slot is to be written anew, where a failed move had left something:
/// the next call took that for the block's content and called it lost.
#[test]
fn a_block_that_came_in_before_settling_failed_is_no_loss() {
    let (mut bench, faults) = start([4, 4, 0]);
    spill(&mut bench);
    // 10 fails to arrive, and nobody asks: what lies there will be given up for the new block.
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));
    bench.add(&hashes(3, &[10])).unwrap();
    bench.remove(3);
    bench.visit(&hashes(4, &[40]));
    bench.add(&hashes(5, &[40])).unwrap();
    faults.always((Device, Host), Fate::Hang);
    bench.add(&hashes(6, &[50, 51])).unwrap();
    let before = bench.held(6);

    assert_eq!(bench.settle(6), Err(ErrorKind::TimedOut));
    let after = bench.held(6);
    assert!(after[0] != before[0] && after[1] == before[1], "{before:?} {after:?}");
    bench.log();
    assert_eq!(bench.settle(6), Err(ErrorKind::TimedOut));
    assert_eq!(bench.log(), [format!("lost 0 {}", after[1])]);
}
