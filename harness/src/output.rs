//! Where results go: the table, the JSON object, the decision log.

use crate::cli::Replay;
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tierproof::doctor::{Checkup, chart};
use tierproof::{Outcome, report};

/// The destinations of one run, opened before it starts so that a bad path costs nothing.
pub(crate) struct Outputs {
    json: Option<Box<dyn Write>>,
    decisions: Box<dyn Write>,
    /// Standard output is taken, so the table goes to standard error.
    table_aside: bool,
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn open(path: &Path) -> Result<Box<dyn Write>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    match File::create(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(error) => Err(Failure::usage(
            format!("{}: can't be written: {error}", path.display()),
            "give a file in an existing directory that may be written",
        )),
    }
}

impl Outputs {
    pub(crate) fn open(arguments: &Replay) -> Result<Self, Failure> {
        let standard = |path: &Option<_>| path.as_deref().is_some_and(is_standard);
        let (json, decisions) = (standard(&arguments.json), standard(&arguments.decisions));
        if json && decisions {
            return Err(Failure::usage(
                "--json and --decisions both ask for standard output".into(),
                "give one of them a file",
            ));
        }
        Ok(Self {
            json: arguments.json.as_deref().map(open).transpose()?,
            decisions: match arguments.decisions.as_deref() {
                Some(path) => open(path)?,
                None => Box::new(io::sink()),
            },
            table_aside: json || decisions,
        })
    }

    /// The writer of the decision log.
    pub(crate) fn decisions(&mut self) -> &mut dyn Write {
        &mut *self.decisions
    }

    /// Prints the outcome everywhere it was asked for.
    pub(crate) fn print(mut self, outcome: &Outcome, blocks: [u32; 3]) -> Result<(), Failure> {
        for mismatch in &outcome.mismatches {
            complain(mismatch);
        }
        let table = report(outcome, blocks);
        if self.table_aside {
            // Whoever closed standard error does not want it.
            let _ = io::stderr().write_all(table.as_bytes());
        } else {
            let mut out = io::stdout();
            out.write_all(table.as_bytes()).and_then(|()| out.flush())?;
        }
        if let Some(json) = &mut self.json {
            let mut text = serde_json::to_vec_pretty(outcome).map_err(io::Error::from)?;
            text.push(b'\n');
            json.write_all(&text).and_then(|()| json.flush())?;
        }
        Ok(())
    }
}

/// Prints what the doctor found, for people or as one JSON object.
pub(crate) fn print_checkup(checkup: &Checkup, json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(checkup).map_err(io::Error::from)? + "\n"
    } else {
        chart(checkup)
    };
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}

/// One line on standard error, if anybody listens.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
