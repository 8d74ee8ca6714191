//! The backend: regions, an agent that knows them, transfers and time.

#[cfg(test)]
mod refused;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod ways;

use super::agent::{Agent, Refused, Transfer};
use super::agents::Agents;
use super::config::NixlConfig;
use super::flights::{Flights, Moving, Seat};
use super::library::{Attestation, Library};
use super::part::{Layout, Packed, Part};
use super::plugin::{Facts, Plugin};
use super::staging::{Sheet, Staging};
use crate::clock::Clock;
use crate::files::io::Desk;
use crate::files::regions::{ALIGNMENT, Region, Regions};
use crate::files::root::Root;
use crate::files::rules::note_mode;
use crate::lend::Memory;
use crate::request::Judge;
use std::marker::PhantomData;
use std::sync::Arc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fallback, Fault, Medium,
    MediumKind, Nanos, RegionId, Result, Route, TransferId, TransferRequest,
};

/// How long a backend that is dropped waits for what is in flight. What does not end by then keeps
/// its memory for good.
const DROP_WAIT: Nanos = Nanos::from_millis(10_000);
/// How often who waits asks without sleeping, and how long it sleeps between later questions.
const EAGER: u32 = 20;
const PAUSE: Nanos = Nanos(50_000);

/// Files beneath one directory, moved by a plugin of NIXL; device and host memory in memory.
///
/// The library is loaded at run time. Each file and each region is registered once. Nothing moves
/// unless somebody calls: every call but `allocate` asks for what is in flight. A request whose
/// deadline has passed when it is submitted fails as `TimedOut`; parts that began run to their end,
/// and until then nobody else touches what they do.
/// Success is not believed: a file must still be long enough, and what has a trailer is verified.
/// A load that began and failed leaves zeros in its target.
///
/// After an error of NIXL's, whose reads and writes may still be on their way, the agent gets nothing
/// new and ends when nothing else moves through it; another one with the same registrations goes on.
/// The failed parts are answered when the agent has ended. With a queue that does not wait for the
/// kernel then, they are never answered, what they touch stays claimed for as long as the process
/// lives, and [`Capability::fallbacks`] says so.
///
/// Files, their confinement and their lock are those of [`Posix`](crate::Posix), in slot files only.
///
/// ```no_run
/// use tierproof_backends::{NixlConfig, NixlPosix};
/// use tierproof_core::Backend;
///
/// let nixl = NixlPosix::open(NixlConfig::new("/var/cache/kv"))?;
/// println!("{} through {}", nixl.name(), nixl.attestation().queue);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
pub struct Nixl<P: Plugin> {
    // Dropped in this order: transfers, their agents, and only then the memory.
    flights: Flights,
    agents: Agents,
    staging: Staging,
    regions: Regions,
    root: Root,
    attestation: Attestation,
    config: NixlConfig,
    capability: Capability,
    submitted: u64,
    judge: Judge,
    desk: Desk,
    clock: Clock,
    plugin: PhantomData<P>,
}

impl<P: Plugin> Nixl<P> {
    /// What offsets in files, strides of slots and trailers are a multiple of: a page.
    pub const ALIGNMENT: Bytes = ALIGNMENT;

    /// Loads the library, opens the plugin and the root directory; the backend's time starts now.
    ///
    /// # Errors
    /// `Unavailable` without the library, the plugin or the root, saying where they were looked for,
    /// `Config` for a setting out of bounds, for a library that others can write to, and where the
    /// environment would choose what NIXL loads, `Exhausted` without memory.
    pub fn open(config: NixlConfig) -> Result<Self> {
        config.examine()?;
        let root = Root::open(&config.root)?;
        let facts = &P::FACTS;
        let library = Library::open(config.library.as_deref(), facts.plugin)?;
        let (agents, fallbacks) = Agents::probe(&library, facts)?;
        let attestation = library.attest(agents.queue());
        let memory = [Route::Direct; 3];
        let capability = Capability {
            routes: [memory, memory, [Route::Direct, Route::Direct, Route::Absent]],
            alignment: ALIGNMENT,
            request_parts_max: config.in_flight_parts_max.min(256),
            request_bytes_max: 1 << 30,
            in_flight_parts_max: config.in_flight_parts_max,
            fallbacks,
        };
        Ok(Self {
            flights: Flights::default(),
            agents,
            staging: Staging::default(),
            regions: Regions::default(),
            root,
            attestation,
            config,
            capability,
            submitted: 0,
            judge: Judge::default(),
            desk: Desk::new()?,
            clock: Clock::start(),
            plugin: PhantomData,
        })
    }

    /// What was loaded, and what the plugin uses.
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    fn agent(&mut self) -> Result<Arc<Agent>> {
        self.agents.current(&self.regions, &self.staging)
    }

    /// Asks how far everything is. A failed transfer ends its agent, and is settled once that proves
    /// that nobody touches its memory any more.
    fn drive(&mut self) {
        for agent in self.flights.drive(&mut self.staging, self.clock.now()) {
            self.agents.retire(&agent);
        }
        self.agents.end_idle(&self.flights);
        if let Some(code) = self.flights.resolve(&mut self.staging, self.clock.now()) {
            let wanted = "an answer to every accepted request";
            let instead = "none where NIXL failed: what it may still touch stays out of use";
            Fallback::new(wanted, instead, code.to_string()).note(&mut self.capability.fallbacks);
        }
    }

    fn send(&mut self, id: TransferId, request: &TransferRequest) -> Result<()> {
        let works = self.regions.works(request)?;
        let mut parts: Vec<Part> = works.into_iter().map(Part::from).collect();
        let facts = &P::FACTS;
        let layouts: Vec<Layout> = parts.iter_mut().map(Part::layout).collect();
        let spans: usize = layouts.iter().map(|layout| spans_of(*layout, facts)).sum();
        let room = self.config.in_flight_parts_max as usize - self.flights.parts();
        if parts.len() > room || spans > facts.spans_in_flight_max - self.flights.spans() {
            let context = format!(
                "{} parts beside {} in flight, and {} at most: poll, then submit again",
                parts.len(),
                self.flights.parts(),
                self.config.in_flight_parts_max
            );
            return Err(Error::new(ErrorKind::Busy, context));
        }
        self.agent()?;
        self.flights.open(id, parts.len());
        let late = self.clock.now() > request.deadline;
        for ((part, layout), index) in parts.into_iter().zip(layouts).zip(0..) {
            let seat = Seat { request: id, part: index };
            if late {
                let fault = Fault::new(ErrorKind::TimedOut);
                self.flights.end(seat, Err(fault), part.into(), self.clock.now());
            } else {
                self.start(seat, part, layout);
            }
        }
        Ok(())
    }

    /// Sends a part on its way, or ends it here.
    fn start(&mut self, seat: Seat, part: Part, layout: Layout) {
        let now = self.clock.now();
        let ready = part.vouch().and_then(|trailer| {
            let failed = |error: Error| Fault::new(error.kind());
            let agent = self.agent().map_err(failed)?;
            let sheet = self.sheet(&agent, layout.staged).map_err(failed)?;
            Ok((agent, sheet, trailer))
        });
        let (agent, sheet, trailer) = match ready {
            Ok(ready) => ready,
            Err(fault) => return self.flights.end(seat, Err(fault), part.into(), now),
        };
        let Packed { rest, file, mut cargo } = part.pack(layout, sheet, trailer);
        if layout.body + layout.staged == 0 {
            // An empty range at a region's end lies in no file.
            let outcome = rest.settle_empty(&mut cargo);
            return self.flights.end(seat, outcome, (file, cargo.memory), now);
        }
        let spans = spans_of(layout, &P::FACTS);
        match Transfer::new(&agent, P::FACTS.span_bytes_max, file, cargo) {
            Ok(mut transfer) => {
                let posted = transfer.post();
                if posted.is_err() {
                    self.agents.retire(&agent);
                }
                self.flights.add(Moving { seat, transfer, rest, spans }, posted);
            }
            Err(refused) => {
                self.agents.retire(&agent);
                let Refused { code, file, cargo } = *refused;
                self.flights.settle(
                    seat,
                    Err(code),
                    Packed { rest, file, cargo },
                    &mut self.staging,
                    now,
                );
            }
        }
    }

    fn sheet(&mut self, agent: &Agent, len: usize) -> Result<Option<Sheet>> {
        if len == 0 {
            return Ok(None);
        }
        let register = |slab: &Memory| self.agents.register_slab(agent, slab);
        self.staging.take(len, register).map(Some)
    }

    /// Asks until something is done or time is up.
    fn wait(&mut self, until: Nanos) {
        let mut asked = 0;
        while !self.flights.has_done() && self.flights.parts() > 0 && self.clock.now() < until {
            self.drive();
            asked += 1;
            if asked < EAGER {
                std::thread::yield_now();
            } else if !self.flights.has_done() {
                self.clock.sleep(self.clock.now().saturating_add(PAUSE).min(until));
            }
        }
    }
}

fn spans_of(layout: Layout, facts: &Facts) -> usize {
    layout.body.div_ceil(facts.span_bytes_max) + layout.staged.div_ceil(facts.span_bytes_max)
}

impl<P: Plugin> Backend for Nixl<P> {
    fn name(&self) -> &'static str {
        P::FACTS.backend
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let id = self.regions.next_id()?;
        let (rules, fallbacks) = (self.config.rules(), &mut self.capability.fallbacks);
        let region = Region::make(&self.root, medium, len, rules, fallbacks)?;
        let agent = self.agent()?;
        self.agents.register(&agent, &region)?;
        self.regions.push(region);
        Ok(id)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.drive();
        let region = self.regions.release(region)?;
        self.agents.forget(&region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.drive();
        self.regions.fill(&mut self.desk, target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.drive();
        self.regions.peek(&mut self.desk, source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.drive();
        let regions = &self.regions;
        let facts = |id| regions.get(id).ok().map(Region::facts);
        let media = self.judge.judge(&self.capability, request, facts)?;
        let id = TransferId(self.submitted);
        match media {
            (MediumKind::File, _) | (_, MediumKind::File) => {
                self.send(id, request)?;
                let (instead, reason) =
                    ("reads and writes of host memory by NIXL", "the plugin is for host memory");
                note_mode(request.mode, instead, reason, &mut self.capability.fallbacks);
            }
            _ => {
                let faults = self.regions.copy(request)?;
                self.flights.add_done(Completion { id, at: self.clock.now(), faults });
            }
        }
        self.submitted += 1;
        Ok(id)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.drive();
        self.flights.take_done(done);
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.wait(until);
        if !self.flights.has_done() {
            self.clock.sleep(until);
        }
        self.clock.now()
    }
}

impl<P: Plugin> Drop for Nixl<P> {
    fn drop(&mut self) {
        let until = self.clock.now().saturating_add(DROP_WAIT);
        let mut unheard = Vec::new();
        while self.flights.parts() > 0 && self.clock.now() < until {
            self.wait(until);
            self.flights.take_done(&mut unheard);
        }
    }
}

impl<P: Plugin> std::fmt::Debug for Nixl<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nixl")
            .field("attestation", &self.attestation)
            .field("config", &self.config)
            .field("parts_in_flight", &self.flights.parts())
            .finish_non_exhaustive()
    }
}
