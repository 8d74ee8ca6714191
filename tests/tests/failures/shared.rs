//! Every request that holds a lost block is told, whoever settles first: requests, beams and pins.

use crate::bench::{Bench, Device, Host, Setup, hashes, spill};
use crate::faults::Fate;
use rstest::rstest;
use tierproof_core::{ErrorKind, RequestId, Settled};

/// The story: two requests had found one block that was still on its way. It got lost. The first
/// to settle was told and the block was then taken for one that is being written anew, so that the
/// second was told that its content is there, and read what nobody had computed.
#[rstest]
#[case::first_come_first_told([3, 4])]
#[case::last_come_first_told([4, 3])]
fn both_requests_of_a_lost_block_are_told(#[case] order: [u64; 2]) {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::FailPart(1, ErrorKind::Unavailable));
    assert_eq!(bench.add(&hashes(3, &[10, 11, 12])), Ok(8));
    assert_eq!(bench.add(&hashes(4, &[10, 11, 13])), Ok(8));

    for id in order {
        assert_eq!(bench.settle(id), Ok(Settled { matched_tokens: 4, lost_from: Some(4) }), "{id}");
        let stats = bench.stats(id);
        assert_eq!((stats.reused, stats.missed), (1, 2));
    }
    let counters = *bench.engine.counters();
    // The second request found both blocks on the device, where they were being brought.
    assert_eq!((counters.hits, counters.lost_hits), ([1, 1, 0], 2));
    for id in order {
        bench.compute(id);
    }
    for id in order {
        assert_eq!(bench.run(id).lost_from, None);
        bench.remove(id);
    }
    assert_eq!(bench.visit(&hashes(5, &[10, 11, 13])), 12);
}

#[test]
fn told_late_it_keeps_what_the_other_computed_findable() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::FailPart(0, ErrorKind::Unavailable));
    bench.add(&hashes(3, &[10, 11, 12])).unwrap();
    bench.add(&hashes(4, &[10, 11, 13])).unwrap();

    bench.run(3);
    bench.remove(3);
    assert_eq!(bench.run(4), Settled { matched_tokens: 0, lost_from: Some(0) });
    bench.remove(4);
    assert_eq!(bench.visit(&hashes(5, &[10, 11, 12])), 12);
}

#[test]
fn all_beams_of_a_request_lose_a_shared_block_once() {
    let (mut bench, faults) = Setup::new([5, 5, 0]).simulate();
    bench.visit(&hashes(1, &[10, 11, 12]));
    bench.visit(&hashes(2, &[20, 21, 22, 23, 24]));
    bench.drain();
    faults.next((Host, Device), Fate::FailPart(1, ErrorKind::Unavailable));
    let mut request = hashes(3, &[10, 11, 12]);
    request.beams = 2;

    // With more beams the last block is never matched.
    assert_eq!(bench.add(&request), Ok(8));
    bench.log();
    assert_eq!(bench.run(3), Settled { matched_tokens: 4, lost_from: Some(4) });
    assert_eq!(bench.log_of("lost"), ["lost 0 1"]);
    assert_eq!(bench.engine.counters().lost_hits, 1);
    let stats = bench.remove(3);
    assert_eq!((stats.reused, stats.missed), (1, 2));
}

/// The story: the last block of the second beam alone lay in a slot that a hanging store still read.
/// The block of the first beam was replaced again and again instead, until no block was left.
#[test]
fn the_beam_whose_block_is_out_of_bounds_gets_the_other_block() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    bench.visit(&hashes(1, &[10, 11]));
    faults.next((Device, Host), Fate::Hang);
    let mut request = hashes(2, &[20, 21]);
    request.beams = 2;

    // Two blocks are empty; the last one is taken from 11.
    bench.add(&request).unwrap();
    let last =
        |bench: &Bench<_>| [0, 1].map(|beam| bench.engine.held(RequestId(2), 0, beam).unwrap()[1]);
    let before = last(&bench);
    assert_eq!(bench.run(2), Settled { matched_tokens: 0, lost_from: Some(4) });
    let after = last(&bench);
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
    assert_eq!(bench.quarantined(Device), 1);
}

#[test]
fn a_pinned_block_is_computed_again_where_it_is() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));
    bench.add(&hashes(3, &[10, 11])).unwrap();
    let held = bench.held(3);
    let pin = bench.engine.pin(RequestId(3)).unwrap();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(bench.held(3), held);
    bench.remove(3);
    // Neither can be evicted, so that a request of three blocks has no room.
    assert_eq!(bench.add(&hashes(4, &[40, 41, 42])), Err(ErrorKind::Exhausted));
    assert_eq!(bench.visit(&hashes(5, &[10, 11])), 8);
    bench.engine.unpin(pin).unwrap();
    bench.visit(&hashes(6, &[40, 41, 42, 43]));
}

#[test]
fn a_pinned_block_in_a_slot_out_of_bounds_is_out_of_use_once_the_pin_ends() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::Hang);
    bench.add(&hashes(3, &[10])).unwrap();
    let pin = bench.engine.pin(RequestId(3)).unwrap();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    bench.remove(3);
    assert_eq!(bench.quarantined(Device), 0, "the pin holds it");
    bench.engine.unpin(pin).unwrap();
    assert_eq!(bench.quarantined(Device), 1);
    bench.unhang(faults.last((Host, Device)));
    bench.drain();
    assert_eq!(bench.quarantined(Device), 0);
}

/// The load of a shared block hangs. One request gets another block and the load ends late; then the
/// other request computes the block where it is, and it is as good as any.
#[test]
fn a_slot_that_is_safe_again_may_be_kept() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.next((Host, Device), Fate::Hang);
    bench.add(&hashes(3, &[10])).unwrap();
    bench.add(&hashes(4, &[10])).unwrap();
    let held = bench.held(4);
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_ne!(bench.held(3), held);

    bench.unhang(faults.last((Host, Device)));
    assert_eq!(bench.run(4), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(bench.held(4), held);
    bench.remove(4);
    bench.remove(3);
    bench.drain();
    assert_eq!(bench.quarantined(Device), 0);
    assert_eq!(bench.visit(&hashes(5, &[10])), 4);
    bench.visit(&hashes(6, &[40, 41, 42, 43]));
    assert_eq!(bench.visit(&hashes(7, &[10])), 4);
}
