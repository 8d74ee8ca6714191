//! One run of a case: engine and model in lockstep on a device that misbehaves, until it behaves again.
//!
//! First the operations, with faults. Then the healed phase: faults end, what hangs goes on, and
//! within a deadline everything must come to rest, a fresh request must succeed, and all that was
//! taken of the backend must be given back (L1 to L6, C3).

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use tierproof_core::{Backend, Result};
use tierproof_sim::Sim;
use tierproof_sim::faults::{Duty, FaultClass, FaultEntry, Faulty, Occasion};
use tierproof_sim::shadow::Shadowed;

use crate::lockstep::Law;
use crate::lockstep::driver::{Driver, Finish, Mismatch};
use crate::lockstep::model::Outcome;
use crate::lockstep::plan::{Op, PlanAdd, PlanPrompt, PlanRetention};

use super::breach::Breach;
use super::case::Case;
use super::crash;
use super::museum::{Exhibit, Museum};
use super::observed::Observed;
use super::probed::Probed;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Operations of the plan that were done to engine and model.
    pub ops: u64,
    /// Events that the engine decided and the model predicted.
    pub decisions: u64,
    /// Parts of transfers that the engine asked for.
    pub parts: u64,
    /// A hash of all that was observed: equal cases have equal ones.
    pub trace: u64,
    /// A hash of decisions and outcomes alone, which no backend changes where nothing fails.
    pub decided: u64,
    /// Power cuts.
    pub crashes: u64,
    /// Processes that began on what others had left, or nobody.
    pub recoveries: u64,
    /// Keys that had to be found after a power cut.
    pub owed: u64,
    /// Every fault that struck, by name.
    pub fired: Vec<FaultEntry>,
    /// How often each probe was come by; none in builds without probes.
    pub probes: BTreeMap<&'static str, u64>,
    /// Classes asked for that this backend can't have, and why.
    pub unrealised: BTreeMap<FaultClass, String>,
}

/// How a run ended.
#[derive(Debug, Default)]
pub enum End {
    /// Every law held.
    #[default]
    Sound,
    /// Memory or a file could not be had, and building the engine said so.
    NotBuilt,
    /// The backend as a whole failed, the engine said so, and every law had held until then.
    DeviceLost,
    /// A law broke.
    Broken {
        /// Which.
        breach: Breach,
        /// During which operation, from 0; none before the first and after the last.
        at: Option<usize>,
        /// How, in one line.
        what: String,
        /// The engine's decision log until then.
        log: Vec<String>,
    },
}

impl End {
    /// A law that broke beside the operations.
    pub(super) fn broken(law: Law, what: String) -> Self {
        Self::Broken { breach: Breach::Law(law), at: None, what, log: Vec::new() }
    }
}

impl From<Mismatch> for End {
    fn from(Mismatch { law, at, op, what, log }: Mismatch) -> Self {
        Self::Broken { breach: Breach::Law(law), at, what: format!("{op}: {what}"), log }
    }
}

impl Ran {
    /// What broke.
    #[must_use]
    pub fn broke(&self) -> Option<Breach> {
        match &self.end {
            End::Broken { breach, .. } => Some(*breach),
            _ => None,
        }
    }
}

/// Runs a case on a backend of its own.
///
/// # Errors
/// What the plan of faults is refused with.
pub fn run<B: Backend>(case: &Case, backend: B) -> Result<Ran> {
    run_with(case, backend, None)
}

/// The same, perhaps with an exhibit between the engine and all that the run knows of the backend.
fn run_with<B: Backend>(case: &Case, backend: B, exhibit: Option<&Exhibit>) -> Result<Ran> {
    let mut faulty = Faulty::new(backend, &case.faults)?;
    let mut ran = Ran::default();
    let probed = Probed::begin(case.device.seed);
    // A panic is a breach as any other, and the faults that led to it are to be known.
    let driven = AssertUnwindSafe(|| {
        let shadowed = Shadowed::new(&mut faulty);
        match exhibit {
            None => drive(case, shadowed, &mut ran),
            Some(exhibit) => drive(case, Museum::new(exhibit, shadowed), &mut ran),
        }
    });
    ran.end = panic::catch_unwind(driven).unwrap_or_else(|panicked| End::Broken {
        breach: Breach::PANIC,
        at: None,
        what: said(&*panicked),
        log: Vec::new(),
    });
    ran.probes = probed.end();
    ran.fired = faulty.fired().to_vec();
    ran.unrealised = faulty.unrealised().clone();
    if !case.crashes.is_empty() {
        for class in FaultClass::ALL.iter().filter(|class| class.needs_power_cut()) {
            let why = "the case crashes, and only the simulator's power can be cut";
            ran.unrealised.entry(*class).or_insert_with(|| why.to_owned());
        }
    }
    let struck = |duty| move |entry: &FaultEntry| entry.class.duty() == duty;
    match &ran.end {
        // An engine that can't be had is what a failed allocation should come to.
        End::Broken { at: None, breach: Breach::Law(_), .. } if ran.ops == 0 => {
            let allocations = ran.fired.iter().filter(|fired| struck(Duty::TypedError)(fired));
            if allocations.filter(|fired| fired.class.occasion() == Occasion::Allocate).count() > 0
            {
                ran.end = End::NotBuilt;
            }
        }
        End::DeviceLost if !ran.fired.iter().any(struck(Duty::TypedError)) => {
            let what = "the engine says that the device is lost, and it is not";
            ran.end = End::broken(Law::S5, what.to_owned());
        }
        _ => {}
    }
    Ok(ran)
}

/// Runs a case on the simulator that it describes.
///
/// # Errors
/// What the case's settings are refused with.
pub fn simulate(case: &Case) -> Result<Ran> {
    if !case.crashes.is_empty() {
        return crash::simulate(case);
    }
    run(case, Sim::new(case.device.config())?)
}

/// The same with an exhibit.
pub(super) fn simulate_with(case: &Case, exhibit: &Exhibit) -> Result<Ran> {
    run_with(case, Sim::new(case.device.config())?, Some(exhibit))
}

fn drive<D: Observed>(case: &Case, device: D, ran: &mut Ran) -> End {
    let mut driver = match Driver::new(&case.config, case.setup, device) {
        Ok(driver) => driver,
        Err(mismatch) => return mismatch.into(),
    };
    let end = operate(case, &mut driver, ran).and_then(|()| heal(&mut driver));
    ran.note(&driver);
    let end = end.and_then(|()| driver.finish().map_err(Stop::from));
    match end {
        Ok(Finish::Closed(_)) => End::Sound,
        Ok(Finish::DeviceLost) | Err(Stop::DeviceLost) => End::DeviceLost,
        Err(Stop::Broken(end)) => end,
    }
}

/// Why a run goes no further.
enum Stop {
    DeviceLost,
    Broken(End),
}

impl From<Mismatch> for Stop {
    fn from(mismatch: Mismatch) -> Self {
        Self::Broken(mismatch.into())
    }
}

fn operate<D: Observed>(case: &Case, driver: &mut Driver<D>, ran: &mut Ran) -> Result<(), Stop> {
    for op in &case.ops {
        apply(driver, op)?;
        ran.ops += 1;
    }
    Ok(())
}

/// One operation, to both, and what the shadow says of it.
fn apply<D: Observed>(driver: &mut Driver<D>, op: &Op) -> Result<Outcome, Stop> {
    let outcome = driver.apply(op)?;
    if let Some(hazard) = driver.engine().backend().inner().hazards().first() {
        return Err(broken(driver, Law::S3, op, &hazard.to_string()));
    }
    if outcome == Outcome::DeviceLost { Err(Stop::DeviceLost) } else { Ok(outcome) }
}

/// The liveness phase.
fn heal<D: Observed>(driver: &mut Driver<D>) -> Result<(), Stop> {
    driver.backend_mut().heal();
    let live: Vec<u64> = driver.model().requests.keys().copied().collect();
    let pins = 0..driver.model().pins.len();
    for op in pins.map(|pin| Op::Unpin { pin }).chain(live.into_iter().map(removal)) {
        apply(driver, &op)?;
    }
    if driver.rest()? == Outcome::DeviceLost {
        return Err(Stop::DeviceLost);
    }
    let request = u64::MAX;
    for op in [Op::Add(newcomer(request)), Op::Settle { request }] {
        succeed(driver, &op)?;
    }
    for window in 0..driver.model().windows.len() {
        fare(driver, request, window)?;
    }
    succeed(driver, &removal(request))
}

/// What nothing stands in the way of is done.
fn succeed<D: Observed>(driver: &mut Driver<D>, op: &Op) -> Result<(), Stop> {
    match apply(driver, op)? {
        Outcome::Done => Ok(()),
        outcome => {
            let what = format!("once all is well a fresh request is answered {outcome:?}");
            Err(broken(driver, Law::L3, op, &what))
        }
    }
}

/// The first block of a request goes down and comes back, where there is room, and is not lost. An
/// engine takes a failed transfer for a miss, so that nothing else tells that nothing moves any more.
fn fare<D: Observed>(driver: &mut Driver<D>, request: u64, window: usize) -> Result<(), Stop> {
    let block = driver.model().windows[window].held[&request].blocks[0][0];
    let (lost, known) = (format!("lost {window} {block}"), driver.log().len());
    let index = 0;
    for op in [Op::Offload { request, window, index }, Op::Onboard { request, window, index }] {
        apply(driver, &op)?;
        succeed(driver, &Op::Settle { request })?;
        if driver.log()[known..].contains(&lost) {
            let what = "once all is well a fresh block is lost on its way";
            return Err(broken(driver, Law::L3, &op, what));
        }
    }
    Ok(())
}

fn broken<D: Observed>(driver: &Driver<D>, law: Law, op: &Op, what: &str) -> Stop {
    let what = format!("{op:?}: {what}");
    Stop::Broken(End::Broken {
        breach: Breach::Law(law),
        at: None,
        what,
        log: driver.log().to_vec(),
    })
}

/// What a panic said.
pub(super) fn said(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn removal(request: u64) -> Op {
    Op::Remove { request }
}

/// A request of one block that nobody has computed.
pub(super) fn newcomer(request: u64) -> PlanAdd {
    let prompt = PlanPrompt::Hashes(vec![u64::MAX]);
    let retention = PlanRetention::default();
    PlanAdd { request, prompt, beams: 1, cross_attention: false, retention }
}

impl Ran {
    fn note<D: Observed>(&mut self, driver: &Driver<D>) {
        self.decisions = driver.log().len() as u64;
        self.parts = driver.engine().backend().traffic().parts;
        (self.trace, self.decided) = (driver.trace_digest(), driver.decisions_digest());
    }
}
