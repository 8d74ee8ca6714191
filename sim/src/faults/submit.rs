//! From a request to the backend: what strikes its parts, what refuses it, what holds it up.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{
    Backend, Error, ErrorKind, Part, Result, Stamp, TRAILER_LEN, TransferId, TransferRequest,
};

use super::choices::Choice;
use super::class::Stage;
use super::fit::Target;
use super::flight::{Flight, Ghost, Hit, Hung};
use super::{FaultClass, Faulty, Occasion, Subject};
use crate::sim::Misuse;

/// Transfers submitted until a ghost arrives, at most.
const HAUNTING_MAX: u64 = 8;

impl<B: Backend> Faulty<B> {
    /// Accepts, refuses or holds up a request.
    pub(super) fn submit_faultily(&mut self, request: &TransferRequest) -> Result<TransferId> {
        if self.in_flight() == 0 {
            self.conditions.pool_empty = false;
        }
        self.conditions.admit(&self.media, request)?;
        self.has_room(request)?;
        let subjects = self.subjects(request);
        let hits = self.hits(request, &subjects);
        if !hits.is_empty() || !self.is_plain() {
            self.disturbs_nobody(request)?;
        }
        for hit in hits.iter().filter(|hit| hit.choice.class.stage() == Stage::Refusal) {
            self.refuse(*hit, request)?;
        }
        let id = TransferId(self.next_id);
        let mut flight = Flight {
            id,
            request: request.clone(),
            hits,
            before: BTreeMap::new(),
            replaced: BTreeMap::new(),
            turned_away: BTreeSet::new(),
            since: self.now,
            blamed: false,
        };
        if let Some(hit) = flight.take(FaultClass::F17) {
            self.choices.fire(hit.on, hit.choice);
            let until = self.until(request.deadline, hit.choice.detail);
            self.hung.push(Hung { flight, until });
        } else {
            self.launch(flight).map_err(|(_, error)| error)?;
        }
        self.media.hold(id, &request.parts);
        self.next_id += 1;
        self.calls.submit += 1;
        self.parts_in_flight += request.parts.len() as u32;
        subjects.into_iter().flatten().for_each(|subject| self.count(subject));
        Ok(id)
    }

    /// The names of a sound request's parts, where anything is to strike them.
    fn subjects(&self, request: &TransferRequest) -> Vec<Option<Subject>> {
        if !self.choices.any() || !self.media.sound(request) {
            return Vec::new();
        }
        let name = |part: &Part| {
            let source = self.media.spot(part.source, part.check.is_some())?;
            let target = self.media.spot(part.target, part.seal.is_some())?;
            let visit = self.visits.get(&(source, target)).copied().unwrap_or(0);
            Some(Subject::Part { source, target, visit })
        };
        request.parts.iter().map(name).collect()
    }

    /// What strikes the parts, each at most once with an outcome.
    fn hits(&mut self, request: &TransferRequest, subjects: &[Option<Subject>]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for ((index, part), on) in (0..).zip(&request.parts).zip(subjects) {
            let (Some(on), Some(between)) = (*on, self.media.between(part)) else { continue };
            let parts = request.parts.len();
            let target = Target { part, between, parts, unsealed: self.unsealed };
            let mut outcome = false;
            for choice in self.choices.of(on, Occasion::Part) {
                let decides = choice.class.stage() == Stage::Outcome;
                if let Err(why) = target.fits(choice.class) {
                    self.choices.cannot(choice, why);
                } else if decides && outcome {
                    self.choices.cannot(choice, "another fault decides what becomes of the part");
                } else {
                    outcome |= decides;
                    hits.push(Hit { part: index, on, choice });
                }
            }
        }
        hits
    }

    /// A part of this name was offered.
    fn count(&mut self, subject: Subject) {
        if let Subject::Part { source, target, .. } = subject {
            let visits = self.visits.entry((source, target)).or_default();
            *visits = visits.wrapping_add(1);
        }
    }

    /// Transfers accepted and not yet told of.
    pub(super) fn in_flight(&self) -> usize {
        self.below.len() + self.hung.len() + self.landed.len()
    }

    /// Limits that only we know: tightened ones, and room that hung transfers take.
    fn has_room(&self, request: &TransferRequest) -> Result<()> {
        let (parts, limits) = (request.parts.len() as u32, &self.capability);
        let tight = limits.request_parts_max != self.media.backend.capability().request_parts_max;
        if tight && parts > limits.request_parts_max {
            let max = limits.request_parts_max;
            let context = format!("a request of {parts} parts: give 1 to {max}");
            return Err(Error::new(ErrorKind::OutOfRange, context));
        }
        let free = limits.in_flight_parts_max.saturating_sub(self.parts_in_flight);
        if (tight || !self.is_plain()) && parts > free {
            let in_flight = self.parts_in_flight;
            let context =
                format!("{in_flight} parts are in flight, {free} more can be: poll first");
            return Err(Error::new(ErrorKind::Busy, context));
        }
        Ok(())
    }

    /// Refuses a request that would disturb a transfer in flight, hung ones included.
    fn disturbs_nobody(&mut self, request: &TransferRequest) -> Result<()> {
        let Some(TransferId(other)) = self.media.conflict(request) else { return Ok(()) };
        let what = format!("a part overlaps transfer {other}, which is in flight");
        let at = self.clock.above(self.now);
        self.misuses.push(Misuse { at, kind: ErrorKind::Busy, what: what.clone() });
        Err(Error::new(ErrorKind::Busy, what))
    }

    /// Refuses: cleanly, until something ends, or only so that it seems.
    fn refuse(&mut self, hit: Hit, request: &TransferRequest) -> Result<()> {
        let Hit { part, on, choice } = hit;
        let mut kind = ErrorKind::Busy;
        match choice.class {
            FaultClass::G11 => self.conditions.pool_empty = true,
            FaultClass::F26 => {
                if let Err(error) = self.haunt(&request.parts[part as usize], choice) {
                    self.choices.cannot(choice, error.to_string());
                    return Ok(());
                }
                if choice.detail & 1 == 1 {
                    kind = ErrorKind::Device;
                }
            }
            _ => {}
        }
        self.choices.fire(on, choice);
        self.count(on);
        Err(Error::new(kind, format!("part {part} is refused ({})", choice.class)))
    }

    /// Prepares the late write of a part that is refused now.
    fn haunt(&mut self, part: &Part, choice: Choice) -> Result<()> {
        let outside = || Error::new(ErrorKind::OutOfRange, "the part leaves its region");
        let at = self.media.extent(part.target, part.seal.is_some()).ok_or_else(outside)?;
        let mut bytes = self.media.image(at)?;
        let payload = self.media.image(part.source)?;
        bytes[..payload.len()].copy_from_slice(&payload);
        if let Some(stamp) = part.seal {
            let start = Stamp::trailer_offset(part.target.len, self.media.alignment);
            let start = start.ok_or_else(outside)? as usize;
            let trailer = stamp.seal(Stamp::checksum(&payload));
            bytes[start..start + TRAILER_LEN].copy_from_slice(&trailer);
        }
        self.ghosts.push(Ghost { class: choice.class, at, bytes, due: self.due(choice) });
        Ok(())
    }

    /// When the ghost of a fault arrives.
    pub(super) fn due(&self, choice: Choice) -> u64 {
        self.calls.submit + 1 + (choice.detail >> 1) % HAUNTING_MAX
    }
}
