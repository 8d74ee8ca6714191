//! Handing transfers to the backend: at once, or when they no longer hang.

use tierproof_core::{Backend, Error, ErrorKind, Fault, Nanos, TransferRequest};

use super::flight::{Flight, Hit, Hold, Hung, Landed};
use super::{FaultClass, Faulty};

/// A transfer that goes on late does so up to this long after its deadline.
const LATE_MAX: u64 = 10_000_000_000;
/// What the backend has no room for yet is offered again after this long.
const PAUSE: Nanos = Nanos(1_000_000);

impl<B: Backend> Faulty<B> {
    /// When a hung transfer goes on: never for an even detail, else after its deadline.
    pub(super) fn until(&self, deadline: Nanos, detail: u64) -> Nanos {
        if detail & 1 == 0 {
            return Nanos::MAX;
        }
        let late = Nanos(1 + (detail >> 1) % LATE_MAX);
        self.clock.below(deadline).max(self.now).saturating_add(late)
    }

    /// Hands a transfer to the backend, or gives it back with the error.
    pub(super) fn launch(&mut self, mut flight: Flight) -> Result<(), (Box<Flight>, Error)> {
        self.remember(&mut flight);
        let deadline = self.clock.below(flight.request.deadline);
        let sent = if deadline == flight.request.deadline {
            self.media.backend.submit(&flight.request)
        } else {
            let request = TransferRequest { deadline, ..flight.request.clone() };
            self.media.backend.submit(&request)
        };
        self.tell_fallbacks();
        match sent {
            Ok(id) => {
                flight.since = self.now;
                self.timed += usize::from(flight.is_timed());
                self.below.insert(id, flight);
                Ok(())
            }
            Err(error) => Err((Box::new(flight), error)),
        }
    }

    /// Keeps what targets hold for faults that put it back, now or later.
    fn remember(&mut self, flight: &mut Flight) {
        use FaultClass::{F04, F05, F09, F10, F31};
        for (index, part) in (0..).zip(&flight.request.parts) {
            let asks = |hit: &Hit| {
                hit.part == index && matches!(hit.choice.class, F04 | F05 | F09 | F10 | F31)
            };
            let asked = flight.hits.iter().any(asks);
            let turned_away = self.conditions.turns_away(part, &self.media);
            let kept = self.keeps_history && part.seal.is_some();
            if !asked && !turned_away && !kept {
                continue;
            }
            let at = self.media.extent(part.target, part.seal.is_some());
            // Another transfer may be writing it: then the request is about to be refused.
            let free = at.filter(|&at| self.media.owner(at, false).is_none());
            let Some(bytes) = free.and_then(|at| self.media.image(at).ok()) else { continue };
            if turned_away {
                flight.turned_away.insert(index);
            }
            if kept {
                flight.replaced.insert(index, bytes.clone());
            }
            if asked || turned_away {
                flight.before.insert(index, bytes);
            }
        }
    }

    /// Lets hung transfers go on whose time has come.
    pub(super) fn resume(&mut self) {
        if self.hung.is_empty() {
            return;
        }
        let (due, hung) = std::mem::take(&mut self.hung)
            .into_iter()
            .partition(|hung: &Hung| hung.until <= self.now && hung.until < Nanos::MAX);
        self.hung = hung;
        for Hung { mut flight, .. } in due {
            // Nobody waits for it any more, so its own deadline is over.
            flight.request.deadline = Nanos::MAX;
            let id = flight.id;
            self.media.free(id, &flight.request.parts);
            let parts = flight.request.parts.clone();
            if let Err((flight, error)) = self.launch(flight) {
                self.put_off(*flight, error.kind());
            }
            self.media.hold(id, &parts);
        }
    }

    /// Offers it again later, or ends it with what the backend says.
    fn put_off(&mut self, flight: Flight, kind: ErrorKind) {
        if kind == ErrorKind::Busy {
            let until = self.now.saturating_add(PAUSE);
            return self.hung.push(Hung { flight, until });
        }
        let fault = Fault::new(kind);
        let faults = (0..flight.request.parts.len() as u32).map(|part| (part, fault)).collect();
        self.landed.push(Landed { flight, at: self.now, faults, hold: Hold::No });
    }
}
