//! What every backend with real files shares: files beneath a root, regions, and who may touch what.
//!
//! | module | what it holds |
//! |---|---|
//! | `rules` | [`DirectIo`], [`FileLayout`] |
//! | `trouble` | what can go wrong with a file, mapped to the public kinds |
//! | `root` | the operator's directory; no name leads outside |
//! | `stripes` | which file of a region holds which of its bytes |
//! | `names` | what they are called |
//! | `store` | the files of one region |
//! | `io` | whole transfers over calls that may do less than asked |
//! | `work` | one part between memory and a file |
//! | `regions` | all regions, and what a request claims of them |
//! | `sides` | what transfers that touch a GPU's memory claim |
//! | `access` | what is done with regions at once: filled, peeked, copied |

pub(crate) mod access;
pub(crate) mod io;
mod names;
pub(crate) mod regions;
pub(crate) mod root;
pub(crate) mod rules;
#[cfg(feature = "cuda")]
pub(crate) mod sides;
pub(crate) mod store;
mod stripes;
pub(crate) mod trouble;
pub(crate) mod work;

pub use rules::{DirectIo, FileLayout};
