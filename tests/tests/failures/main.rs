//! What failures may cost, and what they may not: a failed transfer is a miss with a reason, never
//! wrong bytes, a hang, or blocks that are gone for good.
//!
//! Every test runs the engine on a backend with real bytes. The bench checks after every step that
//! the uses of each tier add up to its capacity, and after every computation that each request
//! reads exactly its own tokens.

mod admission;
mod allocation;
mod bench;
mod faults;
mod files;
mod hang;
mod load;
mod own;
mod refusal;
mod shared;
mod store;
mod trailer;
mod words;
