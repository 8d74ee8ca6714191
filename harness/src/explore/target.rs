//! What cases run on: the simulator that a case describes, or a real backend.

use tierproof_core::Result;

use crate::open::open;
use crate::settings::{BackendKind, Root, Settings};

use super::case::Case;
use super::run::{Ran, run, simulate};

/// A backend, opened anew for every case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    settings: Settings,
}

impl Target {
    /// A backend of a kind; its files lie beneath `root`, and `gpu` is counted from 0.
    #[must_use]
    pub fn new(backend: BackendKind, root: Root, gpu: u32) -> Self {
        Self { settings: Settings { backend, root, gpu, ..Settings::default() } }
    }

    /// Whether its time is virtual.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.settings.backend == BackendKind::Sim
    }

    /// Runs a case.
    ///
    /// # Errors
    /// What the backend can't be opened with, or the case's settings are refused with.
    pub fn run(&self, case: &Case) -> Result<Ran> {
        if self.settings.backend == BackendKind::Sim {
            return simulate(case);
        }
        let opened = open(&self.settings)?;
        // A temporary directory goes after the backend whose files are in it.
        let (backend, _temporary) = (opened.backend, opened.temporary);
        run(case, backend)
    }
}
