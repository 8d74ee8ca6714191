//! Lines of bounded length, counted.

use super::error::TraceError;
use std::io::{BufRead, Read};

/// Bytes of a line at most: a million tokens take about 7 MiB.
pub const LINE_LEN_MAX: u64 = 64 << 20;

/// The lines of one trace.
pub(super) struct Lines {
    name: String,
    source: Box<dyn BufRead>,
    line: u64,
    bytes: u64,
}

impl Lines {
    pub(super) fn new(name: &str, source: Box<dyn BufRead>) -> Self {
        Self { name: name.into(), source, line: 0, bytes: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces `line` by the next line that is not blank; false at the end.
    pub(super) fn next_into(&mut self, line: &mut Vec<u8>) -> Result<bool, TraceError> {
        loop {
            line.clear();
            let mut bounded = self.source.by_ref().take(LINE_LEN_MAX + 1);
            let read = bounded.read_until(b'\n', line);
            self.line += 1;
            let len = read.map_err(|e| TraceError::unreadable(&self.name, self.line, e))? as u64;
            self.bytes += len;
            if len > LINE_LEN_MAX {
                let problem = format!("is longer than {LINE_LEN_MAX} bytes");
                return Err(self.wrong(None, problem, "write one request a line, in JSON"));
            }
            if len == 0 {
                return Ok(false);
            }
            if !line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// An error about the line read last.
    pub(super) fn wrong(
        &self,
        field: Option<&'static str>,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> TraceError {
        TraceError::new(&self.name, self.line, field, problem, remedy)
    }
}
