//! The command line.

mod doctor;
#[cfg(feature = "sim")]
mod explore;
mod replay;

use clap::{Parser, Subcommand, ValueEnum};
use tierproof::BackendKind;

pub(crate) use doctor::Doctor;
#[cfg(feature = "sim")]
pub(crate) use explore::{Exhibits, Explore, Rerun, Target};
pub(crate) use replay::Replay;

/// A KV-cache offload engine that can be proven on a laptop and trusted on a GPU.
#[derive(Debug, Parser)]
#[command(name = "tierproof", version, arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Replay a workload through the tiers and check every byte that comes back.
    ///
    /// Exit status: 0, or 2 for bad usage or input, or 3 if a byte was wrong or an invariant broke.
    Replay(Box<Replay>),
    /// Say what this machine has, what is missing and what to do about it, and try every backend.
    ///
    /// Each backend moves one tiny block around, and every byte is compared. Exit status: 0, or 1 if a
    /// backend of --require does not work, or 2 for bad usage or a directory without use. cuFile, where
    /// it is loaded, may leave its cufile.log in the working directory.
    Doctor(Doctor),
    /// Run seeds: random plans with faults, engine and model in lockstep, every law checked.
    ///
    /// What breaks a law is made small and saved, for `tierproof rerun`. Exit status: 0, or 2 for bad
    /// usage, or 3 if a law broke, or if a bug that is there on purpose was not seen.
    #[cfg(feature = "sim")]
    Explore(Box<Explore>),
    /// Run a saved plan again, on any backend, and print what happened around the break.
    ///
    /// Exit status: 0 if every law held, or 2 for bad usage or a plan that can't be read, or 3 if a
    /// law broke.
    #[cfg(feature = "sim")]
    Rerun(Rerun),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// A simulated device in virtual time
    Sim,
    /// Host memory for every tier
    Dram,
    /// Host memory, and real files for the disk tier
    Posix,
    /// The same, moved by NIXL, whose library scripts/fetch-nixl gets
    NixlPosix,
    /// A GPU's memory for the device tier, pinned host memory for the others
    CudaDram,
    /// A GPU's memory, and files from and to it by NIXL's GDS plugin
    Gds,
    /// The same by the plugin that calls cuFile from a pool of threads
    #[value(name = "gds_mt")]
    GdsMt,
}

impl Backend {
    /// The backend that is meant.
    pub(crate) fn kind(self) -> BackendKind {
        match self {
            Self::Sim => BackendKind::Sim,
            Self::Dram => BackendKind::Dram,
            Self::Posix => BackendKind::Posix,
            Self::NixlPosix => BackendKind::NixlPosix,
            Self::CudaDram => BackendKind::CudaDram,
            Self::Gds => BackendKind::Gds,
            Self::GdsMt => BackendKind::GdsMt,
        }
    }
}
