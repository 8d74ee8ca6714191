//! Running files that a fuzzer saved, without a fuzzer.

use std::io;

use crate::Body;

/// Runs `body` on every file that the command line names.
///
/// # Errors
/// If a file can't be read.
pub fn rerun(body: Body) -> io::Result<()> {
    std::env::args_os().skip(1).try_for_each(|path| {
        body(&std::fs::read(&path)?);
        println!("{}: all holds", path.display());
        Ok(())
    })
}
