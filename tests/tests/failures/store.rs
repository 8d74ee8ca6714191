//! A store that fails and that nobody waits for changes nothing, until somebody settles or drains:
//! decisions never depend on when a completion was seen.

use crate::bench::{Device, Disk, Host, Setup, hashes, on_disk};
use crate::faults::Fate;
use tierproof_core::{ErrorKind, Settled};

#[test]
fn until_drained_the_decision_log_is_that_of_a_run_without_faults() {
    let run = |fails: bool| {
        let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
        if fails {
            faults.always((Device, Host), Fate::Fail(ErrorKind::Unavailable));
        }
        bench.visit(&hashes(1, &[10, 11]));
        bench.visit(&hashes(2, &[20, 21, 22, 23]));
        bench.add(&hashes(3, &[20, 30])).unwrap();
        bench.run(3);
        bench.append(3, 7).unwrap();
        bench.run(3);
        bench.remove(3);
        (bench.log(), bench)
    };
    let (well, _) = run(false);
    let (badly, bench) = run(true);
    assert_eq!(badly, well);
    assert!(bench.engine.transfer_stats().failed >= 2);
    assert_eq!(bench.engine.counters().lost_unused, 0);
}

/// Of two lost contents the second hangs beneath the first, and is gone with it.
#[test]
fn drained_it_can_not_be_found_and_its_slot_is_free() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    faults.always((Device, Host), Fate::Fail(ErrorKind::Unavailable));
    bench.visit(&hashes(1, &[10, 11]));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    assert_eq!(bench.engine.tier_use(0, Host).unwrap().queued, 2);
    bench.log();

    bench.drain();
    assert_eq!(bench.log(), ["lost 0 0", "remove 0 1", "remove 0 0"]);
    let host = bench.engine.tier_use(0, Host).unwrap();
    assert_eq!((host.empty, host.queued, host.quarantined), (4, 0, 0));
    assert_eq!(bench.engine.counters().lost_unused, 1);
    faults.heal();
    assert_eq!(bench.visit(&hashes(3, &[10, 11])), 0);
    bench.visit(&hashes(4, &[40, 41, 42, 43]));
    assert_eq!(bench.visit(&hashes(5, &[10, 11])), 8, "the slots hold new content now");
}

#[test]
fn what_was_never_stored_is_never_loaded() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    faults.always((Device, Host), Fate::Fail(ErrorKind::Unavailable));
    bench.visit(&hashes(1, &[10, 11]));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    faults.heal();

    assert_eq!(bench.add(&hashes(3, &[10, 11])), Ok(8));
    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(faults.count((Host, Device)), 0);
}

/// 10 goes to host memory, which fails, and from there to disk, and is then wanted.
#[test]
fn a_loss_travels_with_its_content() {
    let (mut bench, faults) = Setup::new([4, 2, 4]).simulate();
    faults.next((Device, Host), Fate::Fail(ErrorKind::Unavailable));
    bench.visit(&on_disk(hashes(1, &[10])));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    bench.visit(&hashes(3, &[30, 31, 32, 33]));
    assert_eq!(bench.log_of("offload").iter().filter(|line| line.ends_with("1 2")).count(), 1);

    assert_eq!(bench.add(&hashes(4, &[10])), Ok(4));
    assert_eq!(bench.engine.counters().hits, [0, 0, 1]);
    assert_eq!(bench.run(4), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(bench.engine.counters().hits, [0, 0, 0]);
    assert_eq!(bench.engine.transfer_stats().failed, 3, "offload, demotion and onboard");
    assert_eq!(faults.count((Host, Disk)) + faults.count((Disk, Device)), 0);
}

/// 10 comes up and is evicted again, and its block is taken fresh, before the load fails.
#[test]
fn a_failed_load_into_a_slot_that_was_taken_fresh_since_is_no_news() {
    let (mut bench, faults) = Setup::new([1, 3, 0]).simulate();
    bench.visit(&hashes(1, &[10]));
    bench.visit(&hashes(2, &[20]));
    bench.drain();
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));

    assert_eq!(bench.add(&hashes(3, &[10])), Ok(4));
    bench.remove(3);
    bench.add(&hashes(4, &[40])).unwrap();
    assert_eq!(bench.run(4), Settled { matched_tokens: 0, lost_from: None });
    assert_eq!(bench.engine.transfer_stats().failed, 2, "the load, and the store that it feeds");
}

/// The story: one device block had content `a` come up, then `b`, and then was taken fresh, all
/// before the first of these moves ended. It failed. That the slot had been written since by another
/// move that nobody waited for hid that it was to be written anew, and its owner, who had computed
/// nothing yet, was told of a loss.
#[test]
fn a_failure_before_the_last_write_of_a_slot_says_nothing_of_the_slot() {
    let (mut bench, faults) = Setup::new([1, 3, 0]).simulate();
    bench.visit(&hashes(1, &[10]));
    bench.visit(&hashes(2, &[20]));
    bench.visit(&hashes(3, &[30]));
    bench.drain();
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));

    for (id, content) in [(4, 10), (5, 20)] {
        assert_eq!(bench.add(&hashes(id, &[content])), Ok(4));
        bench.remove(id);
    }
    bench.add(&hashes(6, &[60])).unwrap();
    assert_eq!(bench.run(6), Settled { matched_tokens: 0, lost_from: None });
    bench.remove(6);
    bench.log();
    bench.drain();
    assert_eq!(bench.log_of("lost").len(), 1, "10, on its way up, is the only loss");
}
