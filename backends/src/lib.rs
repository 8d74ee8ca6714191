//! Real backends: host memory and files.
//!
//! [`Dram`] keeps every medium in memory; [`Posix`] keeps the disk tier in real files. Both really
//! copy bytes, and say as values what works otherwise than asked.
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
//!
//! `unsafe` is in `memory` (pages of the kernel) and `lend` (slices of them) only.

mod clock;
mod copy;
mod dram;
mod files;
mod lend;
mod memory;
mod posix;
mod request;

pub use dram::Dram;
pub use files::{DirectIo, FileLayout};
pub use posix::{Posix, PosixConfig};
