//! The backends that every suite runs on.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tierproof::lockstep::Law;
use tierproof::lockstep::driver::{Driver, Mismatch, Setup};
use tierproof::lockstep::plan::Plan;
#[cfg(feature = "gds")]
use tierproof_backends::{CudaDram, GdsMtPlugin, GdsPlugin, Nixl, NixlConfig, Plugin};
use tierproof_backends::{DirectIo, Dram, FileLayout, Posix, PosixConfig};
use tierproof_core::Backend;
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Sim, SimConfig};

/// A backend, as a name in a test's case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// The simulator; the seed orders completions.
    Sim(u64),
    /// The simulator with so little room that every batch is split.
    NarrowSim(u64),
    Dram,
    /// Slot files.
    Posix,
    /// A file for each slot.
    PosixPerSlot,
    /// Slot files through NIXL.
    #[cfg(feature = "nixl")]
    NixlPosix,
    /// A GPU's memory and pinned host memory.
    #[cfg(feature = "gds")]
    CudaDram,
    /// A GPU's memory and slot files.
    #[cfg(feature = "gds")]
    Gds,
    #[cfg(feature = "gds")]
    GdsMt,
}

impl On {
    /// Runs a plan on a new backend.
    pub(crate) fn run(self, plan: &Plan, setup: Setup) -> Result<(), Mismatch> {
        self.log(plan, setup).map(drop)
    }

    /// The same, and answers the engine's decision log.
    pub(crate) fn log(self, plan: &Plan, setup: Setup) -> Result<Vec<String>, Mismatch> {
        match self {
            Self::Sim(seed) => on_sim(plan, setup, SimConfig { seed, ..SimConfig::default() }),
            Self::NarrowSim(seed) => on_sim(plan, setup, narrow(seed)),
            _ => self.beneath_a_root(plan, setup),
        }
    }

    fn beneath_a_root(self, plan: &Plan, setup: Setup) -> Result<Vec<String>, Mismatch> {
        let root = root();
        let (log, backend) = lockstep(plan, setup, self.open(root.path()))?;
        drop(backend);
        let left = walk(root.path());
        assert!(left.is_empty(), "files outlive their backend: {left:?}");
        Ok(log)
    }

    /// A new backend, whose files, if it has any, are in `root`.
    pub(crate) fn open(self, root: &Path) -> Box<dyn Backend> {
        match self {
            Self::Sim(seed) => Box::new(sim(SimConfig { seed, ..SimConfig::default() })),
            Self::NarrowSim(seed) => Box::new(sim(narrow(seed))),
            Self::Dram => Box::new(Dram::new()),
            Self::Posix => Box::new(posix(root, FileLayout::SlotFile)),
            Self::PosixPerSlot => Box::new(posix(root, FileLayout::FilePerSlot)),
            #[cfg(feature = "nixl")]
            Self::NixlPosix => Box::new(nixl_posix(root)),
            #[cfg(feature = "gds")]
            Self::CudaDram => Box::new(cuda_dram()),
            #[cfg(feature = "gds")]
            Self::Gds => Box::new(gpu_files::<GdsPlugin>(root)),
            #[cfg(feature = "gds")]
            Self::GdsMt => Box::new(gpu_files::<GdsMtPlugin>(root)),
        }
    }
}

fn lockstep<B: Backend>(
    plan: &Plan,
    setup: Setup,
    backend: B,
) -> Result<(Vec<String>, B), Mismatch> {
    let mut driver = Driver::new(&plan.config, setup, Shadowed::new(backend))?;
    for op in &plan.ops {
        driver.apply(op)?;
    }
    let log = driver.log().to_vec();
    let shadowed = driver.finish()?.closed().expect("the backend goes on");
    match shadowed.hazards() {
        [] => Ok((log, shadowed.into_inner())),
        [hazard, ..] => Err(at_the_end(hazard.to_string(), log)),
    }
}

fn at_the_end(what: String, log: Vec<String>) -> Mismatch {
    Mismatch { law: Law::S3, at: None, op: "the end".to_owned(), what, log }
}

/// Two parts a request and three in flight, so that a block of two pools is often torn apart.
pub(crate) fn narrow(seed: u64) -> SimConfig {
    SimConfig {
        seed,
        request_parts_max: 2,
        request_bytes_max: 256,
        in_flight_parts_max: 3,
        ..SimConfig::default()
    }
}

pub(crate) fn sim(config: SimConfig) -> Sim {
    Sim::new(config).expect("the settings are valid")
}

fn on_sim(plan: &Plan, setup: Setup, config: SimConfig) -> Result<Vec<String>, Mismatch> {
    let (log, sim) = lockstep(plan, setup, sim(config))?;
    match sim.misuses() {
        [] => Ok(log),
        misuses => Err(at_the_end(format!("the simulator was misused: {misuses:?}"), log)),
    }
}

/// A new directory for files.
pub(crate) fn root() -> TempDir {
    tempfile::tempdir_in(scratch()).expect("the target directory can be written")
}

/// Where tests may write: on another machine than the one that built them, where `TIERPROOF_SCRATCH` says.
pub(crate) fn scratch() -> PathBuf {
    let elsewhere = std::env::var_os("TIERPROOF_SCRATCH");
    elsewhere.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}

/// Files in `root`, two threads; slot files past the page cache where that is possible.
pub(crate) fn posix(root: &Path, layout: FileLayout) -> Posix {
    let own_files = layout == FileLayout::FilePerSlot;
    let direct = if own_files { DirectIo::Never } else { DirectIo::Auto };
    let config = PosixConfig { threads: 2, direct, layout, ..PosixConfig::new(root) };
    Posix::open(config).expect("the directory is there")
}

/// Files in `root` through NIXL, past the page cache where that is possible.
#[cfg(feature = "nixl")]
fn nixl_posix(root: &Path) -> tierproof_backends::NixlPosix {
    use tierproof_backends::{NixlConfig, NixlPosix};
    match NixlPosix::open(NixlConfig::new(root)) {
        Ok(nixl) => nixl,
        Err(error) => panic!("the build found NIXL: {error}"),
    }
}

#[cfg(feature = "gds")]
fn cuda_dram() -> CudaDram {
    CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"))
}

/// A GPU's memory, and files in `root` through a plugin of NIXL.
#[cfg(feature = "gds")]
fn gpu_files<P: Plugin>(root: &Path) -> Nixl<P> {
    let config = NixlConfig { gpu: Some(0), ..NixlConfig::new(root) };
    Nixl::open(config).unwrap_or_else(|error| panic!("{error}"))
}

/// Every file beneath a directory.
pub(crate) fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
