//! Promise: whatever order completions come in, alone or together, the engine decides the same, and every
//! byte is where it should be. Every order of up to four at once is tried.

use std::cell::RefCell;
use std::rc::Rc;

use rstest::rstest;
use tierproof::lockstep::driver::{Bytes as Compare, Driver, Pools, Setup};
use tierproof::lockstep::plan::{Op, Plan};
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, Nanos, RegionId, Result,
    TransferId, TransferRequest, Verify,
};
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Sim, SimConfig};
use tierproof_tests::words::{DIRECTORY, R, Request, Script, config};

use crate::choices::Choices;

/// Lets all that is in flight end, and then reports it in chosen order: one by one, or several in one
/// poll.
struct Permuted {
    sim: Sim,
    choices: Rc<RefCell<Choices>>,
    in_flight: usize,
    ended: Vec<Completion>,
    reported: Vec<Completion>,
}

impl Permuted {
    fn new(choices: &Rc<RefCell<Choices>>) -> Self {
        let config = SimConfig { request_parts_max: 1, ..SimConfig::default() };
        let sim = Sim::new(config).expect("the settings are valid");
        let choices = Rc::clone(choices);
        Self { sim, choices, in_flight: 0, ended: Vec::new(), reported: Vec::new() }
    }

    fn report(&mut self) {
        let mut choices = self.choices.borrow_mut();
        while !self.ended.is_empty() {
            let next = choices.choose(self.ended.len());
            self.reported.push(self.ended.remove(next));
            let ends_here = !self.ended.is_empty() && choices.choose(2) == 0;
            if ends_here {
                break;
            }
        }
    }
}

impl Backend for Permuted {
    fn name(&self) -> &'static str {
        "permuted"
    }

    fn capability(&self) -> &Capability {
        self.sim.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.sim.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.sim.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.sim.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.sim.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let id = self.sim.submit(request)?;
        self.in_flight += 1;
        Ok(id)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.in_flight -= self.reported.len();
        done.append(&mut self.reported);
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let mut now = self.sim.park(Nanos::ZERO);
        if until <= now {
            return now;
        }
        assert!(self.in_flight <= 4, "{} requests at once are too many to permute", self.in_flight);
        while self.ended.len() < self.in_flight {
            now = self.sim.park(until);
            self.sim.poll(&mut self.ended).expect("the simulator goes on");
        }
        self.report();
        now
    }
}

/// A block of four tokens, three of which and one other.
const PART: [i32; 4] = [100, 101, 102, 99];

/// Four blocks go down at once.
fn four_stores() -> Plan {
    let script = Script::new(config(4, 4, 64).host(4));
    script.visit(Request::of(0, R(0, 16))).visit(Request::of(1, R(100, 116))).plan()
}

/// Four blocks come up at once, into a device that is empty: nothing has to make room first.
fn four_loads() -> Plan {
    let script = Script::new(config(4, 4, 64).host(4)).admit(Request::of(0, R(0, 16)));
    let all =
        |script: Script, op: fn(usize) -> Op| (0..4).fold(script, |s, index| s.then(op(index)));
    let script = all(script, |index| Op::Offload { request: 0, window: 0, index }).then(Op::Drain);
    all(script, |index| Op::Onboard { request: 0, window: 0, index }).remove(0).plan()
}

/// Two blocks come up into the places of two that go down.
fn exchange() -> Plan {
    let script = Script::new(config(4, 3, 64).host(3));
    let script = script.visit(Request::of(0, R(0, 9))).visit(Request::of(1, R(100, 109)));
    script.then(Op::Drain).admit(Request::of(2, R(0, 9))).remove(2).plan()
}

/// Through three tiers, with a partial copy from a block that others hold.
fn three_tiers() -> Plan {
    let script = Script::new(config(4, 4, 64).host(2).disk(4));
    let script = script.visit(Request::of(0, R(0, 16)).files(DIRECTORY));
    let script = script.visit(Request::of(1, R(100, 112)).files(DIRECTORY));
    script.admit(Request::of(2, R(100, 105))).admit(Request::of(3, PART)).remove(2).remove(3).plan()
}

/// Four at once have 4! orders, and 2^3 ways to be reported in one or several polls.
#[rstest]
#[case::four_stores(four_stores(), 192)]
#[case::four_loads(four_loads(), 192 * 192)]
#[case::exchange(exchange(), 88)]
#[case::three_tiers(three_tiers(), 460)]
fn every_order_of_completions_is_as_good(#[case] plan: Plan, #[case] ways: usize) {
    let setup =
        Setup { bytes: Compare::Lazy, pools: Pools::Opaque, verify: Verify::All, ..Setup::PLAIN };
    let choices = Rc::new(RefCell::new(Choices::default()));
    let mut tried = 0;
    loop {
        let shadowed = Shadowed::new(Permuted::new(&choices));
        let ended = Driver::run(&plan, setup, shadowed);
        let ended = ended.unwrap_or_else(|mismatch| panic!("{choices:?}: {mismatch}"));
        let shadowed = ended.closed().expect("the device goes on");
        assert_eq!(shadowed.hazards(), [], "{choices:?}");
        assert_eq!(shadowed.inner().sim.misuses(), [], "{choices:?}");
        tried += 1;
        if !choices.borrow_mut().next_way() {
            break;
        }
    }
    assert_eq!(tried, ways);
}
