//! The disk tier in real files, over plain system calls.
//!
//! | module | what it holds |
//! |---|---|
//! | `config` | [`PosixConfig`] |
//! | `trouble` | what can go wrong with a file, mapped to the public kinds |
//! | `root` | the operator's directory; no name leads outside |
//! | `store` | the files of one region |
//! | `io` | whole transfers over calls that may do less than asked |
//! | `work` | one part between memory and a file |
//! | `pool` | worker threads, and the one completion of every request |
//! | `regions` | all regions, and what a request claims of them |
//! | `backend` | [`Posix`] |

mod backend;
mod config;
mod io;
mod pool;
mod regions;
mod root;
mod store;
mod trouble;
mod work;

pub use backend::Posix;
pub use config::{DirectIo, FileLayout, PosixConfig};
