//! Promise: where transfers may fail the driver still sees what may not be: wrong bytes that are
//! called right, another tenant's bytes, and what never comes back; and it takes no offence at what an
//! engine has to bear: stray completions, and a backend that says it can't go on.

use std::result::Result;

use rstest::rstest;
use tierproof::lockstep::Law;
use tierproof::lockstep::driver::{
    Bytes as Compare, Driver, Finish, Mismatch, Pools, Setup, Trouble,
};
use tierproof::lockstep::model::Outcome;
use tierproof::lockstep::plan::{Op, Plan};
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fault, Medium, Nanos,
    RegionId, TransferId, TransferRequest, Verify,
};
use tierproof_sim::{Sim, SimConfig, Verdict};
use tierproof_tests::words::{R, Request, Script, config};

use crate::weather::TIMEOUT;

/// What is said that is not true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Nothing: the control.
    None,
    /// A failed transfer is called done.
    Done,
    /// Each transfer ends twice.
    Twice,
    /// With each transfer one ends that never was.
    Another,
    /// After so many polls it can't go on.
    Lost(u32),
}

/// A simulator that does not tell the truth.
struct Liar {
    sim: Sim,
    lie: Lie,
    polls: u32,
}

impl Liar {
    fn new(
        lie: Lie,
        verdict: impl FnMut(&TransferRequest, TransferId) -> Verdict + 'static,
    ) -> Self {
        let sim = Sim::with_faults(SimConfig::default(), verdict).expect("the default is valid");
        Self { sim, lie, polls: 0 }
    }
}

impl Backend for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn capability(&self) -> &Capability {
        self.sim.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> tierproof_core::Result<RegionId> {
        self.sim.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> tierproof_core::Result<()> {
        self.sim.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> tierproof_core::Result<()> {
        self.sim.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> tierproof_core::Result<()> {
        self.sim.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> tierproof_core::Result<TransferId> {
        self.sim.submit(request)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> tierproof_core::Result<()> {
        self.polls += 1;
        if matches!(self.lie, Lie::Lost(after) if self.polls > after) {
            return Err(Error::new(ErrorKind::Device, "the device fell off the bus"));
        }
        let first = done.len();
        self.sim.poll(done)?;
        for mut completion in done.split_off(first) {
            match self.lie {
                Lie::None | Lie::Lost(_) => {}
                Lie::Done => completion.faults.clear(),
                Lie::Twice => done.push(completion.clone()),
                Lie::Another => {
                    done.push(Completion { id: TransferId(u64::MAX), ..completion.clone() });
                }
            }
            done.push(completion);
        }
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}

/// Blocks go down, come back, and go down again.
fn plan() -> Plan {
    Script::new(config(4, 3, 64).host(4))
        .visit(Request::of(0, R(0, 9)))
        .visit(Request::of(1, R(50, 59)))
        .admit(Request::of(2, R(0, 9)))
        .then(Op::Settle { request: 2 })
        .remove(2)
        .admit(Request::of(3, [50, 51, 52, 53, 54, 55, 90, 91]))
        .then(Op::Drain)
        .plan()
}

fn setup(trouble: Trouble) -> Setup {
    let mut setup = Setup {
        bytes: Compare::Lazy,
        pools: Pools::Opaque,
        verify: Verify::Off,
        trouble,
        ..Setup::PLAIN
    };
    setup.retry.timeout = TIMEOUT;
    setup
}

fn well(_: &TransferRequest, _: TransferId) -> Verdict {
    Verdict::Proceed
}

fn ill(_: &TransferRequest, id: TransferId) -> Verdict {
    let fault = Fault::new(ErrorKind::Unavailable);
    if id.0.is_multiple_of(2) {
        Verdict::Fail { parts: vec![(0, fault)] }
    } else {
        Verdict::Proceed
    }
}

fn run(trouble: Trouble, liar: Liar) -> Result<Finish<Liar>, Mismatch> {
    Driver::run(&plan(), setup(trouble), liar)
}

#[test]
fn an_honest_failure_is_no_difference() {
    run(Trouble::Expected, Liar::new(Lie::None, ill))
        .unwrap_or_else(|mismatch| panic!("{mismatch}"));
    let mismatch = run(Trouble::Never, Liar::new(Lie::None, ill)).err().expect("none may fail");
    assert_eq!(mismatch.law, Law::S5, "{mismatch}");
}

/// Nothing is verified here, so that nobody but the driver can see it.
#[test]
fn a_failure_that_is_called_done_is_seen() {
    let mismatch = run(Trouble::Expected, Liar::new(Lie::Done, ill)).err().expect("it is seen");
    assert_eq!(mismatch.law, Law::S1, "{mismatch}");
}

#[rstest]
#[case::ended_twice(Lie::Twice)]
#[case::never_was(Lie::Another)]
fn a_stray_completion_is_counted_and_changes_nothing(#[case] lie: Lie) {
    let honest = run_log(Lie::None);
    assert_eq!(run_log(lie), honest);
    let mismatch = run(Trouble::Never, Liar::new(lie, well)).err().expect("there is a stray");
    assert_eq!(mismatch.law, Law::C6, "{mismatch}");
}

/// The decisions of a run, and a hash of the states that they led to.
fn run_log(lie: Lie) -> (Vec<String>, u64) {
    let plan = plan();
    let liar = Liar::new(lie, well);
    let mut driver = Driver::new(&plan.config, setup(Trouble::Expected), liar).expect("a start");
    for op in &plan.ops {
        driver.apply(op).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    }
    let result = (driver.log().to_vec(), driver.decisions_digest());
    assert_eq!(driver.transfers().strays > 0, lie != Lie::None);
    driver.finish().unwrap_or_else(|mismatch| panic!("{mismatch}"));
    result
}

#[rstest]
fn a_backend_that_cannot_go_on_ends_the_run(#[values(1, 2, 3, 5, 8)] after: u32) {
    let plan = plan();
    let liar = Liar::new(Lie::Lost(after), well);
    let mut driver = Driver::new(&plan.config, setup(Trouble::Expected), liar).expect("a start");
    let mut last = Outcome::Done;
    for op in &plan.ops {
        last = driver.apply(op).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    }
    assert_eq!(last, Outcome::DeviceLost);
    let finish = driver.finish().unwrap_or_else(|mismatch| panic!("{mismatch}"));
    assert!(matches!(finish, Finish::DeviceLost));
}

#[test]
fn what_hangs_for_ever_never_comes_back() {
    let hang = |_: &TransferRequest, id: TransferId| match id.0 {
        1 => Verdict::Hang,
        _ => Verdict::Proceed,
    };
    let mismatch = run(Trouble::Expected, Liar::new(Lie::None, hang)).err().expect("it is seen");
    assert_eq!(mismatch.law, Law::L5, "{mismatch}");
}
