//! Real backends: host memory, files, and files through NIXL.
//!
//! [`Dram`] keeps every medium in memory; [`Posix`] keeps the disk tier in real files; with the
//! feature `nixl`, `NixlPosix` moves the bytes of such files through NIXL. All really copy bytes, and
//! say as values what works otherwise than asked.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `clock` | monotonic time since a backend was opened |
//! | `memory` | anonymous mappings, aligned for direct I/O and huge pages |
//! | `lend` | ranges lent to transfers in flight, checked at run time |
//! | `sheets` | buffers cut from memory that is prepared once |
//! | `request` | judging a request before anything of it happens |
//! | `copy` | one part copied between memories |
//! | `dram` | [`Dram`] |
//! | `files` | files beneath a root, regions, and who may touch what |
//! | `posix` | [`Posix`] |
//! | `nixl` | files through NIXL, with the feature of that name |
//! | [`machine`] | what this machine is and allows |
//!
//! `unsafe` is in `memory` (pages of the kernel) and `lend` (slices of them), in `nixl` in `sys` (its
//! symbols), `agent` (its objects) and `cufile` (one question to a library), and in `machine` in
//! `io_uring` and `cuda` (questions to the kernel and to the driver) only.

mod clock;
mod copy;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
mod cuda_dram;
mod dram;
mod files;
#[cfg(any(feature = "cuda", feature = "nixl"))]
mod ledger;
mod lend;
pub mod machine;
mod memory;
#[cfg(feature = "nixl")]
mod nixl;
#[cfg(feature = "cuda")]
mod on_gpu;
mod posix;
mod request;
#[cfg(any(feature = "cuda", feature = "nixl"))]
mod sheets;
mod terms;

#[cfg(feature = "cuda")]
pub use cuda::{GpuFacts, Pool};
#[cfg(feature = "cuda")]
pub use cuda_dram::CudaDram;
pub use dram::Dram;
pub use files::{DirectIo, FileLayout};
#[cfg(feature = "nixl")]
pub use nixl::{
    Attestation, CuFileLibrary, GdsMtPlugin, GdsPlugin, LoadedFile, Nixl, NixlConfig, NixlGds,
    NixlGdsMt, NixlInstallation, NixlPosix, Plugin, PluginName, PosixPlugin,
};
#[cfg(feature = "bare")]
#[doc(hidden)]
pub use nixl::{Bare, BareConfig, BareWay, Flight};
#[cfg(feature = "cuda")]
pub use on_gpu::OnGpu;
pub use posix::{Posix, PosixConfig};
