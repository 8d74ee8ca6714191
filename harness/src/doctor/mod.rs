//! What is here, what is missing, and what to do about it; and one tiny verified transfer through
//! every backend.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `finding` | [`Finding`]: one fact and its remedy |
//! | `patience` | asking what may never answer |
//! | `place` | the directory, and a scratch one in it |
//! | `machine` | findings about the kernel and the file system |
//! | `gpu` | findings about CUDA and `GPUDirect` Storage |
//! | `nixl` | findings about NIXL, and what of it was created |
//! | `trial` | [`Trial`]: one tiny verified transfer |
//! | `entrants` | the backends that are tried |
//! | `checkup` | [`Checkup`]: all of it |
//! | `chart` | a checkup for people |

mod chart;
mod checkup;
mod entrants;
mod finding;
mod gpu;
mod machine;
mod nixl;
mod patience;
mod place;
mod trial;

pub use chart::chart;
pub use checkup::{Checkup, checkup};
pub use entrants::backends;
pub use finding::{Finding, State, Topic};
pub use nixl::{Created, LoadedFile, NixlSeen};
pub use trial::{Trial, try_out};
