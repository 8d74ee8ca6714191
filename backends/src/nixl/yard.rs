//! What lanes work with, and what ended parts keep until their whole request has ended.

use super::agents::Agents;
use super::budget::Budget;
use super::cargo::Loan;
#[cfg(feature = "cuda")]
use crate::cuda::Side;
use crate::files::store::SlotStore;
use crate::ledger::Ledger;
use crate::lend::Claim;
use tierproof_core::Nanos;

/// What a lane works with.
pub(super) struct Yard<'a> {
    pub(super) agents: &'a mut Agents,
    pub(super) ledger: &'a mut Ledger<Held>,
    pub(super) budget: &'a Budget,
    pub(super) now: Nanos,
}

/// The claims of an ended part, kept for their drop.
#[expect(dead_code, reason = "claims are held, not read")]
pub(super) enum Held {
    /// Of host memory and a file.
    Host(Claim<SlotStore>, Loan),
    /// Of a GPU's memory and, unless it is still in use, a file.
    #[cfg(feature = "cuda")]
    Device(Option<Claim<SlotStore>>, Side),
    /// Of two memories.
    #[cfg(feature = "cuda")]
    Memory(Side, Side),
}
