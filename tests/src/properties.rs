//! Promise: over random plans every law of the model holds after every operation; a plan always
//! gives the same log; what is refused or rejected changes nothing; and lower tiers lose nothing.

use proptest::prelude::*;

use crate::strategy::{DIRECTORY, Shape, plans};
use tierproof::lockstep::model::{Model, Outcome};
use tierproof::lockstep::plan::{
    Op, Plan, PlanAdd, PlanConfig, PlanMode, PlanPolicy, PlanPrompt, PlanRetention, PlanWindow,
};

fn run(plan: &Plan) -> Result<Model, TestCaseError> {
    let mut model = Model::new(&plan.config);
    for (at, op) in plan.ops.iter().enumerate() {
        let (views, lines) = (model.views(), model.log.len());
        let outcome = model.apply(op);
        if let Err(broken) = model.check() {
            let log = model.log.join("\n");
            return Err(TestCaseError::fail(format!("after op {at} {op:?}: {broken}\n{log}")));
        }
        if outcome != Outcome::Done {
            prop_assert_eq!(&views, &model.views(), "op {} {:?} changed something", at, op);
            let expected = usize::from(outcome == Outcome::Rejected);
            prop_assert_eq!(model.log.len() - lines, expected);
        }
    }
    Ok(model)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn laws_hold_after_every_operation(plan in plans(&Shape::default())) {
        let model = run(&plan)?;
        prop_assert_eq!(model.log, run(&plan)?.log);
    }

    #[test]
    fn laws_hold_where_everything_is_evicted(plan in plans(&Shape::tight())) {
        run(&plan)?;
    }

    #[test]
    fn laws_hold_where_windows_slide(plan in plans(&Shape::sliding())) {
        run(&plan)?;
    }

    #[test]
    fn every_random_plan_is_valid_and_survives_its_json(plan in plans(&Shape::default())) {
        prop_assert_eq!(&Plan::from_json(&plan.to_json()).unwrap(), &plan);
    }

    /// With one priority a hierarchy of D, H and K blocks finds exactly what D + H + K on the
    /// device find: going down and coming up lose nothing.
    #[test]
    fn lower_tiers_lose_nothing(
        device in 1_usize..6, host in 0_usize..6, disk in 0_usize..6, reserve in 1_usize..3,
        lru: bool,
        prompts in proptest::collection::vec(proptest::collection::vec(0_u64..3, 1..6), 1..60),
    ) {
        let policy = if lru { PlanPolicy::Lru } else { PlanPolicy::PriorityLru };
        let tiered = PlanWindow { size: 512, device, host, disk };
        let flat = PlanWindow { device: device + host + disk, host: 0, disk: 0, ..tiered.clone() };
        let mut tiered = Model::new(&one_window(tiered, policy, reserve));
        let mut flat = Model::new(&one_window(flat, policy, reserve));
        for (request, mut hashes) in prompts.into_iter().enumerate() {
            hashes.truncate(device);
            let request = request as u64;
            for model in [&mut tiered, &mut flat] {
                prop_assert_eq!(model.apply(&add_hashes(request, &hashes)), Outcome::Done);
            }
            prop_assert_eq!(tiered.matched_tokens(request), flat.matched_tokens(request));
            for model in [&mut tiered, &mut flat] {
                prop_assert_eq!(model.apply(&Op::Remove { request }), Outcome::Done);
                prop_assert_eq!(model.check(), Ok(()));
            }
            prop_assert_eq!(tiered.counters().drops, flat.counters().drops);
        }
    }
}

fn one_window(window: PlanWindow, policy: PlanPolicy, reserve: usize) -> PlanConfig {
    PlanConfig {
        windows: vec![window],
        tokens_per_block: 2,
        sequence_tokens_max: 512,
        reuse: true,
        partial_reuse: true,
        copy_on_partial_reuse: true,
        onboard: true,
        reserve,
        policy,
        offload_priority_min: 30,
        directories: vec![DIRECTORY.to_owned()],
        block_bytes: 64,
    }
}

fn add_hashes(request: u64, hashes: &[u64]) -> Op {
    Op::Add(PlanAdd {
        request,
        prompt: PlanPrompt::Hashes(hashes.to_vec()),
        beams: 1,
        cross_attention: false,
        retention: PlanRetention {
            mode: PlanMode::Posix,
            directory: DIRECTORY.to_owned(),
            ..PlanRetention::default()
        },
    })
}

/// Random plans would prove little if they never reached the interesting decisions: a thousand of
/// them write every verb of the decision log that needs no failed transfer.
#[test]
fn random_plans_reach_every_verb() {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    let seen: RefCell<BTreeMap<String, u64>> = RefCell::default();
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(&plans(&Shape::default()), |plan| {
            let mut model = Model::new(&plan.config);
            for op in &plan.ops {
                let outcome = model.apply(op);
                let name = format!("{op:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default();
                *seen.borrow_mut().entry(format!("{name} {outcome:?}")).or_default() += 1;
            }
            for line in &model.log {
                let verb = line.split(' ').next().unwrap_or_default().to_owned();
                *seen.borrow_mut().entry(verb).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    for name in [
        "created",
        "add",
        "reject",
        "hit",
        "partial",
        "price",
        "onboard",
        "offload",
        "drop",
        "remove",
        "alloc",
        "copy",
        "store",
        "expire",
        "fallback",
        "end",
        "Offload Done",
        "Onboard Done",
        "Rewind Done",
        "Pin Done",
        "Unpin Done",
        "Append Refused(Exhausted)",
    ] {
        assert!(seen.get(name).is_some_and(|count| *count > 10), "{name} is rare: {seen:?}");
    }
}
