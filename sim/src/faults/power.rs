//! Faults of power cuts, which only the simulator has.

use tierproof_core::Result;

use super::{FaultClass, FaultPlan, Faulty, Occasion, Subject};
use crate::{Cut, Sim};

impl Faulty<Sim> {
    /// A simulator with the faults of `plan`, those of its power cuts included.
    ///
    /// # Errors
    /// `Config` for a plan that is not valid.
    pub fn with_power(sim: Sim, plan: &FaultPlan) -> Result<Self> {
        Self::build(sim, plan, true)
    }

    /// Cuts the power, with what strikes the cut: torn writes (F07), writes that are durable out of
    /// order (F08). Transfers in flight vanish. What was damaged before counts as what was written:
    /// the truth about it is lost with everything else; sectors and pages stay bad.
    pub fn power_cut(&mut self) {
        let on = Subject::Cut { nth: self.calls.cut };
        self.calls.cut = self.calls.cut.wrapping_add(1);
        let mut cut = Cut::default();
        for choice in self.of_call(on, Occasion::Cut) {
            match choice.class {
                FaultClass::F07 => cut.torn = Some(choice.detail),
                _ => cut.reordered = Some(choice.detail),
            }
            self.choices.fire(on, choice);
        }
        // What hangs was never handed to the device, so nothing of it can have been written.
        self.media.backend.cut(cut);
        self.below.clear();
        self.timed = 0;
        self.hung.clear();
        self.landed.clear();
        self.ghosts.clear();
        self.echoes.clear();
        self.history.clear();
        self.parts_in_flight = 0;
        self.conditions.pool_empty = false;
        self.media.free_all();
        self.media.overlays.clear();
    }
}
