//! Promise: through NIXL the engine decides what the goldens say and what the model decides, and every
//! byte is where it should be and what it should be.

use std::path::PathBuf;

use rstest::rstest;
use tierproof::lockstep::plan::{Plan, PlanConfig};
use tierproof_tests::strategy::Shape;

use crate::backends::On;
use crate::goldens::{decides_a_long_day, decides_as_golden};
use crate::plans::runs_in_lockstep;
use crate::random::{Tiers, check};
use crate::scenarios::{
    beams, chat_over_three_tiers, exchange_in_a_full_hierarchy, files_fall_back,
    partial_reuse_in_place_and_copied, pin_and_rewind, priorities_and_their_end, rejection,
    sliding_window, two_windows,
};

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
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
fn it_decides_as_the_goldens_say(#[case] name: &str, #[case] plan: Plan) {
    decides_as_golden(name, &plan, On::NixlPosix);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_long_day_is_decided_alike() {
    decides_a_long_day(On::NixlPosix);
}

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn saved_plans_run_in_lockstep(#[files("plans/*.json")] path: PathBuf) {
    runs_in_lockstep(&path, On::NixlPosix);
}

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn engine_and_model_agree(#[values(Tiers::Disk, Tiers::All)] tiers: Tiers) {
    let fit = |config: &mut PlanConfig| tiers.fit(config);
    check(&format!("nixl-{tiers:?}"), 20, &Shape::deep(), fit, |plan, setup, _| {
        On::NixlPosix.run(plan, setup)
    });
}
