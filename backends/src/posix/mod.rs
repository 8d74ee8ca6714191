//! The disk tier in real files, over plain system calls.
//!
//! | module | what it holds |
//! |---|---|
//! | `config` | [`PosixConfig`] |
//! | `pool` | worker threads, and the one completion of every request |
//! | `backend` | [`Posix`] |

mod backend;
mod config;
mod pool;

pub use backend::Posix;
pub use config::PosixConfig;
