//! The contract between engine and backend, call by call: what is asked, in which order, with which
//! limits, and what is never asked.
//!
//! The backend is a mock that knows every call it is about to get. One that it does not expect, or
//! that comes too early or not at all, fails the test. Only `streams` simulates one: what a serving
//! engine's own streams need of both.

mod batch;
mod completion;
mod deadline;
mod order;
mod stage;
mod streams;
mod ways;
