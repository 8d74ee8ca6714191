//! Requests in flight: their parts, and the one completion of each.

use std::collections::BTreeMap;
use tierproof_core::{Completion, Fault, Nanos, TransferId};

/// All requests that are not done. `H` is what an ended part keeps until its whole request has ended.
#[derive(Debug)]
pub(crate) struct Ledger<H> {
    open: BTreeMap<TransferId, Open<H>>,
    done: Vec<Completion>,
}

/// A request that is not done.
#[derive(Debug)]
struct Open<H> {
    left: usize,
    faults: Vec<(u32, Fault)>,
    held: Vec<H>,
}

/// Which part of which request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) request: TransferId,
    pub(crate) part: u32,
}

impl<H> Default for Ledger<H> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), done: Vec::new() }
    }
}

impl<H> Ledger<H> {
    /// A request of so many parts.
    pub(crate) fn open(&mut self, id: TransferId, parts: usize) {
        let open = Open { left: parts, faults: Vec::new(), held: Vec::with_capacity(parts) };
        self.open.insert(id, open);
    }

    /// A request that was done at once.
    pub(crate) fn add_done(&mut self, completion: Completion) {
        self.done.push(completion);
    }

    /// A part has ended. The last one of a request ends it.
    ///
    /// # Panics
    /// If the part has ended before.
    pub(crate) fn end(&mut self, seat: Seat, outcome: Result<(), Fault>, held: H, now: Nanos) {
        let open = self.open.get_mut(&seat.request).expect("its parts are not done");
        open.faults.extend(outcome.err().map(|fault| (seat.part, fault)));
        open.held.push(held);
        open.left -= 1;
        if open.left > 0 {
            return;
        }
        let ended = self.open.remove(&seat.request).expect("it was there just before");
        let mut faults = ended.faults;
        faults.sort_unstable_by_key(|(part, _)| *part);
        // Its claims end here, before anybody can hear of the completion.
        drop(ended.held);
        self.done.push(Completion { id: seat.request, at: now, faults });
    }

    pub(crate) fn has_done(&self) -> bool {
        !self.done.is_empty()
    }

    pub(crate) fn take_done(&mut self, done: &mut Vec<Completion>) {
        done.append(&mut self.done);
    }
}
