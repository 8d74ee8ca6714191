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
//! | `request` | judging a request before anything of it happens |
//! | `copy` | one part copied between memories |
//! | `dram` | [`Dram`] |
//! | `files` | files beneath a root, regions, and who may touch what |
//! | `posix` | [`Posix`] |
//! | `nixl` | files through NIXL, with the feature of that name |
//!
//! `unsafe` is in `memory` (pages of the kernel) and `lend` (slices of them), and in `nixl` in `sys`
//! (its symbols) and `agent` (its objects) only.

mod clock;
mod copy;
mod dram;
mod files;
mod lend;
mod memory;
#[cfg(feature = "nixl")]
mod nixl;
mod posix;
mod request;

pub use dram::Dram;
pub use files::{DirectIo, FileLayout};
#[cfg(feature = "nixl")]
pub use nixl::{Attestation, LoadedFile, Nixl, NixlConfig, NixlPosix, Plugin, PosixPlugin};
pub use posix::{Posix, PosixConfig};
