//! The numbered vectors that are about bytes and files. Those about decisions alone are in
//! `src/vectors.rs`; `README.md` says where each one is.

mod contents;
mod faults;
mod files;
mod rig;
