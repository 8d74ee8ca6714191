//! The suites that every backend runs, and what they are judged against.
//!
//! * [`plan`]: what a test does, as data: a configuration and a list of operations.
//! * [`model`]: the reference model. A second implementation of `docs/blocks.md` that shares no
//!   code with the engine and is written to be read: vectors, linear scans, clones.
//! * [`laws`]: what must hold of the model's own state after every operation.
//! * [`strategy`]: random plans for proptest.
//! * [`words`]: short words to write plans with.
//! * [`driver`]: engine and model in lockstep, on any backend, with real bytes.
#![forbid(unsafe_code)]

pub mod driver;
pub mod laws;
pub mod model;
pub mod plan;
pub mod strategy;
pub mod words;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod vectors;
