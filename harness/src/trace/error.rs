//! What is wrong with a trace, and where.

use std::fmt;
use tierproof_core::{Error, ErrorKind};

/// A trace that can't be read, or a line of it that can't be used.
#[derive(Debug)]
pub struct TraceError {
    name: String,
    line: u64,
    field: Option<&'static str>,
    problem: String,
    remedy: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TraceError {
    pub(super) fn new(
        name: &str,
        line: u64,
        field: Option<&'static str>,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self { name: name.into(), line, field, problem: problem.into(), remedy, source: None }
    }

    pub(super) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn unreadable(name: &str, line: u64, source: std::io::Error) -> Self {
        let remedy = "check that the file exists and may be read, or name a generator: chat, agent, \
                      rag, batch";
        Self::new(name, line, None, "can't be read", remedy).with_source(source)
    }

    /// The line's number, from 1; `None` where the error is about the file.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        (self.line > 0).then_some(self.line)
    }

    /// The field that is wrong, if it is one field.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if self.line > 0 {
            write!(f, ": line {}", self.line)?;
        }
        if let Some(field) = self.field {
            write!(f, ": field `{field}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<TraceError> for Error {
    fn from(error: TraceError) -> Self {
        Self::new(ErrorKind::Config, "the workload can't be used").with_source(error)
    }
}
