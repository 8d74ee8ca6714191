//! What a run drives: faulty memory with a shadow, and perhaps more between that and the engine.

use tierproof_core::Backend;
use tierproof_sim::faults::Faulty;
use tierproof_sim::shadow::{Hazard, Shadowed};

/// A backend that misbehaves until it is healed, and knows who did not wait for whom.
pub(super) trait Observed: Backend {
    /// Accesses that nothing orders, so far.
    fn hazards(&self) -> &[Hazard];

    /// Ends all faults.
    fn heal(&mut self);
}

impl<B: Backend> Observed for Shadowed<&mut Faulty<B>> {
    fn hazards(&self) -> &[Hazard] {
        Shadowed::hazards(self)
    }

    fn heal(&mut self) {
        self.inner_mut().heal();
    }
}
