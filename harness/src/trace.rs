//! Traces: recorded workloads, read line by line and never held as a whole.
//!
//! Two formats, JSON with one object a line, told apart by the fields of the first line:
//!
//! | format | fields used | a request is |
//! |---|---|---|
//! | Mooncake | `timestamp` (ms), `input_length`, `hash_ids` | one full block for each id |
//! | tokens | `arrival_time_ns`, `input_tok_ids`, `output_tok_ids` | its tokens |
//!
//! Other fields are ignored. Lines come in the order of their times; empty lines are skipped.

mod error;
mod fields;
mod lines;
mod mooncake;
mod tokens;

use crate::arrival::Arrival;
use fields::Fields;
use lines::Lines;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tierproof_core::Nanos;

pub use error::TraceError;
pub use fields::COUNT_MAX;
pub use lines::LINE_LEN_MAX;

/// The two kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Mooncake,
    Tokens,
}

/// A trace that is being read: an iterator of arrivals that ends at the first error.
///
/// ```
/// let line = r#"{"timestamp": 5, "input_length": 700, "output_length": 9, "hash_ids": [0, 7]}"#;
/// let mut trace = tierproof::Trace::new("inline", line.as_bytes()).unwrap();
/// let arrival = trace.next().unwrap().unwrap();
/// assert_eq!(arrival.at.0, 5_000_000);
/// assert!(trace.next().is_none());
/// ```
pub struct Trace {
    lines: Lines,
    format: Format,
    /// The first line, read to learn the format.
    first: Option<Vec<u8>>,
    latest: Nanos,
    len: Option<u64>,
    ended: bool,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("name", &self.lines.name()).finish_non_exhaustive()
    }
}

impl Trace {
    /// Opens a file and reads its first line.
    ///
    /// # Errors
    /// If the file can't be read, is empty, or its first line belongs to neither format.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let name = path.display().to_string();
        let unreadable = |source| TraceError::unreadable(&name, 0, source);
        let file = File::open(path).map_err(unreadable)?;
        let facts = file.metadata().map_err(unreadable)?;
        let mut trace = Self::new(&name, BufReader::with_capacity(1 << 17, file))?;
        trace.len = facts.is_file().then_some(facts.len());
        Ok(trace)
    }

    /// Reads a trace from anywhere; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Trace::open`].
    pub fn new(name: &str, source: impl BufRead + 'static) -> Result<Self, TraceError> {
        let mut lines = Lines::new(name, Box::new(source));
        let mut first = Vec::new();
        if !lines.next_into(&mut first)? {
            return Err(lines.wrong(
                None,
                "the trace is empty",
                "give a file with at least one request",
            ));
        }
        let fields = Fields::parse(&lines, &first)?;
        let format = match (fields.has("hash_ids"), fields.has("input_tok_ids")) {
            (true, false) => Format::Mooncake,
            (false, true) => Format::Tokens,
            (true, true) => {
                let problem = "has both `hash_ids` and `input_tok_ids`";
                return Err(lines.wrong(None, problem, "keep the field of one format"));
            }
            (false, false) => {
                let problem = "has neither `hash_ids` nor `input_tok_ids`";
                let remedy = "give a Mooncake trace (timestamp, input_length, hash_ids) or a token \
                              trace (arrival_time_ns, input_tok_ids, output_tok_ids)";
                return Err(lines.wrong(None, problem, remedy));
            }
        };
        Ok(Self { lines, format, first: Some(first), latest: Nanos::ZERO, len: None, ended: false })
    }

    /// Bytes read so far, and in all where that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.lines.bytes(), self.len)
    }

    fn read(&mut self) -> Result<Option<Arrival>, TraceError> {
        let line = if let Some(first) = self.first.take() {
            first
        } else {
            let mut line = Vec::new();
            if !self.lines.next_into(&mut line)? {
                return Ok(None);
            }
            line
        };
        let fields = Fields::parse(&self.lines, &line)?;
        let (field, arrival) = match self.format {
            Format::Mooncake => (mooncake::TIME, mooncake::arrival(&fields)?),
            Format::Tokens => (tokens::TIME, tokens::arrival(&fields)?),
        };
        if arrival.at < self.latest {
            let problem = "is earlier than on the line before";
            return Err(self.lines.wrong(Some(field), problem, "sort the trace by time"));
        }
        self.latest = arrival.at;
        Ok(Some(arrival))
    }
}

impl Iterator for Trace {
    type Item = Result<Arrival, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}
