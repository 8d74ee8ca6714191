//! What the shadow finds: two accesses of the same bytes that nothing orders.

use crate::streams::StreamId;
use std::fmt;
use tierproof_core::{Bytes, Descriptor, TransferId};

/// Who touches bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The thread that calls the backend.
    Host,
    /// A stream of a serving engine's.
    Stream(StreamId),
    /// A transfer, which runs beside everybody from its submit until its completion is polled.
    Transfer(TransferId),
}

/// What somebody does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Needs what was written before.
    Read,
    /// Replaces it.
    Write,
}

/// What an access is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A call or a kernel of this name.
    Named(&'static str),
    /// This part of a transfer.
    Part(u32),
}

/// One side of a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// Who.
    pub actor: Actor,
    /// Reads or writes.
    pub access: Access,
    /// As part of what.
    pub what: What,
}

/// Which order is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HazardKind {
    /// A read that may come before the write that it needs.
    Raw,
    /// A write that may come before a read of what it replaces.
    War,
    /// Two writes of which either may be the last.
    Waw,
}

/// The device-side fault that a hazard is an instance of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultId {
    /// A consumer reads before a load is done.
    G03,
    /// A block is used again while a store still reads it.
    G04,
    /// Two writes to one place.
    G05,
    /// An event that was recorded on the wrong stream, or that nobody waited for.
    G06,
    /// The host overwrites host memory that an asynchronous copy is still to read.
    G07,
}

/// Why nothing orders the second party after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The second party waited for nothing that has to do with the first.
    Wait,
    /// The first party's completion was not polled.
    Poll,
    /// Parts of one request have no order.
    Parts,
    /// An event behind the first party was recorded; the second did not wait for it.
    WaitForEvent,
    /// The second party waited for an event that was recorded in time, but on this other stream.
    EventElsewhere(StreamId),
}

/// Two accesses of the same bytes, one of them a write, that nothing orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hazard {
    /// Which order is missing.
    pub kind: HazardKind,
    /// The fault that it is an instance of.
    pub fault: FaultId,
    /// Who was asked first.
    pub first: Party,
    /// Who was asked second.
    pub second: Party,
    /// Why there is no order.
    pub missing: Missing,
    /// The bytes that both touch.
    pub range: Descriptor,
}

impl HazardKind {
    /// Of two accesses in the order in which they were asked for; `None` for two reads.
    pub(super) fn of(first: Access, second: Access) -> Option<Self> {
        match (first, second) {
            (Access::Read, Access::Read) => None,
            (Access::Write, Access::Read) => Some(Self::Raw),
            (Access::Read, Access::Write) => Some(Self::War),
            (Access::Write, Access::Write) => Some(Self::Waw),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host"),
            Self::Stream(StreamId(id)) => write!(f, "stream {id}"),
            Self::Transfer(TransferId(id)) => write!(f, "transfer {id}"),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.access {
            Access::Read => "reads",
            Access::Write => "writes",
        };
        write!(f, "{} {does} them", self.actor)?;
        match self.what {
            What::Named(name) => write!(f, " ({name})"),
            What::Part(part) => write!(f, " (part {part})"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => f.write_str("the second never waited for the first"),
            Self::Poll => f.write_str("the first's completion was not polled"),
            Self::Parts => f.write_str("parts of one request have no order"),
            Self::WaitForEvent => {
                f.write_str("an event behind the first was recorded and not waited for")
            }
            Self::EventElsewhere(StreamId(id)) => {
                write!(f, "the event that the second waited for was recorded on stream {id}")
            }
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, fault, first, second, missing, range } = self;
        let end: Bytes = range.offset.saturating_add(range.len);
        write!(
            f,
            "S3, {fault:?} {kind:?}: bytes {}..{end} of region {}: {first}, then {second}; {missing}",
            range.offset, range.region.0
        )
    }
}
