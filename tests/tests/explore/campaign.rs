//! A short campaign, whole and in parts.

use tierproof::explore::museum::CANARY;
use tierproof::explore::{Campaign, Scope, Shard, Tally, simulate};
use tierproof_sim::faults::FaultClass;

fn explored(shard: Shard, jobs: usize) -> Tally {
    let campaign = Campaign {
        seeds: 0..240,
        shard,
        scope: Scope::default(),
        jobs,
        time: None,
        keep_going: true,
        repeat_every: 8,
        exact: true,
        canary: &CANARY,
        run: &simulate,
        watch: &|_| {},
    };
    let (tally, failure) = campaign.explore().expect("the settings are valid");
    assert!(failure.is_none(), "{:?}", tally.failures);
    tally
}

#[test]
fn parts_add_up_to_the_whole_however_it_is_run() {
    let whole = explored(Shard::default(), 1);
    let mut sum = Tally::default();
    for index in 0..3 {
        sum.add(explored(Shard { index, count: 3 }, 2));
    }
    let counts = |tally: &Tally| (tally.seeds, tally.ops, tally.faults.clone(), tally.digest);
    assert_eq!(counts(&sum), counts(&whole));
    assert_eq!((whole.seeds, whole.repeated), (240, 30));
}

#[test]
fn every_class_that_can_be_had_strikes() {
    let tally = explored(Shard::default(), 2);
    let missed = tally.missed(FaultClass::ALL);
    assert!(missed.len() < 4, "{missed:?}");
}
