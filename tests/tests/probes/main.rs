//! Promise: random runs come by every place that matters, and with every detour taken engine and model still
//! decide alike.
//!
//! All is one test, because counts are by thread.

mod plans;
mod storm;

use std::collections::BTreeSet;

use tierproof_core::probes::Buggify;

/// What only a campaign comes by, which has faults that nothing here has.
const ONLY_A_CAMPAIGN: [&str; 1] = [
    // A backend that reports twice.
    "a completion is of nothing in flight",
];

/// What depends on how fast a machine is.
const ON_THE_CLOCK: [&str; 4] = [
    "posix: a completion is waited for",
    "posix: a wait ends before a completion",
    "posix: a wait ends at once",
    "posix: several requests end in one poll",
];

fn reset() {
    tierproof_core::probes::reset();
    tierproof_backends::probes::reset();
}

fn snapshot() -> Vec<(&'static str, u64)> {
    let mut all = tierproof_core::probes::snapshot();
    all.extend(tierproof_backends::probes::snapshot());
    all
}

#[test]
fn every_probe_is_come_by() {
    reset();
    plans::run();
    storm::run();
    let counts = snapshot();
    counts.iter().for_each(|(name, times)| println!("{times:>9} {name}"));
    let never = counts.iter().filter(|(_, times)| *times == 0).map(|(name, _)| *name);
    let never: BTreeSet<&str> = never.filter(|name| !ON_THE_CLOCK.contains(name)).collect();
    assert_eq!(never, BTreeSet::from(ONLY_A_CAMPAIGN));
}

#[test]
fn names_are_unique_and_listed_as_counted() {
    let core: Vec<&str> = tierproof_core::probes::list().collect();
    let backends: Vec<&str> = tierproof_backends::probes::list().collect();
    let all: Vec<&str> = core.iter().chain(&backends).copied().collect();
    assert_eq!(all, snapshot().iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let known = |name| all.contains(name);
    assert!(ONLY_A_CAMPAIGN.iter().chain(&ON_THE_CLOCK).all(known));
}

/// One seed, one run: the counts are equal to the last, twice and in any order of runs.
#[test]
fn a_run_of_a_seed_comes_by_the_same_places_every_time() {
    let of = |seed| {
        reset();
        let detours = Buggify::new(seed);
        storm::storm(seed);
        drop(detours);
        snapshot()
    };
    let first: Vec<_> = (0..20).map(of).collect();
    let again: Vec<_> = (0..20).rev().map(of).collect();
    assert!(first.iter().eq(again.iter().rev()));
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]), "seeds differ");
}
