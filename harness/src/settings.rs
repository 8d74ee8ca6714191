//! What a replay runs on: the engine's shape, the backend, and where files go.

use std::path::PathBuf;
use tierproof_core::{
    Bytes, EngineConfig, PoolShape, Result, Retention, TierBlocks, TransferMode, Verify,
    WindowConfig,
};

/// The directory that requests name; the backend resolves it beneath its root.
const DIRECTORY: &str = "replay";

/// The backends that this command knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BackendKind {
    /// A simulated device in virtual time.
    #[default]
    Sim,
    /// Host memory for every tier.
    Dram,
    /// Host memory, and real files for the disk tier.
    Posix,
    /// The same, moved by NIXL's POSIX plugin.
    NixlPosix,
    /// A GPU's memory for the device tier, pinned host memory for the others.
    CudaDram,
    /// A GPU's memory and real files, moved by NIXL's GDS plugin.
    Gds,
    /// The same by NIXL's `GDS_MT` plugin.
    GdsMt,
}

/// Where the files of a file mode go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Root {
    /// A fresh directory, removed at the end.
    #[default]
    Temporary,
    /// An existing directory.
    At(PathBuf),
    /// Nowhere: requests give an empty directory, so their blocks spill to host memory only.
    Nowhere,
}

/// The settings of one replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which backend.
    pub backend: BackendKind,
    /// The eviction policy's name.
    pub policy: String,
    /// Ordinary blocks of device, host and disk; the device needs at least 1.
    pub blocks: [u32; 3],
    /// Tokens of a block.
    pub tokens_per_block: u32,
    /// Payload bytes of a block; 0 for decisions alone.
    pub block_bytes: Bytes,
    /// How requests ask for files to be reached; `None` for `Posix` where there is a disk tier.
    pub mode: Option<TransferMode>,
    /// Where files go.
    pub root: Root,
    /// The GPU of backends that use one, counted from 0.
    pub gpu: u32,
    /// A device profile of the simulated device, in TOML; `None` for the built-in one.
    pub profile: Option<PathBuf>,
    /// The seed of the simulated device.
    pub seed: u64,
    /// Whether a request waits for its time instead of following the one before at once.
    pub timed: bool,
    /// Whether stored blocks carry trailers, and the bytes of hits are read back and compared.
    pub verify: bool,
    /// Whether blocks on disk are published for a later replay in the same directory, and those of an earlier
    /// one are found.
    pub durable: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: BackendKind::Sim,
            policy: "priority-lru".into(),
            blocks: [256, 512, 2048],
            tokens_per_block: 32,
            block_bytes: 4096,
            mode: None,
            root: Root::Temporary,
            gpu: 0,
            profile: None,
            seed: 0,
            timed: false,
            verify: true,
            durable: false,
        }
    }
}

impl Settings {
    /// How requests ask for files to be reached.
    #[must_use]
    pub fn transfer_mode(&self) -> TransferMode {
        let files = self.blocks[2] > 0;
        self.mode.unwrap_or(if files { TransferMode::Posix } else { TransferMode::Dram })
    }

    /// The engine: one window of full attention, and one pool whose bytes are the payload.
    pub(crate) fn engine(&self) -> EngineConfig {
        let [device, host, disk] = self.blocks;
        let tokens_max = u32::MAX - self.tokens_per_block.max(1);
        let payload = self.block_bytes > 0;
        let window = WindowConfig {
            size: tokens_max,
            blocks: TierBlocks { device, host, disk },
            pools: if payload {
                vec![PoolShape::Opaque { bytes: self.block_bytes }]
            } else {
                vec![]
            },
        };
        EngineConfig {
            windows: vec![window],
            tokens_per_block: self.tokens_per_block,
            sequence_tokens_max: tokens_max,
            directories: vec![DIRECTORY.into()],
            durable: self.durable,
            verify: if self.verify { Verify::All } else { Verify::Off },
            model: "replay".into(),
            payload,
            device: self.gpu,
            ..EngineConfig::default()
        }
    }

    /// What every request asks of its blocks.
    pub(crate) fn retention(&self) -> Result<Retention> {
        let directory = if self.root == Root::Nowhere { "" } else { DIRECTORY };
        match self.transfer_mode() {
            TransferMode::Dram => Ok(Retention::default()),
            mode => Retention::default().with_files(mode, directory),
        }
    }
}
