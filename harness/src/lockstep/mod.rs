//! Engine and model side by side: what is done, what must come of it, and how the two are compared.
//!
//! * [`plan`]: what is done, as data: a configuration and a list of operations.
//! * [`model`]: the reference model. A second implementation of `docs/blocks.md` that shares no
//!   code with the engine and is written to be read: vectors, linear scans, clones.
//! * `fate`: what becomes of every move, as seen from outside the engine.
//! * `law`: the laws by id.
//! * `laws`: what must hold of the model's own state after every operation.
//! * [`driver`]: engine and model in lockstep, on any backend, with real bytes.

pub mod driver;
mod fate;
mod law;
mod laws;
pub mod model;
pub mod plan;

pub(crate) use law::{Broken, Check};

pub use law::Law;
