//! The simulator: what there is to it beyond being a backend.

use crate::config::SimConfig;
use crate::draw::{Domain, Draw};
use crate::fault::{FaultSource, NoFaults};
use crate::flight::Flights;
use crate::judge::out_of_range;
use crate::memory::Memory;
use crate::profile::Profile;
use crate::schedule::Schedule;
use crate::streams::Streams;
use std::fmt;
use tierproof_core::{Bytes, Capability, ErrorKind, Fault, Nanos, Part, Result, Route, TransferId};

/// A call that no correct caller makes. It was refused and had no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// When, in virtual time.
    pub at: Nanos,
    /// The kind of the error that it was answered with.
    pub kind: ErrorKind,
    /// What overlapped, left its region, or was wrong otherwise.
    pub what: String,
}

/// A deterministic device with real bytes in virtual time.
///
/// Equal configurations, calls and verdicts give equal bytes, completions and times, on every
/// machine. See the [crate] for the rules.
///
/// ```
/// use tierproof_core::{Backend, Descriptor, Medium, Nanos, Part, TransferRequest};
/// use tierproof_sim::{Sim, SimConfig};
///
/// let mut sim = Sim::new(SimConfig::default())?;
/// let device = sim.allocate(&Medium::Device { ordinal: 0 }, 4096)?;
/// let host = sim.allocate(&Medium::Host, 4096)?;
/// let source = Descriptor { region: device, offset: 0, len: 4096 };
/// let target = Descriptor { region: host, ..source };
/// sim.fill(source, &[7; 4096])?;
/// let part = Part { source, target, rows: None, check: None, seal: None };
/// sim.submit(&TransferRequest { parts: vec![part], ..Default::default() })?;
///
/// // 8 300 ns of latency, then 4096 bytes at 54.8 GB/s.
/// assert_eq!(sim.park(Nanos::MAX), Nanos(8_375));
/// let mut done = Vec::new();
/// sim.poll(&mut done)?;
/// assert!(done[0].faults.is_empty());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
pub struct Sim {
    pub(crate) capability: Capability,
    pub(crate) scale: u64,
    pub(crate) draw: Draw,
    pub(crate) now: Nanos,
    pub(crate) schedule: Schedule,
    pub(crate) memory: Memory,
    pub(crate) flights: Flights,
    pub(crate) streams: Streams,
    /// Ended, by time and then by draw, and not yet polled.
    pub(crate) done: Vec<Ended>,
    pub(crate) faults: Box<dyn FaultSource>,
    /// The id of the next request.
    pub(crate) next_id: u64,
    misuses: Vec<Misuse>,
    pub(crate) profile: Profile,
    /// Room for the flights that end at one instant.
    ended: Vec<u32>,
}

/// A flight that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ended {
    pub(crate) at: Nanos,
    order: u64,
    pub(crate) id: TransferId,
    pub(crate) flight: u32,
}

impl Sim {
    /// A device on which nothing fails.
    ///
    /// # Errors
    /// `Config`, naming the setting.
    pub fn new(config: SimConfig) -> Result<Self> {
        Self::with_faults(config, NoFaults)
    }

    /// A device on which `faults` decides what fails.
    ///
    /// # Errors
    /// `Config`, naming the setting.
    pub fn with_faults(config: SimConfig, faults: impl FaultSource + 'static) -> Result<Self> {
        config.validate()?;
        let draw = Draw::new(config.seed);
        Ok(Self {
            capability: capability(&config),
            scale: config.scale,
            draw,
            now: Nanos::ZERO,
            schedule: Schedule::new(&config.profile),
            memory: Memory::new(&config),
            flights: Flights::default(),
            streams: Streams::default(),
            done: Vec::new(),
            faults: Box::new(faults),
            next_id: 0,
            misuses: Vec::new(),
            profile: config.profile,
            ended: Vec::new(),
        })
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Requests accepted whose completion was not yet polled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.count()
    }

    /// Every misuse so far. An engine that fences its transfers leaves this empty.
    #[must_use]
    pub fn misuses(&self) -> &[Misuse] {
        &self.misuses
    }

    /// Lets a request that hangs go on from now, as if its service began now.
    ///
    /// # Errors
    /// `OutOfRange` if no request of this id hangs.
    pub fn unhang(&mut self, id: TransferId) -> Result<()> {
        let flight = self.flights.find(id);
        let (schedule, streams) = (&mut self.schedule, &mut self.streams);
        let mut unhang = |flight| schedule.unhang(self.now, flight) || streams.unhang(flight);
        if flight.is_some_and(&mut unhang) {
            return Ok(());
        }
        out_of_range(format!("transfer {} does not hang", id.0))
    }

    /// Notes a misuse, where `result` is one.
    pub(crate) fn watch<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            let what = error.to_string();
            self.misuses.push(Misuse { at: self.now, kind: error.kind(), what });
        }
        result
    }

    /// Does all that happens until `until`, or until something has ended.
    pub(crate) fn run(&mut self, until: Nanos) {
        while self.done.is_empty() {
            match self.next().filter(|&next| next <= until) {
                Some(next) => self.run_instant(next),
                None => break,
            }
        }
    }

    /// Does all that happens now.
    pub(crate) fn settle(&mut self) {
        while self.next().is_some_and(|next| next <= self.now) {
            self.run_instant(self.now);
        }
    }

    /// When something happens next of itself.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.schedule.next().into_iter().chain(self.streams.next()).min()
    }

    /// Does all that happens at `now`.
    pub(crate) fn run_instant(&mut self, now: Nanos) {
        self.now = now;
        let mut ended = std::mem::take(&mut self.ended);
        self.schedule.run(now, &mut ended);
        let first = self.done.len();
        for flight in ended.drain(..) {
            self.end(flight);
        }
        self.ended = ended;
        self.done[first..].sort_unstable();
        self.turn();
    }

    /// Moves the bytes of a flight. No transfer and no host could touch its ranges since it was
    /// accepted, so that this is the same as if it had read its sources when its service began. A
    /// kernel that nothing orders could.
    fn end(&mut self, number: u32) {
        let flight = self.flights.get(number);
        let id = flight.id.expect("it was boarded");
        let planned = std::mem::take(&mut flight.faults);
        let mut planned = planned.into_iter().peekable();
        for (index, part) in (0..).zip(&flight.parts) {
            let outcome = match planned.next_if(|(failed, _)| *failed == index) {
                Some((_, fault)) => {
                    self.memory.spoil(part, flight.operation, index);
                    Err(fault)
                }
                None => self.memory.execute(part),
            };
            if let Err(fault) = outcome {
                flight.faults.push((index, fault));
            }
        }
        let order = self.draw.at(Domain::Order, &[flight.operation]);
        self.done.push(Ended { at: self.now, order, id, flight: number });
    }

    /// Names a request by where it goes and how often something went there before, so that a
    /// request that is left out changes no other's draws.
    pub(crate) fn operation(&mut self, part: &Part) -> u64 {
        let (source, target) = (part.source, part.target);
        let visit = self.memory.get_mut(target.region).map_or(0, |at| at.visit(target.offset));
        let subject = [
            target.region.0.into(),
            target.offset,
            source.region.0.into(),
            source.offset,
            visit.into(),
        ];
        self.draw.at(Domain::Operation, &subject)
    }

    /// Logical bytes of a payload.
    pub(crate) fn logical(&self, payload: Bytes) -> Bytes {
        payload.saturating_mul(self.scale)
    }
}

/// The faults that a fault source may give: of parts that exist, one each, in order.
pub(crate) fn tidy(mut faults: Vec<(u32, Fault)>, parts: usize) -> Vec<(u32, Fault)> {
    faults.retain(|(part, _)| (*part as usize) < parts);
    faults.sort_by_key(|(part, _)| *part);
    faults.dedup_by_key(|(part, _)| *part);
    faults
}

fn capability(config: &SimConfig) -> Capability {
    let mut routes = [[Route::Absent; 3]; 3];
    for (_, source, target, route) in config.profile.routes.all() {
        if route.is_some() {
            routes[source as usize][target as usize] = Route::Direct;
        }
    }
    Capability {
        routes,
        alignment: config.alignment,
        request_parts_max: config.request_parts_max,
        request_bytes_max: config.request_bytes_max,
        in_flight_parts_max: config.in_flight_parts_max,
        fallbacks: Vec::new(),
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, in_flight) = (self.now, self.in_flight());
        f.debug_struct("Sim")
            .field("now", &now)
            .field("in_flight", &in_flight)
            .finish_non_exhaustive()
    }
}
