//! What the suites that every backend runs are made of, beside `tierproof::lockstep`.
//!
//! * [`strategy`]: random plans for proptest.
//! * [`words`]: short words to write plans with.
#![forbid(unsafe_code)]

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
