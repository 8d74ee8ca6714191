//! A difference between engine and model.

use std::fmt;

/// Where engine and model differ, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which operation, from 0; none before the first and after the last.
    pub at: Option<usize>,
    /// The operation.
    pub op: String,
    /// What differs.
    pub what: String,
    /// The engine's decision log until then.
    pub log: Vec<String>,
}

impl Mismatch {
    pub(crate) fn before(what: &str) -> Self {
        Self { at: None, op: "the start".to_owned(), what: what.to_owned(), log: Vec::new() }
    }

    pub(crate) fn after(what: String) -> Self {
        Self { at: None, op: "the end".to_owned(), what, log: Vec::new() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "op {at}, {}: {}", self.op, self.what)?,
            None => write!(f, "{}: {}", self.op, self.what)?,
        }
        write!(f, "\n{}", self.log.join("\n"))
    }
}

impl std::error::Error for Mismatch {}
