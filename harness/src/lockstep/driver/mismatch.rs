//! A difference between engine and model.

use std::fmt;

use crate::lockstep::law::{Broken, Law};

/// Where engine and model differ, how, and which law that breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The law.
    pub law: Law,
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
    pub(super) fn before(broken: Broken) -> Self {
        Self::new(broken, "the start", &[])
    }

    pub(super) fn after(broken: Broken, log: &[String]) -> Self {
        Self::new(broken, "the end", log)
    }

    fn new(broken: Broken, op: &str, log: &[String]) -> Self {
        let Broken { law, what } = broken;
        Self { law, at: None, op: op.to_owned(), what, log: log.to_vec() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, op, what, .. } = self;
        match self.at {
            Some(at) => write!(f, "op {at}, {op}: {law}: {what}")?,
            None => write!(f, "{op}: {law}: {what}")?,
        }
        write!(f, "\n{}", self.log.join("\n"))
    }
}

impl std::error::Error for Mismatch {}
