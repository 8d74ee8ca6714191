//! Faults strike alike on every backend: a plan's entry means the same over the simulator, over host
//! memory and over files, and what can be seen of it above is the same.

mod bench;
mod others;
mod stories;
