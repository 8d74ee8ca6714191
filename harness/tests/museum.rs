//! Promise: a campaign bites. Public bugs, rebuilt, are each seen by the law that they break, most of
//! them soon; what is no bug is not seen; and a campaign whose canary lives says so and nothing else.

#![cfg(feature = "sim")]

use tierproof::explore::museum::{CANARY, CONTROL, EXHIBITS, visit};
use tierproof::explore::{Campaign, Scope, Shard, Tally, simulate};

const DOCS: &str = include_str!("../../docs/testing.md");

/// An exhibit that takes longer is not seen.
const SEEDS_MAX: u64 = 10_000;

#[test]
fn every_exhibit_is_seen_by_a_law_that_it_breaks() {
    let mut seeds = Vec::new();
    for exhibit in EXHIBITS {
        let visit = visit(exhibit, SEEDS_MAX, &Scope::default()).expect("cases are valid");
        let id = exhibit.id;
        let broke = visit.broke.unwrap_or_else(|| panic!("{id} is not seen"));
        assert!(exhibit.breaks.contains(&broke), "{id} breaks {broke}: {}", visit.what);
        println!("{id}: {broke} after {} seeds: {}", visit.seeds, visit.what);
        seeds.push(visit.seeds);
    }
    seeds.sort_unstable();
    let median = seeds[seeds.len() / 2];
    assert!(median < 1_000, "half of the exhibits take more than {median} seeds");
}

#[test]
fn what_is_no_bug_is_not_seen() {
    let visit = visit(&CONTROL, 2_000, &Scope::default()).expect("cases are valid");
    assert_eq!(visit.broke, None, "seed {}: {}", visit.seeds - 1, visit.what);
}

#[test]
fn exhibits_have_names_of_their_own_and_are_documented() {
    assert!(EXHIBITS.len() >= 20);
    assert!(EXHIBITS.windows(2).all(|pair| pair[0].id != pair[1].id));
    for exhibit in EXHIBITS {
        let number = exhibit.report.expect("it was reported").1.to_string();
        assert!(exhibit.id.contains(&number), "{} is named after {number}", exhibit.id);
        let entry = format!(
            "| [`{}`]({}) | {} |",
            exhibit.id,
            exhibit.url().expect("it has one"),
            exhibit.was
        );
        assert!(DOCS.contains(&entry), "docs/testing.md has no row {entry}");
    }
}

fn campaign(canary: &tierproof::explore::museum::Exhibit) -> Tally {
    let campaign = Campaign {
        seeds: 0..10,
        shard: Shard::default(),
        scope: Scope::default(),
        jobs: 1,
        time: None,
        keep_going: false,
        repeat_every: 5,
        exact: true,
        canary,
        run: &|case| simulate(case),
        watch: &|_| {},
    };
    campaign.explore().expect("cases are valid").0
}

/// Checkers that see nothing would find a million seeds sound.
#[test]
fn a_campaign_whose_canary_lives_counts_for_nothing() {
    let dead = campaign(&CANARY);
    assert_eq!((dead.seeds, dead.canaries, dead.canary_lived()), (10, 1, false));
    let alive = campaign(&CONTROL);
    assert_eq!((alive.seeds, alive.canaries, alive.canary_lived()), (0, 0, true));
    assert!(alive.chart().contains("the canary lived"), "{}", alive.chart());
    let mut both = dead;
    both.add(alive);
    assert!(both.canary_lived(), "one part that counts for nothing spoils the sum");
}
