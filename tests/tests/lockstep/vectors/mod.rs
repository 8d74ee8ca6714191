//! The numbered vectors that are about bytes and files. Those about decisions alone are in
//! `src/vectors.rs`; `README.md` says where each one is.

mod cell;
mod contents;
mod faults;
mod files;
#[cfg(feature = "gds")]
mod gpu;
#[cfg(feature = "nixl")]
mod nixl;
mod rig;
