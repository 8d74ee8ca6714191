//! Promise: every plan that was saved runs in lockstep on every backend, however its bytes are laid
//! out, sealed and compared.

use std::path::{Path, PathBuf};

use rstest::rstest;
use tierproof::lockstep::driver::{Bytes, Pools, Setup};
use tierproof::lockstep::plan::Plan;
use tierproof_core::Verify;

use crate::backends::On;

#[rstest]
fn saved_plans_run_in_lockstep(
    #[files("plans/*.json")] path: PathBuf,
    #[values(On::Sim(7), On::NarrowSim(7), On::Dram, On::Posix, On::PosixPerSlot)] on: On,
) {
    runs_in_lockstep(&path, on);
}

pub(crate) fn runs_in_lockstep(path: &Path, on: On) {
    let text = std::fs::read_to_string(path).expect("the plan can be read");
    let plan = Plan::from_json(&text).expect("a saved plan is valid");
    for bytes in [Bytes::Every, Bytes::Lazy] {
        for pools in [Pools::Attention, Pools::Opaque] {
            for verify in [Verify::Off, Verify::All] {
                let setup = Setup { bytes, pools, verify, ..Setup::PLAIN };
                if let Err(mismatch) = on.run(&plan, setup) {
                    panic!("{} with {setup:?}: {mismatch}", path.display());
                }
            }
        }
    }
}
