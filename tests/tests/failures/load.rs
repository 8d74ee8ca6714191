//! A load that fails is a miss: the request goes on, its tokens are computed anew, and whatever
//! counts hits counts one less. It is tried again exactly as often as the retry policy says.

use crate::bench::{Device, Host, Setup, hashes, spill, tokens};
use crate::faults::Fate;
use rstest::rstest;
use tierproof_core::{ErrorKind, Nanos, RetryPolicy, Settled, Tier};

const LOAD: (Tier, Tier) = (Host, Device);

#[rstest]
#[case::of_the_first_block(0, 0)]
#[case::of_the_second_block(1, 1)]
fn what_was_found_from_the_lost_block_on_is_missed(#[case] part: u32, #[case] kept: u32) {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next(LOAD, Fate::FailPart(part, ErrorKind::Unavailable));

    assert_eq!(bench.add(&hashes(3, &[10, 11, 12])), Ok(8));
    assert_eq!(bench.engine.counters().hits, [0, 2, 0]);
    bench.log();
    let settled = bench.run(3);

    assert_eq!(settled, Settled { matched_tokens: 4 * kept, lost_from: Some(4 * part) });
    let lost: Vec<String> = (part..2).map(|block| format!("lost 0 {block}")).collect();
    assert_eq!(bench.log_of("lost"), lost);
    let counters = *bench.engine.counters();
    assert_eq!((counters.hits, counters.lost_hits), ([0, kept.into(), 0], (2 - kept).into()));
    assert_eq!(counters.lost_unused, 0);
    let stats = bench.stats(3);
    assert_eq!((stats.reused, stats.missed), (kept, 3 - kept));
    assert_eq!(bench.engine.transfer_stats().failed, 1);
}

#[test]
fn a_lost_key_is_not_found_until_it_was_computed_and_stored_again() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next(LOAD, Fate::FailPart(0, ErrorKind::Unavailable));

    bench.add(&hashes(3, &[10, 11])).unwrap();
    bench.log();
    bench.run(3);
    // The second block hangs beneath the first.
    assert_eq!(bench.log_of("remove"), ["remove 0 1", "remove 0 0"]);
    assert_eq!(bench.add(&hashes(4, &[10, 11])), Ok(0));
    bench.run(4);
    bench.remove(3);
    bench.remove(4);
    assert_eq!(bench.visit(&hashes(5, &[10, 11])), 8);
    bench.log();
    bench.drain();
    assert_eq!(bench.log(), [""; 0], "what was computed anew is not lost");
}

/// How often a load that always fails is sent.
#[rstest]
#[case::device(ErrorKind::Device, 3, true, 3)]
#[case::busy(ErrorKind::Busy, 3, true, 3)]
#[case::device_once(ErrorKind::Device, 1, true, 1)]
#[case::corrupt(ErrorKind::Corrupt, 2, true, 2)]
#[case::corrupt_and_not_read_again(ErrorKind::Corrupt, 2, false, 1)]
#[case::unavailable(ErrorKind::Unavailable, 3, true, 1)]
#[case::exhausted(ErrorKind::Exhausted, 3, true, 1)]
#[case::timed_out(ErrorKind::TimedOut, 3, true, 1)]
fn it_is_tried_as_often_as_the_policy_says(
    #[case] kind: ErrorKind,
    #[case] attempts_max: u8,
    #[case] reread_corrupt: bool,
    #[case] sent: usize,
) {
    let retry = RetryPolicy { attempts_max, reread_corrupt, ..RetryPolicy::default() };
    let (mut bench, faults) = Setup { retry, ..Setup::new([4, 4, 0]) }.simulate();
    spill(&mut bench);
    faults.always(LOAD, Fate::Fail(kind));

    bench.add(&hashes(3, &[10])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(faults.count(LOAD), sent);
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.failed, stats.retries), (1, sent as u64 - 1));
    let corrupt = if kind == ErrorKind::Corrupt { sent as u64 } else { 0 };
    assert_eq!((stats.corrupt, stats.timed_out), (corrupt, 0));
}

#[rstest]
#[case::device(ErrorKind::Device)]
#[case::corrupt(ErrorKind::Corrupt)]
fn what_heals_before_the_last_attempt_is_no_loss(#[case] kind: ErrorKind) {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next(LOAD, Fate::Fail(kind));

    bench.add(&hashes(3, &[10, 11])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 8, lost_from: None });
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.failed, stats.retries), (0, 2));
}

/// A block is whole or lost, however its pools are spread over requests. Which of the requests goes
/// first is not promised, so that only the four outcomes together are.
#[rstest]
#[case::in_one_request(64)]
#[case::in_requests_of_three(3)]
#[case::each_in_its_own(1)]
fn one_failed_pool_fails_its_block_and_no_other(#[case] request_parts_max: u32) {
    let lost_from = |failed: u32| {
        let setup = Setup { pools: 2, request_parts_max, ..Setup::new([4, 4, 0]) };
        let (mut bench, faults) = setup.simulate();
        spill(&mut bench);
        let unavailable = Fate::FailPart(failed % request_parts_max, ErrorKind::Unavailable);
        faults.after(failed / request_parts_max, LOAD, unavailable);
        bench.add(&hashes(3, &[10, 11])).unwrap();
        let settled = bench.run(3);
        assert_eq!(bench.engine.transfer_stats().failed, 1);
        assert_eq!(Some(settled.matched_tokens), settled.lost_from);
        settled.matched_tokens
    };
    let mut lost = [0, 1, 2, 3].map(lost_from);
    lost.sort_unstable();
    assert_eq!(lost, [0, 0, 4, 4]);
}

#[test]
fn all_pools_of_a_block_are_tried_again_together() {
    let setup = Setup { pools: 3, request_parts_max: 2, ..Setup::new([4, 4, 0]) };
    let (mut bench, faults) = setup.simulate();
    spill(&mut bench);
    faults.after(1, LOAD, Fate::Fail(ErrorKind::Device));

    bench.add(&hashes(3, &[10])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 4, lost_from: None });
    // Two requests an attempt: pools 0 and 1, then pool 2, which failed the first time.
    assert_eq!(faults.count(LOAD), 4);
    assert_eq!(bench.engine.transfer_stats().retries, 1);
}

/// Two parts are in flight at most, so that the third pool waits for the others, which fail.
#[test]
fn what_is_left_of_a_failed_attempt_is_not_sent() {
    let setup = Setup { pools: 3, in_flight_parts_max: 2, ..Setup::new([4, 4, 0]) };
    let (mut bench, faults) = setup.simulate();
    spill(&mut bench);
    faults.next(LOAD, Fate::Fail(ErrorKind::Unavailable));

    bench.add(&hashes(3, &[10])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(faults.count(LOAD), 1);
}

#[test]
fn a_slow_load_within_its_time_is_no_loss() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next(LOAD, Fate::Delay(Nanos::from_millis(29_000)));

    bench.add(&hashes(3, &[10, 11])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 8, lost_from: None });
}

/// Request 4 wants two tokens of a block that request 3 is loading. The load fails.
#[test]
fn a_copy_from_a_block_whose_load_failed_is_lost_too() {
    let (mut bench, faults) = Setup::new([6, 6, 0]).simulate();
    bench.visit(&tokens(1, 0..9));
    bench.visit(&hashes(2, &[20, 21, 22, 23, 24, 25]));
    bench.drain();
    faults.next(LOAD, Fate::FailPart(1, ErrorKind::Unavailable));

    assert_eq!(bench.add(&tokens(3, 0..9)), Ok(8));
    assert_eq!(bench.add(&tokens(4, [0, 1, 2, 3, 4, 5, 96, 97, 98])), Ok(6));
    bench.log();
    assert_eq!(bench.run(4), Settled { matched_tokens: 4, lost_from: Some(4) });
    assert_eq!(bench.stats(4).reused, 1);
    assert_eq!(bench.run(3), Settled { matched_tokens: 4, lost_from: Some(4) });
    assert_eq!(bench.stats(3).reused, 1);
    bench.remove(3);
    bench.remove(4);
    assert_eq!(bench.visit(&tokens(5, 0..9)), 8);
    assert_eq!(bench.visit(&tokens(6, [0, 1, 2, 3, 4, 5, 96, 97, 98])), 8);
}
