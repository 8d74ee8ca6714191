//! Promise: over random plans the engine decides what the model decides, on every backend, and
//! every byte that can be found or is held is where it should be and what it should be.
//!
//! A plan that fails is shrunk, and saved: put it into `plans/` and it stays a test.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use rstest::rstest;
use tierproof::lockstep::driver::{Bytes, Driver, Mismatch, Pools, Setup};
use tierproof::lockstep::plan::{Plan, PlanConfig, PlanPolicy};
use tierproof_core::Verify;
use tierproof_sim::{Sim, SimConfig};
use tierproof_tests::strategy::{Shape, plans_for};

use crate::backends::{On, scratch};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Tiers {
    Device,
    Host,
    Disk,
    All,
}

impl Tiers {
    /// The same windows with other tiers.
    pub(crate) fn fit(self, config: &mut PlanConfig) {
        for window in &mut config.windows {
            let some = |blocks: usize| blocks.max(1);
            (window.host, window.disk) = match self {
                Self::Device => (0, 0),
                Self::Host => (some(window.host), 0),
                Self::Disk => (0, some(window.disk)),
                Self::All => (some(window.host), some(window.disk)),
            };
        }
    }
}

const SETUPS: [Setup; 4] = [
    Setup { bytes: Bytes::Lazy, pools: Pools::Attention, verify: Verify::All, ..Setup::PLAIN },
    Setup { bytes: Bytes::Every, pools: Pools::Attention, verify: Verify::Disk, ..Setup::PLAIN },
    Setup { bytes: Bytes::Lazy, pools: Pools::Opaque, verify: Verify::Off, ..Setup::PLAIN },
    Setup { bytes: Bytes::Every, pools: Pools::Opaque, verify: Verify::All, ..Setup::PLAIN },
];

/// How many times as many plans: a night has more time than a change.
pub(crate) fn times() -> u32 {
    std::env::var("TIERPROOF_TIMES").map_or(1, |times| times.parse().expect("a number"))
}

/// Runs `cases` plans for configurations that `fit` has fitted to the case under test.
pub(crate) fn check(
    name: &str,
    cases: u32,
    shape: &Shape,
    fit: impl Fn(&mut PlanConfig),
    run: impl Fn(&Plan, Setup, u64) -> Result<(), Mismatch>,
) {
    let cases = cases * times();
    let max_shrink_iters = 4000;
    let config = ProptestConfig {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let drawn = (plans_for(shape, fit), 0..SETUPS.len(), any::<u64>());
    let result = TestRunner::new(config).run(&drawn, |(plan, setup, seed)| {
        run(&plan, SETUPS[setup], seed).map_err(|mismatch| {
            // The last one to be saved is the smallest.
            let path = scratch().join(format!("failed-{name}.json"));
            std::fs::write(&path, plan.to_json()).expect("the target directory can be written");
            let path = path.display();
            TestCaseError::fail(format!("{mismatch}\nsetup {:?}, saved as {path}", SETUPS[setup]))
        })
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("no plan could be drawn: {reason}"),
    }
}

#[rstest]
fn engine_and_model_agree_on_the_simulator(
    #[values(PlanPolicy::Lru, PlanPolicy::PriorityLru)] policy: PlanPolicy,
    #[values(Tiers::Device, Tiers::Host, Tiers::Disk, Tiers::All)] tiers: Tiers,
    #[values(1, 2, 3, 4)] tokens_per_block: usize,
) {
    let name = format!("sim-{policy:?}-{tiers:?}-{tokens_per_block}");
    let fit = |config: &mut PlanConfig| {
        config.policy = policy;
        config.tokens_per_block = tokens_per_block;
        tiers.fit(config);
    };
    check(&name, 200, &Shape::default(), fit, |plan, setup, seed| On::Sim(seed).run(plan, setup));
}

#[rstest]
fn engine_and_model_agree_where_batches_are_split(
    #[values(PlanPolicy::Lru, PlanPolicy::PriorityLru)] policy: PlanPolicy,
    #[values(Tiers::Host, Tiers::All)] tiers: Tiers,
) {
    let name = format!("narrow-{policy:?}-{tiers:?}");
    let fit = |config: &mut PlanConfig| {
        config.policy = policy;
        tiers.fit(config);
    };
    check(&name, 600, &Shape::deep(), fit, |plan, setup, seed| {
        On::NarrowSim(seed).run(plan, setup)
    });
}

#[rstest]
fn engine_and_model_agree_in_host_memory(
    #[values(PlanPolicy::Lru, PlanPolicy::PriorityLru)] policy: PlanPolicy,
    #[values(Tiers::Device, Tiers::Host, Tiers::Disk, Tiers::All)] tiers: Tiers,
) {
    let name = format!("dram-{policy:?}-{tiers:?}");
    let fit = |config: &mut PlanConfig| {
        config.policy = policy;
        tiers.fit(config);
    };
    check(&name, 400, &Shape::default(), fit, |plan, setup, _| On::Dram.run(plan, setup));
}

#[rstest]
fn engine_and_model_agree_on_files(
    #[values(On::Posix, On::PosixPerSlot)] on: On,
    #[values(Tiers::Disk, Tiers::All)] tiers: Tiers,
) {
    let name = format!("{on:?}-{tiers:?}");
    let fit = |config: &mut PlanConfig| tiers.fit(config);
    check(&name, 40, &Shape::deep(), fit, |plan, setup, _| on.run(plan, setup));
}

#[rstest]
#[case::everything_is_evicted(Shape::tight())]
#[case::windows_slide(Shape::sliding())]
#[case::content_sinks(Shape::deep())]
#[case::anything(Shape::default())]
fn engine_and_model_agree_as_drawn(#[case] shape: Shape) {
    let name = format!("drawn-{}-{}-{}", shape.blocks_max, shape.sliding, shape.plain);
    check(&name, 1500, &shape, |_| {}, |plan, setup, seed| On::Sim(seed).run(plan, setup));
}

/// Random plans would prove little about transfers if they never piled up: together they reach every
/// route between tiers, keep many parts in flight, and copy single tokens.
#[test]
fn random_plans_reach_every_route() {
    let config =
        ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let seen: RefCell<(Vec<u64>, u64, u64)> = RefCell::default();
    let drawn = plans_for(&Shape::deep(), |config| Tiers::All.fit(config));
    let run = |plan: Plan| {
        let sim = Sim::new(SimConfig::default()).expect("the default is valid");
        let mut driver = Driver::new(&plan.config, SETUPS[0], sim).expect("checked elsewhere");
        for op in &plan.ops {
            driver.apply(op).expect("checked elsewhere");
        }
        let traffic = driver.engine().backend().traffic();
        let (routes, in_flight, copies) = &mut *seen.borrow_mut();
        routes.resize(9, 0);
        for (sum, parts) in routes.iter_mut().zip(traffic.routes.iter().flatten()) {
            *sum += parts;
        }
        *in_flight = traffic.parts_in_flight_max.max(*in_flight);
        *copies += driver.log().iter().filter(|line| line.starts_with("copy")).count() as u64;
        Ok(())
    };
    TestRunner::new_with_rng(config, rng).run(&drawn, run).expect("no run fails");
    let (routes, in_flight, copies) = seen.into_inner();
    let [between_devices, down, _, up, _, demoted, from_disk, _, _] = routes[..] else {
        panic!("three times three routes")
    };
    let rare = [between_devices, down, up, demoted, from_disk, copies];
    assert!(rare.iter().all(|count| *count > 50), "{rare:?}");
    assert!(in_flight > 8, "{in_flight}");
}
