//! All processes of a case, one after the other: each recovers, goes on with what is to be done, and dies;
//! the last one comes to rest and closes.

use std::panic::{self, AssertUnwindSafe};

use tierproof_core::{Backend, Error, ErrorKind, Nanos, Result};
use tierproof_sim::Sim;
use tierproof_sim::faults::{Duty, FaultClass, FaultEntry, Faulty};

use crate::draw::fold;
use crate::explore::probed::Probed;
use crate::explore::run::{End, Ran, newcomer, said};
use crate::explore::{Breach, Case};
use crate::lockstep::driver::act;
use crate::lockstep::model::Outcome;
use crate::lockstep::plan::Op;
use crate::lockstep::{Broken, Law};

use super::audit::Audit;
use super::ledger::Ledger;
use super::mortal::Mortal;
use super::point::Crash;
use super::powered::Powered;
use super::process::{self, Process};
use super::texts::Texts;

/// At the end late transfers have so long to end, in the backend's time.
const PATIENCE: Nanos = Nanos::from_millis(600_000);
const FRESH: u64 = u64::MAX;

/// Runs a case that crashes on the simulator that it describes.
pub(in crate::explore) fn simulate(case: &Case) -> Result<Ran> {
    endure(case, Faulty::with_power(Sim::new(case.device.config())?, &case.faults)?)
}

/// Runs a case that crashes on a device of its own.
///
/// # Errors
/// `Config` for a case that can't be run.
pub fn endure<D: Powered>(case: &Case, mut device: D) -> Result<Ran> {
    case.validate()?;
    let mut ran = Ran::default();
    let probed = Probed::begin(case.device.seed);
    let lived = AssertUnwindSafe(|| {
        let (ledger, texts) = (Ledger::default(), Texts::default());
        let mut trial = Trial { case, device: &mut device, ledger, texts, ran: &mut ran, next: 0 };
        let end = trial.run();
        end.unwrap_or_else(|Broken { law, what }| trial.broken(law, what))
    });
    ran.end = panic::catch_unwind(lived).unwrap_or_else(|panicked| End::Broken {
        breach: Breach::PANIC,
        at: None,
        what: said(&*panicked),
        log: Vec::new(),
    });
    ran.probes = probed.end();
    ran.fired = device.fired().to_vec();
    ran.unrealised = device.unrealised().clone();
    Ok(ran)
}

/// How a process ended.
enum Fate {
    /// It did not begin: memory or a file could not be had.
    Unborn,
    /// At its point, with its device, or for want of something to do.
    Died,
    /// It gave everything back.
    Closed,
}

struct Trial<'a, D: Powered> {
    case: &'a Case,
    device: &'a mut D,
    ledger: Ledger,
    texts: Texts,
    ran: &'a mut Ran,
    /// The next operation.
    next: usize,
}

impl<D: Powered> Trial<'_, D> {
    fn run(&mut self) -> Result<End, Broken> {
        for crash in &self.case.crashes {
            self.live(*crash, false)?;
            if !self.die()? {
                return Ok(End::NotBuilt);
            }
        }
        let every = self.case.crashes.last().map_or(0, |crash| crash.publish_every);
        let last = Crash { calls: u64::MAX, publish_every: every };
        if !matches!(self.live(last, true)?, Fate::Closed) {
            if !self.die()? {
                return Ok(End::NotBuilt);
            }
            self.device.heal();
            self.next = self.case.ops.len();
            match self.live(last, true)? {
                Fate::Closed => {}
                Fate::Unborn => return Ok(End::NotBuilt),
                Fate::Died => {
                    return Err(Law::L3.broken("once all is well the device is lost again"));
                }
            }
        }
        Ok(if self.die()? { End::Sound } else { End::NotBuilt })
    }

    /// One process, to its death, or to its end if it is the `last`.
    fn live(&mut self, crash: Crash, last: bool) -> Result<Fate, Broken> {
        let struck_before = self.device.fired().len();
        let mortal = Mortal::new(&mut *self.device, &mut self.ledger, crash.calls);
        let mut process = match Process::begin(mortal, self.case, process::config(self.case)) {
            Ok(process) => process,
            Err(error) => return self.unborn(&error, struck_before),
        };
        self.ran.recoveries += 1;
        let mut end = Ok(Fate::Died);
        let done = operate(self.case, &mut self.next, crash, &mut process, &mut self.texts);
        let outcome = done.and_then(|outcome| match outcome {
            Outcome::Done if last => retire(&mut process, &mut self.texts),
            outcome => Ok(outcome),
        });
        let is_dead = process.engine.backend().is_dead();
        let recovery = process.recovery();
        let backend = process.engine.backend();
        let words =
            [recovery.found, recovery.epoch, process.decided(), backend.trace(), self.next as u64];
        self.ran.trace = words.into_iter().fold(self.ran.trace, fold);
        self.ran.decided = fold(self.ran.decided, process.decided());
        self.ran.decisions += process.events();
        self.ran.parts += backend.parts();
        self.ran.ops = self.next as u64;
        if is_dead {
            return end;
        }
        backend.check()?;
        match outcome? {
            Outcome::DeviceLost => {
                drop(process);
                self.excuse_loss()?;
            }
            _ if last => {
                let closed = process.engine.close();
                let broken = |error: Error| Law::L6.broken(format!("it does not close: {error}"));
                closed.map_err(broken)?.end()?;
                end = Ok(Fate::Closed);
            }
            _ => {}
        }
        end
    }

    /// A process that could not begin: dead already, or told why it can't be.
    fn unborn(&self, error: &Error, struck_before: usize) -> Result<Fate, Broken> {
        let struck = &self.device.fired()[struck_before..];
        let refused = |entry: &FaultEntry| matches!(entry.class, FaultClass::F36 | FaultClass::G09);
        match error.kind() {
            // Nothing else is asked of the device before there are requests.
            ErrorKind::Device => Ok(Fate::Died),
            ErrorKind::Exhausted if struck.iter().any(refused) => Ok(Fate::Unborn),
            ErrorKind::Config if self.ledger.may_be_foreign() => Ok(Fate::Unborn),
            _ => Err(Law::S9.broken(format!("what a crash left can't be recovered: {error}"))),
        }
    }

    fn excuse_loss(&self) -> Result<(), Broken> {
        let struck = self.device.fired().iter();
        let lost = struck.filter(|entry| entry.class.duty() == Duty::TypedError).count() > 0;
        Law::S5.holds(lost, || "the engine says that the device is lost, and it is not".to_owned())
    }

    /// The power is cut, and what is left is audited. False if an index can't be told from a foreign one.
    fn die(&mut self) -> Result<bool, Broken> {
        self.device.power_cut();
        self.ledger.died();
        self.ran.crashes += 1;
        self.ran.owed += self.ledger.len() as u64;
        let audit = Audit::new(self.case, &self.ledger, &mut self.texts);
        let found = audit.run(self.device.sim())?;
        self.ran.trace = fold(self.ran.trace, found.unwrap_or(u64::MAX));
        Ok(found.is_some())
    }

    fn broken(&self, law: Law, what: String) -> End {
        let at = self.next.checked_sub(1);
        End::Broken { breach: Breach::Law(law), at, what, log: Vec::new() }
    }
}

type Mortals<'a, D> = Process<Mortal<'a, D>>;

/// What is to be done, until it is done or the process is dead.
fn operate<D: Powered>(
    case: &Case,
    next: &mut usize,
    crash: Crash,
    process: &mut Mortals<'_, D>,
    texts: &mut Texts,
) -> Result<Outcome, Broken> {
    for op in &case.ops[*next..] {
        *next += 1;
        let outcome = process.apply(op, texts)?;
        process.engine.backend().check()?;
        if outcome == Outcome::DeviceLost {
            return Ok(outcome);
        }
        let due = (*next as u64).checked_rem(crash.publish_every.into()) == Some(0);
        let drained = *op == Op::Drain;
        if (due || drained) && publish(process, drained)? == Outcome::DeviceLost {
            return Ok(Outcome::DeviceLost);
        }
    }
    Ok(Outcome::Done)
}

/// Where nothing is under way and nothing has failed, all that came to disk must be published. Else the slot
/// of a block that was given up may still hold what it held, and only the engine knows.
fn publish<D: Powered>(process: &mut Mortals<'_, D>, drained: bool) -> Result<Outcome, Broken> {
    let answer = process.engine.publish().map(drop);
    let whole = drained && process.engine.transfer_stats().failed == 0;
    let held = process.published();
    let holds = |slot| whole || held.contains(&slot);
    process.engine.backend_mut().ledger().published(answer.is_ok(), holds);
    act::outcome(answer)
}

/// Faults end, everything comes to rest, a fresh request succeeds, and all is published.
fn retire<D: Powered>(process: &mut Mortals<'_, D>, texts: &mut Texts) -> Result<Outcome, Broken> {
    process.engine.backend_mut().heal();
    for op in process.goodbyes() {
        if process.apply(&op, texts)? == Outcome::DeviceLost {
            return Ok(Outcome::DeviceLost);
        }
    }
    let until = process.engine.backend_mut().park(Nanos::ZERO).saturating_add(PATIENCE);
    loop {
        if process.apply(&Op::Drain, texts)? == Outcome::DeviceLost {
            return Ok(Outcome::DeviceLost);
        }
        let backend = process.engine.backend_mut();
        if backend.is_idle() || backend.park(until) >= until {
            break;
        }
    }
    process.apply(&Op::Drain, texts)?;
    let request = FRESH;
    for op in [Op::Add(newcomer(request)), Op::Settle { request }, Op::Remove { request }] {
        let outcome = process.apply(&op, texts)?;
        Law::L3.holds(outcome == Outcome::Done, || {
            format!("once all is well {op:?} is answered {outcome:?}")
        })?;
    }
    process.apply(&Op::Drain, texts)?;
    publish(process, true)
}
