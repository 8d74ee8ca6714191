//! Promise: whatever strikes, a success is never wrong bytes, and no fault touches a range in
//! flight; equal plans give equal runs, a rate of zero is no fault, and what fired is a plan that
//! does the same; after healing, everything acknowledged is there.

use std::collections::BTreeSet;

use crate::workload::{Copy, Workload, copies};
use tierproof_core::Nanos;
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Faulty, Subject};
use tierproof_sim::{Sim, SimConfig};

fn sim() -> Sim {
    Sim::new(SimConfig { seed: 3, ..SimConfig::default() }).expect("valid settings")
}

/// All classes, each at a rate of its own that the seed draws: none, rare or frequent.
fn plan(seed: u64) -> FaultPlan {
    let rate = |class: FaultClass| match (seed.wrapping_mul(2 * class as u64 + 1) >> 1) % 4 {
        0 => 0,
        1 => 2_000,
        _ => 30_000,
    };
    let rates = FaultClass::ALL.iter().map(|&class| (class, rate(class))).collect();
    FaultPlan { seed, rates, ..FaultPlan::default() }
}

fn run(plan: &FaultPlan, requests: &[Vec<Copy>]) -> Workload<Faulty<Sim>> {
    let faulty = Faulty::with_power(sim(), plan).expect("a valid plan");
    let mut workload = Workload::new(faulty);
    workload.run(requests);
    workload
}

fn requests(seed: u64) -> Vec<Vec<Copy>> {
    copies(seed, 120)
}

#[test]
fn no_plan_changes_nothing() {
    let zero = FaultClass::ALL.iter().map(|&class| (class, 0)).collect();
    for plan in [FaultPlan::default(), FaultPlan { rates: zero, ..FaultPlan::default() }] {
        for seed in 0..20 {
            let mut plain = Workload::new(sim());
            plain.run(&requests(seed));
            let faulty = run(&plan, &requests(seed));
            assert_eq!(faulty.told, plain.told);
            assert_eq!(faulty.now, plain.now);
            assert!(faulty.backend.fired().is_empty());
        }
    }
}

#[test]
fn what_fired_is_a_plan_that_does_the_same() {
    let mut fired = 0;
    for seed in 0..60 {
        let drawn = run(&plan(seed), &requests(seed));
        assert_eq!(run(&plan(seed), &requests(seed)).told, drawn.told, "equal plans, equal runs");
        let entries = drawn.backend.fired().to_vec();
        fired += entries.len();
        let named = run(&FaultPlan::of(entries.clone()), &requests(seed));
        let differ = named.told.iter().zip(&drawn.told).find(|(named, drawn)| named != drawn);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(named.told.len(), drawn.told.len());
        assert_eq!(named.backend.fired(), entries);
        assert_eq!(named.backend.damage(), drawn.backend.damage());
        assert!(named.backend.unfired().is_empty());
    }
    assert!(fired > 200, "{fired} faults fired");
}

/// The workload fences its copies, so whatever the simulator notes is the faults' doing.
#[test]
fn ranges_in_flight_are_left_alone() {
    for seed in 0..200 {
        let workload = run(&plan(seed), &requests(seed));
        assert_eq!(workload.backend.inner().misuses(), [], "seed {seed}");
        assert_eq!(workload.backend.misuses(), [], "seed {seed}");
    }
}

#[test]
fn after_healing_everything_acknowledged_is_there() {
    for seed in 0..200 {
        let mut workload = run(&plan(seed), &requests(seed));
        workload.backend.heal();
        while workload.in_flight() > 0 {
            // What hung goes on now, though nobody waits for it any more.
            let before = workload.told.len();
            workload.wait_until(Nanos(workload.now.0 + 1_000_000));
            assert!(workload.told.len() > before, "seed {seed}: something still hangs");
        }
        assert_eq!(workload.load_all(), Vec::<String>::new(), "seed {seed}");
        assert_eq!(workload.backend.damage(), [], "seed {seed}");
    }
}

#[test]
fn every_class_fires() {
    let mut fired = BTreeSet::new();
    for seed in 0..200 {
        let mut workload = run(&plan(seed), &requests(seed));
        workload.backend.power_cut();
        fired.extend(workload.backend.fired_by_class().into_keys());
    }
    let missing: Vec<_> = FaultClass::ALL.iter().filter(|class| !fired.contains(class)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Draws are about subjects, so a request that is left out takes its own faults with it and no
/// others. Only classes without consequences for other requests can show that.
#[test]
fn leaving_a_request_out_moves_no_draws() {
    let classes = [FaultClass::F18, FaultClass::F20];
    let rates = classes.into_iter().map(|class| (class, 200_000)).collect();
    let plan = FaultPlan { seed: 5, rates, ..FaultPlan::default() };
    let store = |slot| vec![Copy { source: (0, slot), target: (2, slot) }];
    let all: Vec<_> = (0..6).cycle().take(60).map(store).collect();
    let of_others = |workload: &Workload<Faulty<Sim>>| {
        let about = |entry: &&FaultEntry| match entry.on {
            Subject::Part { target, .. } => target.slot != 4,
            _ => true,
        };
        let mut fired: Vec<_> = workload.backend.fired().iter().filter(about).copied().collect();
        fired.sort_unstable();
        fired
    };
    let whole = of_others(&run(&plan, &all));
    let rest: Vec<_> = all.into_iter().filter(|request| request[0].source.1 != 4).collect();
    assert_eq!(of_others(&run(&plan, &rest)), whole);
    assert!(whole.len() > 10, "{whole:?}");
}
