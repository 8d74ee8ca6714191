//! The museum: public bugs of KV-cache stores, rebuilt small, to prove that the checkers see them.
//!
//! An [`Exhibit`] is a bug that somebody reported and what it was. A `Museum` stands between the
//! engine and all that a run knows of its backend, and commits the exhibit's misdeed there: what the
//! engine asks for and what it is told are then those of an engine, or of a backend, that has the bug.
//! [`visit`] runs seeds, with all their faults, until a law breaks.
//!
//! | module | what it holds |
//! |---|---|
//! | `deed` | what a misdeed may change, and what it sees |
//! | `early`, `late`, `stale` | orders that are missing |
//! | `mixed`, `status` | ends that are another's, or told wrong |
//! | `tamper`, `astray` | bytes that are not what or where they should be |
//! | `refusal`, `hang`, `abort` | what is refused, never ends, or ends the process |
//! | `exhibit` | [`Exhibit`]: one bug |
//! | `exhibits` | [`EXHIBITS`]: all of them |
//! | `stage` | `Museum`: a backend with an exhibit |
//! | `visit` | [`visit`]: seeds until a law breaks, and the table |

mod abort;
mod astray;
mod deed;
mod early;
mod exhibit;
mod exhibits;
mod hang;
mod late;
mod mixed;
mod refusal;
mod stage;
mod stale;
mod status;
mod tamper;
mod visit;

pub use exhibit::Exhibit;
pub use exhibits::{CANARY, CONTROL, EXHIBITS};
pub(super) use stage::Museum;
pub use visit::{Visit, board, visit};
