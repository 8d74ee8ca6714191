//! Promise: on the Mooncake conversation trace the engine finds exactly what three independent
//! programs agree on, with every byte checked, whatever the tiers are made of.
//!
//! The trace is not part of this project: `TIERPROOF_TRACES` names the folder it lies in. Without
//! it these tests are reported as ignored. That needs a harness of its own, since the built-in one
//! can't ignore a test at run time.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tierproof::{BackendKind, Outcome, Root, Settings, Workload, replay};

const FILE: &str = "mooncake_conversation.jsonl";
const REQUESTS: u64 = 12_031;
const BLOCKS: u64 = 288_500;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os("TIERPROOF_TRACES").map(PathBuf::from);
    let trials = match folder {
        Some(folder) => trials(&folder.join(FILE)),
        None => trials(Path::new("")).iter().map(|trial| ignored(trial.name())).collect(),
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn ignored(name: &str) -> Trial {
    Trial::test(format!("{name} (set TIERPROOF_TRACES to the folder of {FILE})"), || Ok(()))
        .with_ignored_flag(true)
}

fn trials(trace: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, check: fn(&Path, &'static str) -> Result<(), Failed>, policy| {
        let trace = trace.to_owned();
        trials.push(Trial::test(name, move || check(&trace, policy)));
    };
    for policy in ["lru", "priority-lru"] {
        add(format!("published_hits_{policy}"), published_hits, policy);
        add(format!("tiers_lose_nothing_{policy}"), tiers_lose_nothing, policy);
    }
    add("every_byte_through_three_tiers".into(), every_byte, "priority-lru");
    add("one_decision_log_for_all_backends".into(), one_log, "priority-lru");
    if cfg!(feature = "nixl") {
        trials.push(through_nixl(trace));
    }
    if cfg!(feature = "gds") {
        trials.extend(on_a_gpu(trace));
    }
    trials
}

/// As many requests as take some seconds.
fn through_nixl(trace: &Path) -> Trial {
    let run = Run { backend: BackendKind::NixlPosix, block_bytes: 4096, limit: Some(2_000) };
    let trace = trace.to_owned();
    let name = "every_byte_through_nixl_posix";
    if !cfg!(nixl_here) {
        let name = format!("{name} (NIXL is not here: run scripts/fetch-nixl)");
        return Trial::test(name, || Ok(())).with_ignored_flag(true);
    }
    Trial::test(name, move || every_byte_as_simulated(&trace, run))
}

/// The whole trace over a GPU's memory. Without a GPU it fails, and says what is missing.
fn on_a_gpu(trace: &Path) -> Vec<Trial> {
    let kinds = [BackendKind::CudaDram, BackendKind::Gds, BackendKind::GdsMt];
    let trial = |(backend, name)| {
        let run = Run { backend, block_bytes: 16 << 10, limit: None };
        let trace = trace.to_owned();
        Trial::test(name, move || every_byte_as_simulated(&trace, run))
    };
    let names = ["every_byte_on_cuda_dram", "every_byte_on_gds", "every_byte_on_gds_mt"];
    kinds.into_iter().zip(names).map(trial).collect()
}

fn run(trace: &Path, settings: &Settings, limit: Option<u64>) -> Result<Outcome, Failed> {
    let mut workload = Workload::open(&trace.display().to_string(), 0, limit)?;
    let outcome = replay(settings, &mut workload, std::io::sink(), |_| ())?;
    if !outcome.is_sound() {
        return Err(format!("{:?} {:?}", outcome.broken, outcome.mismatches).into());
    }
    Ok(outcome)
}

fn decisions_only(policy: &str, blocks: [u32; 3]) -> Settings {
    Settings { policy: policy.into(), blocks, block_bytes: 0, ..Settings::default() }
}

fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), Failed> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, expected {expected:?}").into())
}

/// The counts of `docs/measurements.md`; an infinite cache finds 105 710 blocks.
fn published_hits(trace: &Path, policy: &'static str) -> Result<(), Failed> {
    for (device, hits) in [(1_000, 12_847), (5_000, 32_260), (200_000, 105_710)] {
        let outcome = run(trace, &decisions_only(policy, [device, 0, 0]), None)?;
        equal("requests", &(outcome.requests, outcome.rejected), &(REQUESTS, 0))?;
        equal("blocks", &outcome.blocks, &BLOCKS)?;
        equal(&format!("hits with {device} blocks"), &outcome.hits, &hits)?;
    }
    Ok(())
}

/// Device D, host H and disk K find exactly what a device of D + H + K finds.
fn tiers_lose_nothing(trace: &Path, policy: &'static str) -> Result<(), Failed> {
    for (blocks, hits) in [
        ([400, 600, 0], 12_847),
        ([1_000, 4_000, 0], 32_260),
        ([1_000, 0, 4_000], 32_260),
        ([500, 1_500, 3_000], 32_260),
    ] {
        let outcome = run(trace, &decisions_only(policy, blocks), None)?;
        equal(&format!("hits with {blocks:?} blocks"), &outcome.hits, &hits)?;
    }
    Ok(())
}

fn every_byte(trace: &Path, policy: &'static str) -> Result<(), Failed> {
    let mut settings = decisions_only(policy, [500, 1_500, 3_000]);
    settings.block_bytes = 512;
    let outcome = run(trace, &settings, None)?;
    equal("hits", &outcome.hits, &32_260)?;
    // Every hit is read back, and once more what is there at the end.
    let at_least = outcome.hits + 4_000;
    if outcome.blocks_verified < at_least {
        return Err(format!("{} blocks verified of {at_least}", outcome.blocks_verified).into());
    }
    Ok(())
}

fn one_log(trace: &Path, policy: &'static str) -> Result<(), Failed> {
    let mut hashes = Vec::new();
    for backend in [BackendKind::Sim, BackendKind::Dram, BackendKind::Posix] {
        let mut settings = decisions_only(policy, [300, 500, 1_000]);
        (settings.backend, settings.block_bytes) = (backend, 512);
        hashes.push(run(trace, &settings, Some(1_500))?.decision_hash);
    }
    hashes.dedup();
    equal("different decision logs", &hashes.len(), &1)
}

/// A replay with real bytes.
#[derive(Debug, Clone, Copy)]
struct Run {
    backend: BackendKind,
    block_bytes: u64,
    limit: Option<u64>,
}

/// Through all three tiers, with every byte checked, and decided as on the simulated device.
fn every_byte_as_simulated(trace: &Path, of: Run) -> Result<(), Failed> {
    let root = tempfile::tempdir_in(scratch())?;
    let mut settings = decisions_only("priority-lru", [500, 1_500, 3_000]);
    settings.block_bytes = of.block_bytes;
    let simulated = run(trace, &settings, of.limit)?;
    (settings.backend, settings.root) = (of.backend, Root::At(root.path().to_owned()));
    let outcome = run(trace, &settings, of.limit)?;
    equal("decisions", &outcome.decision_hash, &simulated.decision_hash)?;
    equal("verified blocks", &outcome.blocks_verified, &simulated.blocks_verified)?;
    equal("corrupt and lost", &(outcome.blocks_corrupt, outcome.lost), &(0, 0))?;
    equal("bytes moved", &outcome.bytes_moved, &simulated.bytes_moved)?;
    for (tier, hits) in [("host", outcome.hits_host), ("disk", outcome.hits_disk)] {
        if hits == 0 {
            return Err(format!("nothing was found in the {tier} tier").into());
        }
    }
    if of.limit.is_none() {
        equal("hits", &outcome.hits, &32_260)?;
    }
    Ok(())
}

/// Where tests may write: on another machine than the one that built them, where `TIERPROOF_SCRATCH` says.
fn scratch() -> PathBuf {
    let elsewhere = std::env::var_os("TIERPROOF_SCRATCH");
    elsewhere.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}
