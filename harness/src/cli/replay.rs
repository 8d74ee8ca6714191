//! Settings of `tierproof replay`.

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tierproof::{Root, Settings};
use tierproof_core::{POLICIES, TransferMode};

use super::Backend;

/// Settings of `tierproof replay`. Of a setting given twice the last counts, so that scripts can add
/// to what they were given.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A trace (Mooncake hash-id or token JSONL), or a generator: chat, agent, rag, batch
    #[arg(default_value = "chat")]
    pub(crate) workload: String,
    /// What the tiers are made of
    #[arg(long, value_enum, default_value_t = Backend::Sim)]
    backend: Backend,
    /// How victims are chosen
    #[arg(long, value_name = "NAME", default_value = "priority-lru",
          value_parser = PossibleValuesParser::new(POLICIES))]
    policy: String,
    /// Blocks in device memory
    #[arg(long, value_name = "N", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(1..))]
    device_blocks: u32,
    /// Blocks in host memory
    #[arg(long, value_name = "N", default_value_t = 512)]
    host_blocks: u32,
    /// Blocks on disk
    #[arg(long, value_name = "N", default_value_t = 2048)]
    disk_blocks: u32,
    /// Tokens of a block; a block hash of a trace stands for as many
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..))]
    tokens_per_block: u32,
    /// Payload bytes of a block; 0 moves no payload, only decisions are made
    #[arg(long, value_name = "N", default_value_t = 4096)]
    block_bytes: u64,
    /// Where blocks may spill and how: dram is host memory only [default: posix where there are
    /// disk blocks, else dram]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Existing directory for the files of `--backend posix` and `nixl-posix`; "" makes every request fall back to
    /// host memory [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR",
          value_parser = OsStringValueParser::new().map(PathBuf::from))]
    directory: Option<PathBuf>,
    /// GPU of the backends that use one, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    gpu: u32,
    /// Device profile of `--backend sim`, TOML [default: built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Seed of generators and of the simulated device
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Stop after this many requests [default: 2000 of a generator, all of a trace]
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) limit: Option<u64>,
    /// Wait for each request's time on the backend's clock instead of going on at once
    #[arg(long)]
    timed: bool,
    /// Publish blocks on disk, so that the next run in the same --directory finds them again
    #[arg(long)]
    durable: bool,
    /// Trust bytes: no trailers behind stored blocks, and hits are not read back to be compared
    #[arg(long)]
    no_verify: bool,
    /// Write the outcome as one JSON object, "-" to standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// Write the decision log, "-" to standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) decisions: Option<PathBuf>,
    /// Draw no progress bar
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Host memory only
    Dram,
    /// Files, directly from device memory where the backend can
    Gds,
    /// Files, through plain system calls
    Posix,
}

impl Replay {
    /// The settings that these arguments mean.
    pub(crate) fn settings(&self) -> Settings {
        let mode = self.mode.map(|mode| match mode {
            Mode::Dram => TransferMode::Dram,
            Mode::Gds => TransferMode::Gds,
            Mode::Posix => TransferMode::Posix,
        });
        let root = match &self.directory {
            None => Root::Temporary,
            Some(path) if path.as_os_str().is_empty() => Root::Nowhere,
            Some(path) => Root::At(path.clone()),
        };
        Settings {
            backend: self.backend.kind(),
            policy: self.policy.clone(),
            blocks: [self.device_blocks, self.host_blocks, self.disk_blocks],
            tokens_per_block: self.tokens_per_block,
            block_bytes: self.block_bytes,
            mode,
            root,
            gpu: self.gpu,
            profile: self.profile.clone(),
            seed: self.seed,
            timed: self.timed,
            verify: !self.no_verify,
            durable: self.durable,
        }
    }
}
