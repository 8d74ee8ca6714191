//! Workloads: what arrives, from a trace or a seeded generator.
//!
//! | name | what it is like |
//! |---|---|
//! | `chat` | people talking: sessions of several turns, each turn sends all that was said before |
//! | `agent` | tool loops over a long system prompt that all tasks share |
//! | `rag` | questions over documents, some of which everybody asks about |
//! | `batch` | jobs over many items with a template, all at once, in several passes |
//!
//! Generators write prompts as chained hashes, as Mooncake's traces do: an id names a block
//! together with everything before it.

mod agent;
mod batch;
mod chat;
mod history;
mod rag;

use crate::arrival::Arrival;
use crate::trace::{Trace, TraceError};
use std::path::Path;

pub use agent::Agent;
pub use batch::Batch;
pub use chat::Chat;
pub use rag::Rag;

/// Requests that a generator makes unless told otherwise.
pub const REQUESTS_DEFAULT: u64 = 2_000;

/// The built-in generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// See [`Chat`].
    Chat,
    /// See [`Agent`].
    Agent,
    /// See [`Rag`].
    Rag,
    /// See [`Batch`].
    Batch,
}

impl Builtin {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Agent, Self::Rag, Self::Batch];

    /// The name that the command takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Agent => "agent",
            Self::Rag => "rag",
            Self::Batch => "batch",
        }
    }

    /// The generator of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == name)
    }

    /// Its arrivals, without end.
    #[must_use]
    pub fn arrivals(self, seed: u64) -> Box<dyn Iterator<Item = Arrival>> {
        match self {
            Self::Chat => Box::new(Chat::new(seed)),
            Self::Agent => Box::new(Agent::new(seed)),
            Self::Rag => Box::new(Rag::new(seed)),
            Self::Batch => Box::new(Batch::new(seed)),
        }
    }
}

/// How far a workload is, in requests or in bytes of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// In all, where that is known.
    pub total: Option<u64>,
}

/// A workload: a named iterator of arrivals.
///
/// ```
/// use tierproof::Workload;
/// let workload = Workload::open("rag", 7, Some(10)).unwrap();
/// assert_eq!(workload.count(), 10);
/// ```
pub struct Workload {
    name: String,
    source: Source,
    limit: Option<u64>,
    done: u64,
}

enum Source {
    Trace(Trace),
    Generator(Box<dyn Iterator<Item = Arrival>>),
}

impl Workload {
    /// A built-in generator by its name, else the trace in the file of that name. `limit` is the
    /// number of requests at most; without one, a trace is read to its end.
    ///
    /// # Errors
    /// If there is no such generator and the file can't be read as a trace.
    pub fn open(name: &str, seed: u64, limit: Option<u64>) -> Result<Self, TraceError> {
        let (source, limit) = match Builtin::named(name) {
            Some(builtin) => {
                (Source::Generator(builtin.arrivals(seed)), Some(limit.unwrap_or(REQUESTS_DEFAULT)))
            }
            None => (Source::Trace(Trace::open(Path::new(name))?), limit),
        };
        Ok(Self { name: name.into(), source, limit, done: 0 })
    }

    /// Arrivals from elsewhere, without a limit.
    pub fn of(name: &str, arrivals: impl Iterator<Item = Arrival> + 'static) -> Self {
        let source = Source::Generator(Box::new(arrivals));
        Self { name: name.into(), source, limit: None, done: 0 }
    }

    /// The name it was opened by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is: in requests where their number is known, else in bytes of the trace.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.source {
            Source::Trace(trace) if self.limit.is_none() => {
                let (done, total) = trace.progress();
                Progress { done, total }
            }
            _ => Progress { done: self.done, total: self.limit },
        }
    }
}

impl Iterator for Workload {
    type Item = Result<Arrival, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.limit.is_some_and(|limit| self.done >= limit) {
            return None;
        }
        let next = match &mut self.source {
            Source::Trace(trace) => trace.next(),
            Source::Generator(arrivals) => arrivals.next().map(Ok),
        };
        self.done += u64::from(next.is_some());
        next
    }
}

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workload").field("name", &self.name).finish_non_exhaustive()
    }
}
