//! Random plans in lockstep, with detours.

use std::path::PathBuf;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tierproof::lockstep::driver::{Bytes, Driver, Pools, Setup};
use tierproof::lockstep::plan::Plan;
use tierproof_backends::{Dram, Posix, PosixConfig};
use tierproof_core::probes::Buggify;
use tierproof_core::{Backend, Verify};
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Sim, SimConfig};
use tierproof_tests::strategy::{Shape, plans};

const LAZY: Setup =
    Setup { bytes: Bytes::Lazy, pools: Pools::Attention, verify: Verify::All, ..Setup::PLAIN };

/// So narrow that batches are split, blocks torn and queues full.
fn narrow(seed: u64) -> Sim {
    let config = SimConfig {
        seed,
        request_parts_max: 3,
        request_bytes_max: 256,
        in_flight_parts_max: 3,
        ..SimConfig::default()
    };
    Sim::new(config).expect("the settings are valid")
}

/// Room for many, of which a way leaves some to others, in requests of few bytes.
fn wide(seed: u64) -> Sim {
    let config =
        SimConfig { seed, request_bytes_max: 100, in_flight_parts_max: 16, ..SimConfig::default() };
    Sim::new(config).expect("the settings are valid")
}

fn check<B: Backend>(plan: &Plan, seed: u64, backend: B) {
    let _detours = Buggify::new(seed);
    let ended = Driver::run(plan, LAZY, Shadowed::new(backend));
    let shadowed =
        ended.unwrap_or_else(|mismatch| panic!("seed {seed}: {mismatch}\n{}", plan.to_json()));
    let shadowed = shadowed.closed().expect("the device goes on");
    assert_eq!(shadowed.hazards(), [], "seed {seed}: {}", plan.to_json());
}

pub(crate) fn run() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let root = tempfile::tempdir_in(scratch()).expect("the target directory can be written");
    let shapes = [Shape::default(), Shape::tight(), Shape::sliding(), Shape::deep()];
    for seed in 0..2400 {
        let shape = &shapes[seed as usize % shapes.len()];
        let plan = plans(shape).new_tree(&mut runner).expect("a plan can be drawn").current();
        match seed / 4 % 8 {
            0..=2 => check(&plan, seed, wide(seed)),
            3..=5 => check(&plan, seed, narrow(seed)),
            6 => check(&plan, seed, Dram::new()),
            _ => {
                let config = PosixConfig { threads: 2, ..PosixConfig::new(root.path()) };
                check(&plan, seed, Posix::open(config).expect("the directory is there"));
            }
        }
    }
}

/// Where tests may write: on another machine than the one that built them, where `TIERPROOF_SCRATCH` says.
fn scratch() -> PathBuf {
    let elsewhere = std::env::var_os("TIERPROOF_SCRATCH");
    elsewhere.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}
