//! Real backends: host memory, a GPU's memory, files, and files through NIXL.
//!
//! [`Dram`] keeps every medium in memory; [`Posix`] keeps the disk tier in real files; with the
//! feature `nixl`, `NixlPosix` moves the bytes of such files through NIXL; with `gds`, `CudaDram` keeps the
//! device tier in a GPU's memory, and `NixlGds` and `NixlGdsMt` move its bytes to and from files. All really
//! copy bytes, and say as values what works otherwise than asked.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `clock` | monotonic time since a backend was opened |
//! | `memory` | anonymous mappings, aligned for direct I/O and huge pages |
//! | `lend`, `sheets` | ranges lent to transfers in flight, checked at run time; buffers cut from memory that is prepared once |
//! | `request` | judging a request before anything of it happens |
//! | `ledger` | requests in flight, and the one completion of each |
//! | `copy`, `terms` | one part copied between memories; what is to be true of its bytes |
//! | `dram` | [`Dram`] |
//! | `cuda` | a GPU's memory, and copies from, to and within it; with the feature `cuda` |
//! | `files` | files beneath a root, regions, and who may touch what |
//! | `posix` | [`Posix`] |
//! | `on_gpu` | a serving engine's own pools and streams |
//! | `cuda_dram` | every tier in memory, the device tier in a GPU's |
//! | `nixl` | files through NIXL, with the feature of that name |
//! | [`probes`] | what runs are meant to come by; nothing in ordinary builds |
//! | [`machine`] | what this machine is and allows |
//!
//! `unsafe` is in `memory` (pages of the kernel) and `lend` (slices of them); in `nixl` in `sys` (its
//! symbols), `agent` and `transfer` (its objects) and `cufile` (one question to a library); in `cuda` in `gpu`,
//! `kernels`, `memory`, `batch` and `pools` (calls of the driver); and in `machine` in `io_uring` and `cuda`
//! (questions to the kernel and to the driver) only.

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
pub mod probes;
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
