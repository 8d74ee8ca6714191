//! Promise: each scenario is decided as its golden says, in lockstep with the model, and on every
//! backend alike: one file for all of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use insta::{Settings, assert_snapshot};
use rstest::rstest;
use tierproof::lockstep::driver::Setup;
use tierproof::lockstep::model::Model;
use tierproof::lockstep::plan::Plan;

use crate::backends::On;
use crate::scenarios::{
    a_long_day, beams, chat_over_three_tiers, exchange_in_a_full_hierarchy, files_fall_back,
    partial_reuse_in_place_and_copied, pin_and_rewind, priorities_and_their_end, rejection,
    sliding_window, two_windows,
};

/// Compares with the golden of this name.
fn compare(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("../../../golden/decisions");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, text));
}

/// The engine's decision log.
fn decisions(plan: &Plan, on: On) -> Vec<String> {
    on.log(plan, Setup::default()).unwrap_or_else(|mismatch| panic!("{mismatch}"))
}

/// Compares a scenario's decisions with its golden.
pub(crate) fn decides_as_golden(name: &str, plan: &Plan, on: On) {
    compare(name, &decisions(plan, on).join("\n"));
}

#[rstest]
#[case::chat_over_three_tiers("chat_over_three_tiers", chat_over_three_tiers())]
#[case::exchange_in_a_full_hierarchy(
    "exchange_in_a_full_hierarchy",
    exchange_in_a_full_hierarchy()
)]
#[case::priorities_and_their_end("priorities_and_their_end", priorities_and_their_end())]
#[case::partial_reuse("partial_reuse", partial_reuse_in_place_and_copied())]
#[case::sliding_window("sliding_window", sliding_window())]
#[case::two_windows("two_windows", two_windows())]
#[case::beams("beams", beams())]
#[case::pin_and_rewind("pin_and_rewind", pin_and_rewind())]
#[case::files_fall_back("files_fall_back", files_fall_back())]
#[case::rejection("rejection", rejection())]
fn every_backend_decides_alike(
    #[case] name: &str,
    #[case] plan: Plan,
    #[values(On::Sim(0), On::Dram, On::Posix)] on: On,
) {
    decides_as_golden(name, &plan, on);
}

/// What a long log adds up to: its verbs, its hash, its beginning.
#[rstest]
fn a_long_day_is_decided_alike(#[values(On::Sim(0), On::Dram, On::Posix)] on: On) {
    decides_a_long_day(on);
}

pub(crate) fn decides_a_long_day(on: On) {
    let log = decisions(&a_long_day(), on);
    let mut verbs: BTreeMap<&str, u64> = BTreeMap::new();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for line in &log {
        *verbs.entry(line.split(' ').next().unwrap_or_default()).or_default() += 1;
        for byte in line.bytes().chain([b'\n']) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let mut text = String::new();
    for (verb, count) in verbs {
        writeln!(text, "{count} {verb}").expect("memory takes everything");
    }
    writeln!(text, "fnv-1a {hash:016x}\n\n{}", log[..40].join("\n")).expect("memory");
    compare("a_long_day", &text);
}

/// A golden is worth reading where it shows what its scenario is about.
#[rstest]
#[case(chat_over_three_tiers(), &["hit", "offload", "onboard", "partial"])]
#[case(exchange_in_a_full_hierarchy(), &["onboard 0 0 2", "offload"])]
#[case(priorities_and_their_end(), &["price", "expire", "drop"])]
#[case(partial_reuse_in_place_and_copied(), &["partial", "copy", "remove"])]
#[case(two_windows(), &["alloc 0", "alloc 1", "reject"])]
#[case(files_fall_back(), &["fallback 1 1", "fallback 2 2", "drop", "offload 0 0 1 2"])]
#[case(rejection(), &["reject 1", "alloc"])]
fn a_scenario_shows_what_it_is_about(#[case] plan: Plan, #[case] shown: &[&str]) {
    let mut model = Model::new(&plan.config);
    plan.ops.iter().for_each(|op| {
        model.apply(op);
    });
    for start in shown {
        let found = model.log.iter().any(|line| line.starts_with(start));
        assert!(found, "{start} is not in\n{}", model.log.join("\n"));
    }
}
