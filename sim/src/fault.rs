//! The seam for faults: a request in, a verdict out.

use tierproof_core::{ErrorKind, Fault, Nanos, TransferId, TransferRequest};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What the profile says.
    Proceed,
    /// It takes its time and then ends with these faults, by part; indices beyond its parts mean
    /// nothing. The targets of these parts are garbage.
    Fail {
        /// Index of a part, and its fault.
        parts: Vec<(u32, Fault)>,
    },
    /// Submit answers an error of this kind. Nothing happens, now or later.
    Refuse(ErrorKind),
    /// It takes its place on the route and keeps it, until [`Sim::unhang`](crate::Sim::unhang) or
    /// a power cut.
    Hang,
    /// It takes this much longer.
    Delay(Nanos),
}

/// Decides what becomes of every request that is otherwise acceptable.
///
/// Closures are fault sources too:
///
/// ```
/// use tierproof_core::{ErrorKind, TransferId, TransferRequest};
/// use tierproof_sim::{Sim, SimConfig, Verdict};
/// let every_third = |_: &TransferRequest, id: TransferId| match id.0 % 3 {
///     2 => Verdict::Refuse(ErrorKind::Busy),
///     _ => Verdict::Proceed,
/// };
/// let sim = Sim::with_faults(SimConfig::default(), every_third)?;
/// # Ok::<(), tierproof_core::Error>(())
/// ```
pub trait FaultSource {
    /// The verdict on `request`, which is `id` if it is accepted. An id is never asked about
    /// twice, even if it was refused.
    fn verdict(&mut self, request: &TransferRequest, id: TransferId) -> Verdict;
}

/// Nothing fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl FaultSource for NoFaults {
    fn verdict(&mut self, _: &TransferRequest, _: TransferId) -> Verdict {
        Verdict::Proceed
    }
}

impl<F: FnMut(&TransferRequest, TransferId) -> Verdict> FaultSource for F {
    fn verdict(&mut self, request: &TransferRequest, id: TransferId) -> Verdict {
        self(request, id)
    }
}
