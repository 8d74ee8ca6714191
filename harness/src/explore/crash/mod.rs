//! Cases that crash: processes with a durable disk tier, one after the other on one device whose power is
//! cut, and what each must find of those before it (law S9).
//!
//! The model of the lockstep suites knows of one process only. So what is checked here is checked from
//! outside the engine: which contents were written to which slots, what had come there when a
//! publication was answered for, what was written over or damaged since, and whose bytes are read.
//!
//! | module | what it holds |
//! |---|---|
//! | `point` | [`Crash`]: when a process dies, and how often it publishes |
//! | `powered` | [`Powered`]: a device whose power can be cut |
//! | `ledger` | what was answered for and is still owed |
//! | `doubt` | which faults may cost what is owed |
//! | `mortal` | a backend that dies at a call and keeps the ledger |
//! | `texts` | what was computed, and by whom |
//! | `process` | an engine that does a case's operations |
//! | `tokens` | the bytes that it computes and reads back |
//! | `audit` | what the next process finds, looked up on a copy of the files |
//! | `trial` | [`endure`]: all processes of a case |

mod audit;
mod doubt;
mod ledger;
mod mortal;
mod point;
mod powered;
mod process;
mod texts;
mod tokens;
mod trial;

pub use point::Crash;
pub use powered::Powered;
pub use trial::endure;

pub(super) use point::{chosen, make_durable, validate};
pub(super) use trial::simulate;
