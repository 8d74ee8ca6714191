//! Promise: the lockstep driver can fail. Each saboteur does one thing that a backend must not do,
//! and the driver says so, naming the block where it is about bytes.

use rstest::rstest;
use tierproof::lockstep::Law;
use tierproof::lockstep::driver::{Bytes as Compare, Driver, Finish, Mismatch, Pools, Setup};
use tierproof::lockstep::plan::{Op, Plan};
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, MediumKind, Nanos, Part, RegionId,
    Result, TransferId, TransferRequest, Verify,
};
use tierproof_sim::{Sim, SimConfig};
use tierproof_tests::words::{R, Request, Script, config};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crime {
    /// None: the control.
    Nothing,
    /// One byte of what comes to the device is another.
    FlipOneByte,
    /// Two blocks that arrive one after the other get each other's bytes.
    SwapTwoBlocks,
    /// What comes to the device is acknowledged and not written.
    LoseAWrite,
    /// A completion is reported twice.
    ReportTwice,
    /// A region is forgotten instead of given back.
    RefuseToRelease,
}

/// A part, and what was in its target before.
type Overwritten = (Part, Vec<u8>);

/// A simulator, and what is done to it. Targets are put right or wrong when a request completes.
struct Saboteur {
    sim: Sim,
    crime: Crime,
    device: Vec<RegionId>,
    arrived: Option<Descriptor>,
    /// What requests in flight overwrite.
    before: Vec<(TransferId, Vec<Overwritten>)>,
}

impl Saboteur {
    fn new(crime: Crime) -> Self {
        let sim = Sim::new(SimConfig::default()).expect("the default is valid");
        Self { sim, crime, device: Vec::new(), arrived: None, before: Vec::new() }
    }

    fn read(&mut self, at: Descriptor) -> Vec<u8> {
        let mut bytes = vec![0; at.len as usize];
        self.sim.peek(at, &mut bytes).expect("nothing is in flight there");
        bytes
    }

    fn strike(&mut self, parts: &[Overwritten]) {
        let to_device = |part: &Part| self.device.contains(&part.target.region);
        let whole: Vec<_> =
            parts.iter().filter(|(part, _)| part.rows.is_none() && to_device(part)).collect();
        match (self.crime, whole.as_slice()) {
            (Crime::FlipOneByte, [(part, _), ..]) => {
                let mut bytes = self.read(part.target);
                *bytes.last_mut().expect("a block has bytes") ^= 1;
                self.sim.fill(part.target, &bytes).expect("nothing is in flight there");
            }
            (Crime::SwapTwoBlocks, [(part, _), ..]) => match self.arrived.take() {
                None => self.arrived = Some(part.target),
                Some(earlier) => {
                    let (a, b) = (self.read(earlier), self.read(part.target));
                    self.sim.fill(earlier, &b).expect("nothing is in flight there");
                    self.sim.fill(part.target, &a).expect("nothing is in flight there");
                }
            },
            (Crime::LoseAWrite, [(part, old), ..]) => {
                self.sim.fill(part.target, old).expect("nothing is in flight there");
            }
            _ => {}
        }
    }
}

impl Backend for Saboteur {
    fn name(&self) -> &'static str {
        "saboteur"
    }

    fn capability(&self) -> &Capability {
        self.sim.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.sim.allocate(medium, len)?;
        if medium.kind() == MediumKind::Device {
            self.device.push(region);
        }
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        if self.crime == Crime::RefuseToRelease {
            return Err(tierproof_core::Error::new(tierproof_core::ErrorKind::Busy, "not today"));
        }
        self.sim.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.sim.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.sim.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let mut before = Vec::new();
        for part in &request.parts {
            before.push((*part, self.read(part.target)));
        }
        let id = self.sim.submit(request)?;
        self.before.push((id, before));
        Ok(id)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let first = done.len();
        self.sim.poll(done)?;
        for completion in done.split_off(first) {
            let at = self.before.iter().position(|(id, _)| *id == completion.id);
            let (_, parts) = self.before.swap_remove(at.expect("it was submitted"));
            self.strike(&parts);
            if self.crime == Crime::ReportTwice {
                done.push(completion.clone());
            }
            done.push(completion);
        }
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}

/// The same with another tenant's block between the two.
fn tenants() -> Plan {
    Script::new(config(4, 3, 64).host(4))
        .visit(Request::of(0, R(0, 5)).tenant(1))
        .visit(Request::of(1, R(0, 5)).tenant(2))
        .visit(Request::of(2, R(50, 60)))
        .admit(Request::of(3, R(0, 5)).tenant(1))
        .then(Op::Drain)
        .remove(3)
        .admit(Request::of(4, R(0, 5)).tenant(2))
        .then(Op::Drain)
        .plan()
}

/// Two blocks go down and come back together; then the first half of a block is copied.
fn plan() -> Plan {
    Script::new(config(4, 3, 64).host(4))
        .visit(Request::of(0, R(0, 9)))
        .visit(Request::of(1, R(50, 59)))
        .admit(Request::of(2, R(0, 9)))
        .then(Op::Drain)
        .remove(2)
        .admit(Request::of(3, [50, 51, 52, 53, 54, 55, 90, 91]))
        .plan()
}

fn run(crime: Crime) -> std::result::Result<Finish<Saboteur>, Mismatch> {
    let setup =
        Setup { bytes: Compare::Lazy, pools: Pools::Opaque, verify: Verify::All, ..Setup::PLAIN };
    Driver::run(&plan(), setup, Saboteur::new(crime))
}

#[test]
fn without_a_crime_there_is_nothing_to_say() {
    run(Crime::Nothing).unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

#[rstest]
#[case::flip_one_byte(Crime::FlipOneByte, Law::S1, "window 0 block 0 pool 0 row 0 token 3 holds")]
#[case::swap_two_blocks(
    Crime::SwapTwoBlocks,
    Law::S1,
    "window 0 block 0 pool 0 row 0 token 0 holds"
)]
#[case::lose_a_write(Crime::LoseAWrite, Law::S1, "window 0 block 0 pool 0 row 0 token 0 holds")]
#[case::report_twice(Crime::ReportTwice, Law::C6, "strays")]
#[case::refuse_to_release(Crime::RefuseToRelease, Law::L6, "the engine does not close: not today")]
fn a_crime_is_seen(#[case] crime: Crime, #[case] law: Law, #[case] what: &str) {
    let mismatch = run(crime).err().expect("the driver sees it");
    assert_eq!(mismatch.law, law, "{mismatch}");
    assert!(mismatch.what.starts_with(what), "{mismatch}");
}

/// What is wrong is another tenant's, which is worse.
#[test]
fn anothers_bytes_are_told_from_wrong_ones() {
    let setup =
        Setup { bytes: Compare::Lazy, pools: Pools::Opaque, verify: Verify::All, ..Setup::PLAIN };
    let run = |crime| Driver::run(&tenants(), setup, Saboteur::new(crime));
    run(Crime::Nothing).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    let mismatch = run(Crime::SwapTwoBlocks).err().expect("the driver sees it");
    assert_eq!(mismatch.law, Law::S8, "{mismatch}");
}
