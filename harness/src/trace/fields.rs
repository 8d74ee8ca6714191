//! One line as named fields, so that an error can say which one is wrong.

use super::error::TraceError;
use super::lines::Lines;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Tokens or hashes of one request at most.
pub const COUNT_MAX: usize = 1 << 24;

const REMEDY: &str = "correct the line or take it out";

/// The fields of one line, not yet parsed.
pub(super) struct Fields<'a> {
    lines: &'a Lines,
    values: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub(super) fn parse(lines: &'a Lines, line: &'a [u8]) -> Result<Self, TraceError> {
        match serde_json::from_slice(line) {
            Ok(values) => Ok(Self { lines, values }),
            Err(error) => {
                let problem = "is not a JSON object";
                Err(lines.wrong(None, problem, "write one JSON object a line").with_source(error))
            }
        }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    /// An error about one field of this line.
    pub(super) fn wrong(&self, field: &'static str, problem: impl Into<String>) -> TraceError {
        self.lines.wrong(Some(field), problem, REMEDY)
    }

    /// A field that must be a `T`, described as `expected`.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        field: &'static str,
        expected: &str,
    ) -> Result<T, TraceError> {
        let Some(value) = self.values.get(field) else {
            return Err(self.wrong(field, format!("is missing: expected {expected}")));
        };
        serde_json::from_str(value.get())
            .map_err(|e| self.wrong(field, format!("expected {expected}")).with_source(e))
    }

    /// A list of at most [`COUNT_MAX`] elements.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        field: &'static str,
        expected: &str,
    ) -> Result<Vec<T>, TraceError> {
        let list: Vec<T> = self.get(field, expected)?;
        if list.len() > COUNT_MAX {
            return Err(self.wrong(field, format!("has more than {COUNT_MAX} elements")));
        }
        Ok(list)
    }
}
