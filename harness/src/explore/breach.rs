//! What a run broke.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lockstep::Law;

/// A law, or our own word that bad input and bad devices never make us panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Breach {
    /// A law.
    Law(Law),
    /// The engine, the backend or the model panicked.
    Panic(Panicked),
}

/// How a panic is written where others have the id of a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Panicked {
    /// `"panic"`.
    #[serde(rename = "panic")]
    Panic,
}

impl Breach {
    /// The breach that a panic is.
    pub const PANIC: Self = Self::Panic(Panicked::Panic);
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Law(law) => law.fmt(f),
            Self::Panic(_) => f.write_str("panic"),
        }
    }
}
