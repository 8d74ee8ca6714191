//! Why the command stops: the message, its causes, one remedy and the exit status.

use crate::output::complain;
use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;
use tierproof::TraceError;
use tierproof_core::{Error, ErrorKind};

/// Bad usage or input.
const BAD_INPUT: u8 = 2;

/// Why the command stops.
pub(crate) enum Failure {
    /// Something to tell, its causes, what to do.
    Told { lines: Vec<String>, remedy: &'static str, code: u8 },
    /// The reader of our output has gone: nothing to tell, and nobody to tell it.
    ReaderGone,
}

impl Failure {
    pub(crate) fn usage(message: String, remedy: &'static str) -> Self {
        Self::Told { lines: vec![message], remedy, code: BAD_INPUT }
    }

    /// What keeps the doctor from beginning.
    pub(crate) fn of_doctor(error: &Error) -> Self {
        Self::of(error, "name an existing directory that may be written", BAD_INPUT)
    }

    /// Prints what there is to tell.
    pub(crate) fn report(self) -> ExitCode {
        let Self::Told { lines, remedy, code } = self else { return ExitCode::SUCCESS };
        for (i, line) in lines.iter().enumerate() {
            complain(&format!("{} {line}", if i == 0 { "error:" } else { "  because:" }));
        }
        complain(&format!("  remedy: {remedy}"));
        ExitCode::from(code)
    }

    fn of(error: &(dyn StdError + 'static), remedy: &'static str, code: u8) -> Self {
        let mut lines = Vec::new();
        let mut remedy = remedy;
        let mut next = Some(error);
        while let Some(cause) = next {
            if is_broken_pipe(cause) {
                return Self::ReaderGone;
            }
            if let Some(error) = cause.downcast_ref::<TraceError>() {
                remedy = error.remedy();
            }
            lines.push(cause.to_string());
            next = cause.source();
        }
        Self::Told { lines, remedy, code }
    }
}

fn is_broken_pipe(error: &(dyn StdError + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Exhausted => "use fewer or smaller blocks (--device-blocks, --block-bytes)",
        ErrorKind::Unavailable => "give what is missing, or choose another --backend",
        ErrorKind::Unsupported => "choose another --backend or --mode",
        ErrorKind::Corrupt => "do not trust this device; run again with --backend sim to compare",
        ErrorKind::Device | ErrorKind::TimedOut | ErrorKind::Busy => {
            "check the device and its space, or try another --directory"
        }
        _ => "correct the argument; `tierproof replay --help` explains them",
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = if error.kind() == ErrorKind::Corrupt { crate::UNSOUND } else { BAD_INPUT };
        Self::of(&error, remedy(error.kind()), code)
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self::of(&error, error.remedy(), BAD_INPUT)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of(&error, "check the space and the rights of the output's file", BAD_INPUT)
    }
}
