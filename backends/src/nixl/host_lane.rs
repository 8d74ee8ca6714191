//! What goes between host memory and files: straight from and to regions.

use super::agent::Agent;
use super::budget::Permit;
use super::cargo::{MemoryKind, PartCargo, spans_of};
use super::fleet::{Ended, Fleet, Moving, News};
use super::part::{Layout, Packed, Part, Rest};
use super::plugin::Opening;
use super::status::Code;
use super::transfer::{Refused, Transfer};
use super::yard::{Held, Yard};
use crate::ledger::Seat;
use crate::lend::Memory;
use crate::sheets::{Sheet, Sheets};
use std::sync::Arc;
use tierproof_core::{Bytes, Error, ErrorKind, Fault, Nanos, Result, TransferId};

/// Bytes of memory for trailers and what direct I/O can't reach that are registered at once.
const SLAB_LEN: usize = 2 << 20;

/// The parts of one backend between host memory and files.
pub(super) struct HostLane {
    fleet: Fleet<PartCargo, (Seat, Rest)>,
    staging: Sheets<Memory>,
}

impl HostLane {
    pub(super) fn new() -> Self {
        Self { fleet: Fleet::default(), staging: Sheets::new(SLAB_LEN, Bytes::MAX) }
    }

    /// Parts on the way, or not known to have ended.
    pub(super) fn parts(&self) -> usize {
        self.fleet.len()
    }

    pub(super) fn uses(&self, agent: &Arc<Agent>) -> bool {
        self.fleet.uses(agent)
    }

    /// Sends the parts of one request on their way, or none.
    ///
    /// # Errors
    /// `Busy` while NIXL has no room for them.
    pub(super) fn send(
        &mut self,
        id: TransferId,
        mut parts: Vec<Part>,
        deadline: Nanos,
        yard: &mut Yard<'_>,
    ) -> Result<()> {
        let way = yard.agents.way();
        let layouts: Vec<Layout> = parts.iter_mut().map(Part::layout).collect();
        let wanted: usize = layouts.iter().map(|layout| spans(*layout, way)).sum();
        let mut permit = yard.budget.take(parts.len(), wanted).ok_or_else(|| {
            let context = format!(
                "{wanted} descriptors beside those in flight, and {} at most: poll, then submit again",
                way.spans_in_flight_max
            );
            Error::new(ErrorKind::Busy, context)
        })?;
        yard.agents.current()?;
        yard.ledger.open(id, parts.len());
        let late = yard.now > deadline;
        for ((part, layout), index) in parts.into_iter().zip(layouts).zip(0..) {
            let seat = Seat { request: id, part: index };
            if late {
                let fault = Fault::new(ErrorKind::TimedOut);
                yard.ledger.end(seat, Err(fault), part.into(), yard.now);
            } else {
                let permit = permit.split(spans(layout, way));
                self.start(seat, part, layout, deadline, permit, yard);
            }
        }
        Ok(())
    }

    /// Sends a part on its way, or ends it here.
    fn start(
        &mut self,
        seat: Seat,
        part: Part,
        layout: Layout,
        deadline: Nanos,
        permit: Permit,
        yard: &mut Yard<'_>,
    ) {
        let ready = part.vouch().and_then(|trailer| {
            let failed = |error: Error| Fault::new(error.kind());
            let sheet = self.sheet(layout.staged, yard).map_err(failed)?;
            Ok((yard.agents.current().map_err(failed)?, sheet, trailer))
        });
        let (agent, sheet, trailer) = match ready {
            Ok(ready) => ready,
            Err(fault) => return yard.ledger.end(seat, Err(fault), part.into(), yard.now),
        };
        let Packed { rest, mut cargo } = part.pack(layout, sheet, trailer);
        if layout.body + layout.staged == 0 {
            // An empty range at a region's end lies in no file.
            let outcome = rest.settle_empty(&mut cargo);
            return yard.ledger.end(seat, outcome, cargo.into(), yard.now);
        }
        match Transfer::new(&agent, yard.agents.way().span_bytes_max, cargo, Some(permit)) {
            Ok(mut transfer) => {
                let posted = transfer.post();
                if posted.is_err() {
                    yard.agents.retire(&agent);
                }
                self.fleet.add(Moving { transfer, rest: (seat, rest), deadline }, posted);
            }
            Err(refused) => {
                yard.agents.retire(&agent);
                let Refused { code, cargo } = *refused;
                self.settle(Ended { cargo, rest: (seat, rest), moved: Err(code) }, yard);
            }
        }
    }

    fn sheet(&mut self, len: usize, yard: &mut Yard<'_>) -> Result<Option<Sheet<Memory>>> {
        if len == 0 {
            return Ok(None);
        }
        self.staging.take(len, |len| {
            let slab = Memory::new(len)?;
            yard.agents.register_memory(MemoryKind::Host, slab.address(), len)?;
            Ok(slab)
        })
    }

    /// Asks for everything that is on the way. Answers why some will never be answered.
    pub(super) fn drive(&mut self, yard: &mut Yard<'_>) -> News<PartCargo, (Seat, Rest)> {
        let mut news = News::default();
        // What hangs is not answered: NIXL may touch the region's memory at any time.
        self.fleet.drive(yard.now, &mut news, |_| ());
        news
    }

    /// Settles failed transfers that have ended with their agents. Answers why others never will.
    pub(super) fn resolve(
        &mut self,
        mut news: News<PartCargo, (Seat, Rest)>,
        yard: &mut Yard<'_>,
    ) -> Option<Code> {
        self.fleet.resolve(&mut news);
        for ended in news.ended {
            self.settle(ended, yard);
        }
        news.lost.last().map(|(_, code)| *code)
    }

    /// What moved, or could not, is back.
    fn settle(&mut self, ended: Ended<PartCargo, (Seat, Rest)>, yard: &mut Yard<'_>) {
        let Ended { mut cargo, rest: (seat, rest), moved } = ended;
        let outcome = rest.settle(moved, &mut cargo);
        cargo.staged = None;
        if let Some(sheet) = rest.sheet {
            self.staging.give_back(sheet);
        }
        yard.ledger.end(seat, outcome, cargo.into(), yard.now);
    }
}

/// How many descriptors a part takes.
fn spans(layout: Layout, way: &Opening) -> usize {
    spans_of(layout.body, way.span_bytes_max) + spans_of(layout.staged, way.span_bytes_max)
}

impl From<Part> for Held {
    fn from(part: Part) -> Self {
        Self::Host(part.file, part.memory)
    }
}

impl From<PartCargo> for Held {
    fn from(cargo: PartCargo) -> Self {
        Self::Host(cargo.file, cargo.memory)
    }
}
