//! What a crash may cost, and what it may not (law S9): after a crash at any moment, and during recovery,
//! every key is old, new or absent and never wrong; what was published is found; recovering twice is
//! recovering once; what is foreign or damaged is left alone and reported; a second process is kept out.
//!
//! Every content is a function of the keys up to it, so that bytes are right or wrong whoever serves them. What
//! must be found is known from outside the engine: from what it answered to `publish`, and from which slots the
//! backend was asked to write since.

mod contents;
mod crash;
mod damage;
mod doomed;
mod files;
mod grafts;
mod index_file;
mod kept_out;
mod process;
mod sizes;
mod torn;
mod unflushed;
