//! A device whose power can be cut.

use std::collections::BTreeMap;

use tierproof_core::Backend;
use tierproof_sim::Sim;
use tierproof_sim::faults::{FaultClass, FaultEntry, Faulty};

/// A backend that outlives processes, and says which of its faults struck.
pub trait Powered: Backend {
    /// Loses all that is not durable.
    fn power_cut(&mut self);

    /// Ends all faults.
    fn heal(&mut self);

    /// Every fault that struck so far.
    fn fired(&self) -> &[FaultEntry];

    /// Classes asked for that it can't have, and why.
    fn unrealised(&self) -> &BTreeMap<FaultClass, String>;

    /// What keeps its files.
    fn sim(&self) -> &Sim;
}

impl Powered for Faulty<Sim> {
    fn power_cut(&mut self) {
        Self::power_cut(self);
    }

    fn heal(&mut self) {
        Self::heal(self);
    }

    fn fired(&self) -> &[FaultEntry] {
        Self::fired(self)
    }

    fn unrealised(&self) -> &BTreeMap<FaultClass, String> {
        Self::unrealised(self)
    }

    fn sim(&self) -> &Sim {
        self.inner()
    }
}
