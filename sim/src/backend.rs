//! The simulator as a backend.

use crate::draw::Domain;
use crate::fault::Verdict;
use crate::flight::{give_back, take, touched};
use crate::judge::{Judge, out_of_range};
use crate::memory::Region;
use crate::schedule::{RouteIndex, Service};
use crate::sim::{Sim, tidy};
use crate::streams::StreamPoint;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, MediumKind,
    Nanos, RegionId, Result, Route, TransferId, TransferRequest,
};

impl Backend for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Any accelerator ordinal is the one accelerator that the profile models.
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let kind = medium.kind();
        let routes = |other| {
            let there = self.capability.route(kind, other);
            there != Route::Absent || self.capability.route(other, kind) != Route::Absent
        };
        if !MediumKind::ALL.into_iter().any(routes) {
            let context = format!("the profile has no route from or to {kind:?}");
            return Err(Error::new(ErrorKind::Unsupported, context));
        }
        self.memory.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        let judged = match self.memory.get(region) {
            None => out_of_range(format!("{region:?} was never given or is released")),
            Some(Region { ranges, .. }) => match ranges.any() {
                None => Ok(()),
                Some(TransferId(id)) => {
                    let context =
                        format!("{region:?} is released while transfer {id} is in flight");
                    Err(Error::new(ErrorKind::Busy, context))
                }
            },
        };
        self.watch(judged)?;
        self.memory.release(region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        let judged = self.judge_bytes(target, bytes.len(), true);
        self.watch(judged)?;
        self.wait_for_writers(target)?;
        self.memory.image(target.region).write(span(target)).copy_from_slice(bytes);
        Ok(())
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        let judged = self.judge_bytes(source, bytes.len(), false);
        self.watch(judged)?;
        self.wait_for_writers(source)?;
        bytes.copy_from_slice(self.memory.image(source.region).read(span(source)));
        Ok(())
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let Self { capability, schedule, memory, .. } = &*self;
        let judged = Judge { capability, schedule, memory }.judge(request);
        let (route, payload) = self.watch(judged)?;
        let parts_max = self.capability.in_flight_parts_max;
        if request.parts.len() > parts_max.saturating_sub(self.flights.parts()) as usize {
            let parts = self.flights.parts();
            let context = format!("{parts} of at most {parts_max} parts are in flight: poll first");
            return Err(Error::new(ErrorKind::Busy, context));
        }
        let id = TransferId(self.next_id);
        let alignment = self.capability.alignment;
        let taken = take(&mut self.memory, id, request, alignment);
        self.watch(taken)?;
        self.next_id += 1;
        match self.faults.verdict(request, id) {
            Verdict::Refuse(kind) => {
                give_back(&mut self.memory, id, &request.parts, alignment);
                Err(Error::new(kind, format!("transfer {} is refused by the fault source", id.0)))
            }
            verdict => {
                self.depart(id, request, (route, payload), verdict);
                Ok(id)
            }
        }
    }

    /// At once. Requests in flight are not part of it.
    fn flush(&mut self, region: RegionId) -> Result<()> {
        match self.memory.get_mut(region) {
            Some(file) if file.kind == MediumKind::File => {
                file.image.flush();
                Ok(())
            }
            Some(_) => {
                let context = format!("{region:?} is memory: only files can be flushed");
                Err(Error::new(ErrorKind::Unsupported, context))
            }
            None => out_of_range(format!("{region:?} was never given or is released")),
        }
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.settle();
        let alignment = self.capability.alignment;
        done.reserve(self.done.len());
        for ended in self.done.drain(..) {
            let (id, faults) = self.flights.leave(ended.flight, &mut self.memory, alignment);
            done.push(Completion { id, at: ended.at, faults });
        }
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        if until > self.now {
            self.settle();
            self.run(until);
            if self.done.is_empty() {
                self.now = until;
            }
        }
        self.now
    }
}

impl Sim {
    fn judge_bytes(&self, at: Descriptor, len: usize, writing: bool) -> Result<()> {
        let Some(region) = self.memory.get(at.region) else {
            return out_of_range(format!("{:?} was never given or is released", at.region));
        };
        if !at.fits(region.image.len()) || at.len != len as Bytes {
            let held = region.image.len();
            return out_of_range(format!("{at:?} for {len} bytes in a region of {held}"));
        }
        match region.ranges.conflict(&(at.offset..at.offset + at.len), writing) {
            None => Ok(()),
            Some(TransferId(id)) => {
                let call = if writing { "fill" } else { "peek" };
                let context =
                    format!("{call} of {at:?} overlaps transfer {id}, which is in flight");
                Err(Error::new(ErrorKind::Busy, context))
            }
        }
    }

    fn depart(
        &mut self,
        id: TransferId,
        request: &TransferRequest,
        (route, payload): (RouteIndex, Bytes),
        verdict: Verdict,
    ) {
        let operation = self.operation(&request.parts[0]);
        let flight = self.flights.board(id, operation, &request.parts);
        let (latency, jitter_per_mille) = self.schedule.latency(route);
        let jitter_max = latency.0 * u64::from(jitter_per_mille) / 1000;
        let jitter = Nanos(self.draw.up_to(jitter_max, Domain::Jitter, &[operation]));
        let mut service = Service {
            flight,
            route,
            bytes: self.logical(payload),
            latency: latency + jitter,
            hangs: false,
        };
        match verdict {
            Verdict::Proceed | Verdict::Refuse(_) => {}
            Verdict::Hang => service.hangs = true,
            Verdict::Delay(span) => service.latency = service.latency.saturating_add(span),
            Verdict::Fail { parts } => {
                self.flights.get(flight).faults = tidy(parts, request.parts.len());
            }
        }
        let touched = touched(&request.parts, self.capability.alignment);
        let after: Vec<StreamPoint> =
            touched.flat_map(|(at, ..)| self.streams.before(at)).collect();
        if after.is_empty() {
            self.schedule.enter(self.now, service);
        } else {
            self.streams.hold_back(service, after);
        }
    }
}

fn span(at: Descriptor) -> std::ops::Range<usize> {
    at.offset as usize..(at.offset + at.len) as usize
}
