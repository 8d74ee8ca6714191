//! The backend: regions, an agent that knows them, transfers and time.

#[cfg(test)]
mod refused;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod ways;

use super::agent::Agent;
use super::agents::{Agents, Found};
use super::budget::Budget;
use super::config::NixlConfig;
#[cfg(feature = "cuda")]
use super::device_lane::DeviceLane;
use super::host_lane::HostLane;
use super::library::Attestation;
use super::part::Part;
use super::plugin::{Opening, Plugin, StopKind};
use super::yard::{Held, Yard};
use crate::clock::{Clock, Patience};
use crate::files::io::Desk;
use crate::files::regions::{ALIGNMENT, Region, Regions};
use crate::files::root::Root;
use crate::files::rules::note_mode;
use crate::ledger::Ledger;
use crate::request::Judge;
use std::marker::PhantomData;
use std::sync::Arc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fallback, Medium,
    MediumKind, Nanos, RegionId, Result, Route, TransferId, TransferRequest,
};

/// How long a backend that is dropped waits for what is in flight. What does not end by then keeps
/// its memory for good.
const DROP_WAIT: Nanos = Nanos::from_millis(10_000);

/// Files beneath one directory, moved by a plugin of NIXL. Device regions are in a GPU's memory where the
/// settings name one, else in host memory, as host regions are.
///
/// The library is loaded at run time. Each file and each region is registered once. Nothing moves
/// unless somebody calls: every call but `allocate` asks for what is in flight. A request whose
/// deadline has passed when it is submitted fails as `TimedOut`; parts that began run to their end,
/// and until then nobody else touches what they do.
/// Success is not believed: a file must still be long enough, and what has a trailer is verified.
/// A load that began and failed leaves zeros in its target.
///
/// What goes between a GPU's memory and a file stops on its way in a buffer of ours: in the GPU's memory,
/// from where the plugin takes it, or in pinned host memory where the plugin can't. There it is verified, so
/// refused bytes never reach a block, and neighbours in a file are moved as one.
///
/// After an error of NIXL's, whose reads and writes may still be on their way, the agent gets nothing
/// new and ends when nothing else moves through it; another one with the same registrations goes on. So
/// does another one when a transfer has no answer at its deadline.
/// The failed parts are answered when the agent has ended, or at once where the plugin tells errors only at
/// the end. Where nothing proves an end, parts of host memory and stores are never answered, what they
/// touch stays claimed for as long as the process lives, and [`Capability::fallbacks`] says so.
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
    host: HostLane,
    #[cfg(feature = "cuda")]
    pub(super) device: Option<DeviceLane>,
    agents: Agents,
    budget: Budget,
    ledger: Ledger<Held>,
    pub(super) regions: Regions,
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

    /// Loads the library, opens the plugin and the root directory, and with a GPU tries one small transfer;
    /// the backend's time starts now.
    ///
    /// # Errors
    /// `Unavailable` without the library, the plugin, the GPU or the root, saying where they were looked
    /// for, `Config` for a setting out of bounds, for a library that others can write to, and where the
    /// environment would choose what NIXL loads, `Exhausted` without memory.
    pub fn open(config: NixlConfig) -> Result<Self> {
        let facts = &P::FACTS;
        config.examine()?;
        if facts.needs_gpu && config.gpu.is_none() {
            let context = format!(
                "the {} backend moves a GPU's memory: name a GPU in the settings, or choose nixl-posix",
                facts.backend
            );
            return Err(Error::new(ErrorKind::Config, context));
        }
        let root = Root::open(&config.root)?;
        #[cfg(feature = "cuda")]
        let gpu = config.gpu.map(crate::cuda::Gpu::open).transpose()?;
        #[cfg(not(feature = "cuda"))]
        if config.gpu.is_some() {
            let context = "built without GPUs: build with the feature gds";
            return Err(Error::new(ErrorKind::Unavailable, context));
        }
        let trial = |agent: &Arc<Agent>, way: &Opening| -> Result<()> {
            #[cfg(feature = "cuda")]
            if let Some(gpu) = &gpu {
                return super::trial::run(agent, way, &root, config.rules(), gpu);
            }
            let _ = (agent, way);
            Ok(())
        };
        let Found { agents, attestation, fallbacks } =
            Agents::probe(config.library.as_deref(), facts, trial)?;
        let way = agents.way();
        #[cfg_attr(not(feature = "cuda"), expect(unused_mut, reason = "there is no route to note"))]
        let mut backend = Self {
            host: HostLane::new(),
            #[cfg(feature = "cuda")]
            device: gpu.map(|gpu| DeviceLane::new(gpu, way)),
            budget: Budget::new(way.transfers_in_flight_max, way.spans_in_flight_max, way.shared),
            capability: capability(&config, way, fallbacks),
            agents,
            ledger: Ledger::default(),
            regions: Regions::default(),
            root,
            attestation,
            config,
            submitted: 0,
            judge: Judge::default(),
            desk: Desk::new()?,
            clock: Clock::start(),
            plugin: PhantomData,
        };
        #[cfg(feature = "cuda")]
        backend.note_route();
        Ok(backend)
    }

    /// What was loaded, and what the plugin uses.
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    /// Asks how far everything is. A failed transfer ends its agent, and is settled once that proves
    /// that nobody touches its memory any more.
    pub(super) fn drive(&mut self) {
        let mut yard = Yard {
            agents: &mut self.agents,
            ledger: &mut self.ledger,
            budget: &self.budget,
            now: self.clock.now(),
        };
        let news = self.host.drive(&mut yard);
        for agent in &news.failed {
            yard.agents.retire(agent);
        }
        #[cfg(feature = "cuda")]
        let mut lost = self.device.as_mut().and_then(|device| device.drive(&mut yard));
        #[cfg(not(feature = "cuda"))]
        let mut lost = None;
        let host = &self.host;
        #[cfg(feature = "cuda")]
        let device = &self.device;
        yard.agents.end_idle(|agent| {
            #[cfg(feature = "cuda")]
            if device.as_ref().is_some_and(|device| device.uses(agent)) {
                return true;
            }
            host.uses(agent)
        });
        lost = self.host.resolve(news, &mut yard).or(lost);
        if let Some(code) = lost {
            let wanted = "an answer to every accepted request";
            let instead = "none where NIXL failed: what it may still touch stays out of use";
            Fallback::new(wanted, instead, code.to_string()).note(&mut self.capability.fallbacks);
        }
    }

    /// Parts that have not ended.
    fn parts(&self) -> usize {
        #[cfg(feature = "cuda")]
        let device = self.device.as_ref().map_or(0, DeviceLane::parts);
        #[cfg(not(feature = "cuda"))]
        let device = 0;
        self.host.parts() + device
    }

    fn send(&mut self, id: TransferId, request: &TransferRequest) -> Result<()> {
        self.regions.examine_places(request)?;
        #[cfg(feature = "cuda")]
        self.regions.examine_pieces(request)?;
        let (parts, in_flight) = (request.parts.len(), self.parts());
        if parts > (self.config.in_flight_parts_max as usize).saturating_sub(in_flight) {
            let max = self.config.in_flight_parts_max;
            let context = format!(
                "{parts} parts beside {in_flight} in flight, and {max} at most: poll, then submit again"
            );
            return Err(Error::new(ErrorKind::Busy, context));
        }
        let mut yard = Yard {
            agents: &mut self.agents,
            ledger: &mut self.ledger,
            budget: &self.budget,
            now: self.clock.now(),
        };
        #[cfg(feature = "cuda")]
        if let Some(device) = &mut self.device
            && self.regions.on_device(request)
        {
            device.send(id, request, &self.regions, &mut yard)?;
            self.drive();
            return Ok(());
        }
        let parts = self.regions.works(request)?.into_iter().map(Part::from).collect();
        self.host.send(id, parts, request.deadline, &mut yard)
    }

    fn try_submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let regions = &self.regions;
        let facts = |id| regions.get(id).ok().map(Region::facts);
        let media = self.judge.judge(&self.capability, request, facts)?;
        let id = TransferId(self.submitted);
        match media {
            (MediumKind::File, _) | (_, MediumKind::File) => {
                self.send(id, request)?;
                self.note_mode(request);
            }
            _ if self.copies_by_gpu(request) => self.send(id, request)?,
            _ => {
                let faults = self.regions.copy(request)?;
                self.ledger.add_done(Completion { id, at: self.clock.now(), faults });
            }
        }
        self.submitted += 1;
        Ok(id)
    }

    /// Whether a request between memories touches the GPU.
    fn copies_by_gpu(&self, request: &TransferRequest) -> bool {
        #[cfg(feature = "cuda")]
        return self.regions.on_device(request);
        #[cfg(not(feature = "cuda"))]
        {
            let _ = request;
            false
        }
    }

    /// Makes a region's memory or files.
    fn make(&mut self, medium: &Medium, len: Bytes) -> Result<Region> {
        #[cfg(feature = "cuda")]
        if let Some(device) = &mut self.device {
            match medium {
                Medium::Device { ordinal } => {
                    return Ok(Region::Device(device.pools.device(*ordinal, len)?));
                }
                Medium::Host => {
                    return Ok(Region::Memory(MediumKind::Host, device.pools.host(len)?));
                }
                Medium::File(_) => {}
            }
        }
        let (rules, fallbacks) = (self.config.rules(), &mut self.capability.fallbacks);
        Region::make(&self.root, medium, len, rules, fallbacks)
    }

    /// Says so where a request's way to files is not the one that it asked for.
    fn note_mode(&mut self, request: &TransferRequest) {
        if self.config.gpu.is_none() {
            let (instead, reason) =
                ("reads and writes of host memory by NIXL", "the plugin is for host memory");
            note_mode(request.mode, instead, reason, &mut self.capability.fallbacks);
        }
    }

    /// Says so where the plugin reaches files by way of host memory.
    #[cfg(feature = "cuda")]
    fn note_route(&mut self) {
        if self.device.is_none() || self.agents.way().stops == StopKind::Host {
            return;
        }
        if let Err(fallback) = super::compat::direct() {
            let [device, file] = [MediumKind::Device, MediumKind::File].map(|kind| kind as usize);
            self.capability.routes[device][file] = Route::Staged;
            self.capability.routes[file][device] = Route::Staged;
            fallback.note(&mut self.capability.fallbacks);
        }
    }

    /// Asks until something is done or time is up.
    fn wait(&mut self, until: Nanos) {
        let mut patience = Patience::default();
        while !self.ledger.has_done() && self.parts() > 0 && self.clock.now() < until {
            self.drive();
            if !self.ledger.has_done() {
                patience.pause(self.clock, until);
            }
        }
    }
}

/// What a way can do. A request never needs more descriptors than there may ever be.
fn capability(config: &NixlConfig, way: &Opening, fallbacks: Vec<Fallback>) -> Capability {
    let spans = way.spans_in_flight_max;
    let file = match (config.gpu, way.stops) {
        (Some(_), StopKind::Host) => Route::Staged,
        _ => Route::Direct,
    };
    let memory = [Route::Direct; 2];
    let [to_device, to_host] = memory;
    Capability {
        routes: [
            [to_device, to_host, file],
            [to_device, to_host, Route::Direct],
            [file, Route::Direct, Route::Absent],
        ],
        alignment: ALIGNMENT,
        request_parts_max: config
            .in_flight_parts_max
            .min(256)
            .min((spans / 4) as u32)
            .min(way.transfers_in_flight_max as u32),
        request_bytes_max: ((spans / 2) as Bytes * way.span_bytes_max as Bytes).min(1 << 30),
        in_flight_parts_max: config.in_flight_parts_max,
        fallbacks,
    }
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
        let region = self.make(medium, len)?;
        if let Err(error) = self.agents.register(&region) {
            // One of several files may be registered already.
            self.agents.forget(&region);
            return Err(error);
        }
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
        // Asking for all that is in flight costs more than a submit, so only where something is in the way.
        // A refused submit has no effect and can be tried again.
        match self.try_submit(request) {
            Err(error) if error.kind() == ErrorKind::Busy => {
                self.drive();
                self.try_submit(request)
            }
            submitted => submitted,
        }
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.regions.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.drive();
        self.ledger.take_done(done);
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.wait(until);
        if !self.ledger.has_done() {
            self.clock.sleep(until);
        }
        self.clock.now()
    }
}

impl<P: Plugin> Drop for Nixl<P> {
    fn drop(&mut self) {
        let until = self.clock.now().saturating_add(DROP_WAIT);
        let mut unheard = Vec::new();
        while self.parts() > 0 && self.clock.now() < until {
            self.wait(until);
            self.ledger.take_done(&mut unheard);
        }
        // Before the memory that they have registered, which otherwise nobody ever frees.
        let clock = self.clock;
        if !self.agents.close(|| clock.now() > until) {
            std::mem::forget(std::mem::take(&mut self.regions));
            std::mem::forget(std::mem::replace(&mut self.host, HostLane::new()));
        }
    }
}

impl<P: Plugin> std::fmt::Debug for Nixl<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nixl")
            .field("attestation", &self.attestation)
            .field("config", &self.config)
            .field("parts_in_flight", &self.parts())
            .finish_non_exhaustive()
    }
}
