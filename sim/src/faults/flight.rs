//! Transfers between submit and the telling of their completion.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{Descriptor, Fault, Nanos, TransferId, TransferRequest};

use super::choices::Choice;
use super::class::Stage;
use super::{FaultClass, Subject};

/// A fault that is to strike a part of a transfer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) part: u32,
    pub(super) on: Subject,
    pub(super) choice: Choice,
}

/// A transfer that was accepted.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: TransferId,
    pub(super) request: TransferRequest,
    pub(super) hits: Vec<Hit>,
    /// What the targets of some parts held before, by part, for a fault that puts it back.
    pub(super) before: BTreeMap<u32, Vec<u8>>,
    /// The same for stale reads later.
    pub(super) replaced: BTreeMap<u32, Vec<u8>>,
    /// Parts that a lasting condition turned away when they were handed over. Those handed over
    /// earlier it leaves alone.
    pub(super) turned_away: BTreeSet<u32>,
    /// When it was handed to the backend, in its time.
    pub(super) since: Nanos,
    /// An error of another transfer is told of its first part.
    pub(super) blamed: bool,
}

impl Flight {
    /// Whether its end is told at another time than it comes.
    pub(super) fn is_timed(&self) -> bool {
        self.hits.iter().any(|hit| hit.choice.class.stage() == Stage::Timing)
    }

    /// Takes the fault of one class, if it is to strike.
    pub(super) fn take(&mut self, class: FaultClass) -> Option<Hit> {
        let index = self.hits.iter().position(|hit| hit.choice.class == class)?;
        Some(self.hits.remove(index))
    }

    /// Takes the fault that decides what becomes of a part.
    pub(super) fn take_outcome(&mut self, part: u32) -> Option<Hit> {
        let outcome = |hit: &Hit| hit.part == part && hit.choice.class.stage() == Stage::Outcome;
        let index = self.hits.iter().position(outcome)?;
        Some(self.hits.remove(index))
    }
}

/// A transfer that the backend has not been given yet.
#[derive(Debug)]
pub(super) struct Hung {
    pub(super) flight: Flight,
    /// When it goes on, in the backend's time.
    pub(super) until: Nanos,
}

/// When a completion may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Now.
    No,
    /// At a time of the backend's.
    Until(Nanos),
    /// When another was told, or none is left to be.
    Overtaken,
}

/// A transfer that ended below.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) flight: Flight,
    pub(super) at: Nanos,
    pub(super) faults: Vec<(u32, Fault)>,
    pub(super) hold: Hold,
}

/// A write that goes on after its end was told.
#[derive(Debug)]
pub(super) struct Ghost {
    pub(super) class: FaultClass,
    pub(super) at: Descriptor,
    pub(super) bytes: Vec<u8>,
    /// It arrives after so many transfers were submitted.
    pub(super) due: u64,
}
