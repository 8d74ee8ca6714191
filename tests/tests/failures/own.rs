//! A request's own blocks can be lost too, in any window: where it sent them down and up again.

use crate::bench::{Bench, Device, Host, Setup, hashes};
use crate::faults::Fate;
use rstest::rstest;
use tierproof_core::{ErrorKind, RequestId, Settled, Tier};
use tierproof_sim::Sim;

fn swap_out_and_in(bench: &mut Bench<Sim>, id: u64, index: usize) {
    let block = bench.held(id)[index];
    bench.engine.offload(0, block).unwrap();
    bench.engine.onboard(0, block).unwrap();
}

#[rstest]
#[case::on_the_way_down((Device, Host))]
#[case::on_the_way_up((Host, Device))]
fn a_block_lost_between_tiers_is_computed_again(#[case] way: (Tier, Tier)) {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    bench.add(&hashes(1, &[10, 11, 12])).unwrap();
    bench.run(1);
    let held = bench.held(1);
    faults.next(way, Fate::Fail(ErrorKind::Unavailable));
    swap_out_and_in(&mut bench, 1, 1);
    bench.log();

    assert_eq!(bench.run(1), Settled { matched_tokens: 0, lost_from: Some(4) });
    assert_eq!(bench.log(), ["lost 0 1"], "the others still have their content");
    assert_eq!(bench.held(1), held);
    assert_eq!(bench.engine.counters().lost_unused, 1);
    assert_eq!(bench.run(1), Settled { matched_tokens: 0, lost_from: None });
    bench.remove(1);
    assert_eq!(bench.visit(&hashes(2, &[10, 11, 12])), 12);
}

#[test]
fn lost_after_it_was_stored_it_is_not_found() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    bench.add(&hashes(1, &[10, 11, 12])).unwrap();
    bench.run(1);
    bench.engine.store(RequestId(1)).unwrap();
    faults.next((Host, Device), Fate::Fail(ErrorKind::Unavailable));
    swap_out_and_in(&mut bench, 1, 1);
    bench.log();

    assert_eq!(bench.settle(1), Ok(Settled { matched_tokens: 0, lost_from: Some(4) }));
    assert_eq!(bench.log_of("remove"), ["remove 0 2", "remove 0 1"]);
    assert_eq!(bench.add(&hashes(2, &[10, 11])), Ok(4));
    bench.remove(2);
    bench.run(1);
    bench.remove(1);
    bench.log();
    bench.drain();
    assert_eq!(bench.log(), [""; 0], "it was computed again");
}

#[test]
fn a_loss_in_one_of_two_windows_is_a_loss_of_the_request() {
    let setup = Setup { windows: vec![[4, 4, 0], [4, 4, 0]], ..Setup::new([4, 4, 0]) };
    let (mut bench, faults) = setup.simulate();
    bench.visit(&hashes(1, &[10, 11]));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    bench.drain();
    // A request of four loads: those of window 0, then those of window 1.
    faults.next((Host, Device), Fate::FailPart(3, ErrorKind::Unavailable));

    assert_eq!(bench.add(&hashes(3, &[10, 11])), Ok(8));
    assert_eq!(bench.run(3), Settled { matched_tokens: 4, lost_from: Some(4) });
    let found = [0, 1].map(|window| bench.engine.matched_tokens(RequestId(3), window).unwrap());
    assert_eq!(found, [8, 4], "the least of all windows counts");
    let stats = bench.stats(3);
    assert_eq!((stats.reused, stats.missed), (3, 1));
}
