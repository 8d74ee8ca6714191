//! From what ended below to completions: when they are told, in which order, and how often.

use std::collections::BTreeMap;

use tierproof_core::{Backend, Completion, ErrorKind, Fault, Nanos, Result, TransferId};

use super::flight::{Flight, Hold, Landed};
use super::{FaultClass, Faulty};

/// A slow transfer takes this many times as long, at least and at most.
const SLOW: std::ops::RangeInclusive<u64> = 10..=1000;
/// What took no time at all is taken to have taken this long.
const ELAPSED_MIN: u64 = 1_000;

impl<B: Backend> Faulty<B> {
    /// Takes what ended below, and gives it what went on meanwhile.
    pub(super) fn pump(&mut self) {
        self.resume();
        let mut polled = std::mem::take(&mut self.polled);
        if let Err(error) = self.media.backend.poll(&mut polled) {
            self.broken.get_or_insert(error);
        }
        for completion in polled.drain(..) {
            self.land(completion);
        }
        self.polled = polled;
    }

    /// Takes note of an end below, and of when it may be told.
    pub(super) fn land(&mut self, completion: Completion) {
        let Completion { id, at, faults } = completion;
        let Some(mut flight) = self.below.remove(&id) else {
            // Not one of ours: the backend's own mistake is told as it is, under no id of ours.
            self.echoes.push(Completion { id: TransferId(u64::MAX), at, faults });
            return;
        };
        self.timed -= usize::from(flight.is_timed());
        let mut hold = Hold::No;
        if let Some(hit) = flight.take(FaultClass::F18) {
            let elapsed = at.0.saturating_sub(flight.since.0).max(ELAPSED_MIN);
            let factor = SLOW.start() + hit.choice.detail % (SLOW.end() - SLOW.start() + 1);
            hold = Hold::Until(at.saturating_add(Nanos(elapsed.saturating_mul(factor))));
            self.choices.fire(hit.on, hit.choice);
        } else if let Some(hit) = flight.take(FaultClass::F19) {
            hold = Hold::Overtaken;
            self.choices.fire(hit.on, hit.choice);
        }
        self.landed.push(Landed { flight, at, faults, hold });
    }

    /// Whether there is something to tell now.
    pub(super) fn is_deliverable(&self) -> bool {
        let now = |landed: &Landed| self.due_now(landed);
        self.broken.is_some()
            || !self.echoes.is_empty()
            || self.landed.iter().any(now)
            || (self.below.is_empty() && self.landed.iter().any(|it| it.hold == Hold::Overtaken))
    }

    fn due_now(&self, landed: &Landed) -> bool {
        match landed.hold {
            Hold::No => true,
            Hold::Until(at) => at <= self.now,
            Hold::Overtaken => self.clock.below(landed.flight.request.deadline) <= self.now,
        }
    }

    /// When something of what is held up goes on by itself.
    pub(super) fn wake(&self) -> Nanos {
        let landed = self.landed.iter().map(|landed| match landed.hold {
            Hold::No => self.now,
            Hold::Until(at) => at,
            Hold::Overtaken => self.clock.below(landed.flight.request.deadline),
        });
        let hung = self.hung.iter().map(|hung| hung.until);
        landed.chain(hung).min().unwrap_or(Nanos::MAX)
    }

    /// Tells everything that may be told.
    pub(super) fn deliver(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        done.append(&mut self.echoes);
        for landed in self.tellable() {
            self.tell(landed, done);
        }
        self.arrive_ghosts();
        if self.healed && !self.media.overlays.is_empty() {
            self.media.lift();
        }
        match self.broken.take() {
            Some(error) => Err(error),
            None if self.conditions.polls_fail => Err(tierproof_core::Error::new(
                ErrorKind::Device,
                "the device's context is lost: build a new backend",
            )),
            None => Ok(()),
        }
    }

    /// What may be told, in order: what let others overtake it comes last, the latest first.
    fn tellable(&mut self) -> Vec<Landed> {
        if self.landed.iter().all(|landed| landed.hold == Hold::No) {
            return std::mem::take(&mut self.landed);
        }
        let (mut now, mut held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.landed).into_iter().partition(|it| self.due_now(it));
        if !now.is_empty() || self.below.is_empty() {
            let overtaken = |landed: &mut Landed| landed.hold == Hold::Overtaken;
            let mut last: Vec<_> = held.extract_if(.., overtaken).collect();
            last.reverse();
            now.extend(last);
        }
        self.landed = held;
        now
    }

    fn tell(&mut self, landed: Landed, done: &mut Vec<Completion>) {
        let Landed { mut flight, at, faults, hold } = landed;
        self.media.free(flight.id, &flight.request.parts);
        self.parts_in_flight -= flight.request.parts.len() as u32;
        self.conditions.pool_empty = false;
        let faults = if self.is_uneventful(&flight) {
            faults
        } else {
            self.outcomes(&mut flight, faults.into_iter().collect()).into_iter().collect()
        };
        let at = if let Hold::Until(until) = hold { until } else { at };
        let completion = Completion { id: flight.id, at: self.clock.above(at), faults };
        self.tell_too(&mut flight, &completion, done);
        self.last_told = Some(flight.id);
        done.push(completion);
    }

    /// Whether a flight ends just as the backend says.
    fn is_uneventful(&self, flight: &Flight) -> bool {
        flight.hits.is_empty()
            && !flight.blamed
            && !self.keeps_history
            && self.conditions.none()
            && self.media.overlays.is_empty()
    }

    /// Tells a completion twice (F20), or one of nothing that is in flight (F21).
    fn tell_too(&mut self, flight: &mut Flight, told: &Completion, done: &mut Vec<Completion>) {
        if let Some(hit) = flight.take(FaultClass::F20) {
            self.choices.fire(hit.on, hit.choice);
            if hit.choice.detail & 1 == 0 {
                done.push(told.clone());
            } else {
                self.echoes.push(told.clone());
            }
        }
        if let Some(hit) = flight.take(FaultClass::F21) {
            self.choices.fire(hit.on, hit.choice);
            let unknown = TransferId(u64::MAX - 1 - (hit.choice.detail >> 1) % 1024);
            let old = self.last_told.filter(|_| hit.choice.detail & 1 == 1);
            let id = old.unwrap_or(unknown);
            done.push(Completion { id, at: told.at, faults: Vec::new() });
        }
    }

    /// What became of every part of a flight.
    fn outcomes(
        &mut self,
        flight: &mut Flight,
        below: BTreeMap<u32, Fault>,
    ) -> BTreeMap<u32, Fault> {
        let mut told = below;
        if flight.blamed {
            told.entry(0).or_insert(Fault::new(ErrorKind::Device));
        }
        // First of all parts: the damage that one does may lie in another's target.
        for part in &flight.request.parts {
            if let Some(extents) = self.extents(part) {
                self.media.rewritten(part, extents.target);
            }
        }
        for index in 0..flight.request.parts.len() as u32 {
            self.end_part(flight, index, &mut told);
        }
        told
    }

    /// Lets writes arrive whose end was told long ago, where nobody else is at work.
    fn arrive_ghosts(&mut self) {
        let submitted = self.calls.submit;
        let mut waiting = std::mem::take(&mut self.ghosts);
        waiting.retain(|ghost| {
            let gone = self.media.region(ghost.at.region).is_none();
            let free = ghost.due <= submitted && self.media.owner(ghost.at, true).is_none();
            if !gone && free {
                // What can't be written any more is a write that never arrived.
                let _ = self.media.damage(ghost.class, ghost.at, &ghost.bytes);
            }
            !gone && !free
        });
        self.ghosts = waiting;
    }
}
