//! A backend that refuses, or that breaks as a whole: refusals have no effect and an end, and what
//! can't go on is an error of the call, never a hang.

use crate::bench::{Bench, Device, Host, Setup, hashes, spill, tokens};
use crate::faults::Fate;
use rstest::rstest;
use std::cell::Cell;
use std::rc::Rc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, Nanos, RegionId,
    RequestId, Result, RetryPolicy, Settled, TransferId, TransferRequest,
};
use tierproof_sim::{Sim, SimConfig};

/// Not a multiple of any pause between two attempts.
const TIMEOUT: Nanos = Nanos(2_345_678);

#[test]
fn busy_for_ever_is_a_miss_at_the_deadline() {
    let retry = RetryPolicy { timeout: TIMEOUT, ..RetryPolicy::default() };
    let (mut bench, faults) = Setup { retry, ..Setup::new([4, 4, 0]) }.simulate();
    spill(&mut bench);
    faults.always((Host, Device), Fate::Refuse(ErrorKind::Busy));
    bench.add(&hashes(3, &[10, 11])).unwrap();
    let asked = bench.now();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    // First come the stores that make room, a few microseconds; then the load has its time.
    assert!(bench.now() >= asked + TIMEOUT);
    assert!(bench.now() < asked + TIMEOUT + Nanos(100_000), "{:?}", bench.now());
    assert_eq!(bench.engine.transfer_stats().failed, 2);
    bench.drain();
    assert_eq!(bench.quarantined(Device), 0, "nothing was in flight");
    faults.heal();
    bench.remove(3);
    assert_eq!(bench.visit(&hashes(4, &[10, 11])), 8);
}

#[test]
fn busy_for_a_while_is_no_loss() {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    for _ in 0..5 {
        faults.next((Host, Device), Fate::Refuse(ErrorKind::Busy));
    }
    bench.add(&hashes(3, &[10, 11])).unwrap();
    assert_eq!(bench.run(3), Settled { matched_tokens: 8, lost_from: None });
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.failed, stats.retries), (0, 0), "a refusal is not an attempt");
}

#[rstest]
#[case::for_good(ErrorKind::OutOfRange, 1)]
#[case::unsupported(ErrorKind::Unsupported, 1)]
#[case::worth_another_attempt(ErrorKind::Device, 2)]
fn any_other_refusal_fails_without_waiting(#[case] kind: ErrorKind, #[case] sent: usize) {
    let (mut bench, faults) = Setup::new([4, 4, 0]).simulate();
    spill(&mut bench);
    faults.always((Host, Device), Fate::Refuse(kind));
    bench.add(&hashes(3, &[10])).unwrap();
    let asked = bench.now();

    assert_eq!(bench.run(3), Settled { matched_tokens: 0, lost_from: Some(0) });
    assert!(bench.now() < asked + Nanos::from_millis(1));
    assert_eq!(faults.count((Host, Device)), sent);
    assert_eq!(bench.engine.transfer_stats().failed, 1);
}

/// Breaks as a whole when it is told to.
#[derive(Debug)]
struct Fragile {
    sim: Sim,
    broken: Rc<Cell<bool>>,
}

impl Backend for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
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
        self.sim.submit(request)
    }
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        if self.broken.get() {
            return Err(Error::new(ErrorKind::Device, "it fell from the desk"));
        }
        self.sim.poll(done)
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}

fn fragile() -> (Bench<Fragile>, Rc<Cell<bool>>) {
    let broken = Rc::new(Cell::new(false));
    let sim = Sim::new(SimConfig::default()).unwrap();
    let fragile = Fragile { sim, broken: Rc::clone(&broken) };
    (Setup::new([4, 4, 0]).on(fragile, |fragile| fragile.sim.misuses()), broken)
}

#[test]
fn a_broken_backend_is_an_error_of_every_call_that_needs_it() {
    let (mut bench, broken) = fragile();
    spill(&mut bench);
    bench.add(&hashes(3, &[10, 11])).unwrap();

    broken.set(true);
    assert_eq!(bench.settle(3), Err(ErrorKind::Device));
    assert_eq!(bench.engine.step().unwrap_err().kind(), ErrorKind::Device);
    assert_eq!(bench.engine.drain().unwrap_err().kind(), ErrorKind::Device);
    broken.set(false);
    assert_eq!(bench.run(3), Settled { matched_tokens: 8, lost_from: None });
    broken.set(true);
    bench.add(&hashes(4, &[40])).unwrap_err();
    assert_eq!(bench.engine.close().unwrap_err().kind(), ErrorKind::Device);
}

/// The story: a request was admitted, or grew, or waited, when the backend broke, and so its caller gave
/// it up. Removing it made its blocks findable although nobody had computed them, and when the backend
/// was well again the next request of that prompt read them.
#[rstest]
#[case::when_it_was_admitted(true)]
#[case::when_it_waited(false)]
fn what_a_request_did_not_compute_because_the_backend_broke_is_not_found(#[case] early: bool) {
    let (mut bench, broken) = fragile();
    spill(&mut bench);
    broken.set(early);
    let added = bench.add(&tokens(3, 0..9));
    broken.set(true);
    assert_eq!(added, if early { Err(ErrorKind::Device) } else { Ok(0) });
    if !early {
        assert_eq!(bench.settle(3), Err(ErrorKind::Device));
    }
    broken.set(false);
    bench.engine.store(RequestId(3)).unwrap();
    bench.remove(3);
    assert_eq!(bench.visit(&tokens(4, 0..9)), 0);
    assert_eq!(bench.visit(&tokens(5, 0..9)), 8);
}
