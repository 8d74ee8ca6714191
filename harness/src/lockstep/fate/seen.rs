//! What passes the backend, in the words of the model.

use tierproof_core::{Bytes, ErrorKind, Fault, Nanos, TransferId};

use crate::lockstep::model::Place;

/// One part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) window: usize,
    pub(crate) pool: usize,
    pub(crate) source: Place,
    pub(crate) target: Place,
    /// Payload.
    pub(crate) bytes: Bytes,
}

impl Leg {
    pub(crate) fn slots(&self) -> [(usize, Place); 2] {
        [self.source, self.target].map(|place| (self.window, place))
    }
}

/// One thing that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The backend says what time it is.
    Time(Nanos),
    /// A request ends, or the backend says so.
    End { id: TransferId, faults: Vec<(u32, Fault)> },
    /// These were all for now.
    Polled,
    /// A request is taken.
    Sent { id: TransferId, deadline: Nanos, legs: Vec<Leg> },
    /// A request is refused.
    Refused { kind: ErrorKind, deadline: Nanos, legs: Vec<Leg> },
}
