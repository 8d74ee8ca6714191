//! An engine that can't have all of its memory is a typed error, and holds none of it.

use crate::bench::Setup;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Engine, Error, ErrorKind, Lru, Medium,
    Nanos, RegionId, Result, TransferId, TransferRequest,
};
use tierproof_sim::{Sim, SimConfig};

#[derive(Debug, Default)]
struct Ledger {
    live: BTreeSet<RegionId>,
    released: Vec<RegionId>,
    dropped: bool,
}

/// Gives out so many regions and no more, and keeps books on them.
#[derive(Debug)]
struct Rationed {
    sim: Sim,
    left: usize,
    ledger: Rc<RefCell<Ledger>>,
}

impl Drop for Rationed {
    fn drop(&mut self) {
        self.ledger.borrow_mut().dropped = true;
    }
}

impl Backend for Rationed {
    fn name(&self) -> &'static str {
        "rationed"
    }
    fn capability(&self) -> &Capability {
        self.sim.capability()
    }
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Error::new(ErrorKind::Exhausted, "all regions are given out"));
        };
        self.left = left;
        let region = self.sim.allocate(medium, len)?;
        self.ledger.borrow_mut().live.insert(region);
        Ok(region)
    }
    fn release(&mut self, region: RegionId) -> Result<()> {
        self.sim.release(region)?;
        let mut ledger = self.ledger.borrow_mut();
        ledger.live.remove(&region);
        ledger.released.push(region);
        Ok(())
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
        self.sim.poll(done)
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}

fn engine(left: usize) -> (Result<Engine<Rationed>>, Rc<RefCell<Ledger>>) {
    let ledger = Rc::new(RefCell::new(Ledger::default()));
    let sim = Sim::new(SimConfig::default()).unwrap();
    let rationed = Rationed { sim, left, ledger: Rc::clone(&ledger) };
    let setup = Setup { windows: vec![[2, 2, 2], [2, 0, 2]], pools: 2, ..Setup::new([2, 2, 2]) };
    (Engine::new(rationed, setup.config(), |_| Box::new(Lru::default())), ledger)
}

/// Two pools on three tiers of the first window and two of the second.
const REGIONS: usize = 10;

#[test]
fn whichever_allocation_fails_the_error_is_typed_and_all_goes_with_the_backend() {
    for left in 0..REGIONS {
        let (engine, ledger) = engine(left);
        assert_eq!(engine.unwrap_err().kind(), ErrorKind::Exhausted, "after {left}");
        let ledger = ledger.borrow();
        assert!(ledger.dropped);
        assert_eq!(ledger.live.len(), left);
    }
}

#[test]
fn a_closed_engine_has_given_every_region_back_once() {
    let (engine, ledger) = engine(REGIONS);
    let backend = engine.unwrap().close().unwrap();
    assert_eq!(backend.left, 0);
    let mut released = ledger.borrow().released.clone();
    released.sort_unstable();
    assert_eq!(released, (0..REGIONS as u32).map(RegionId).collect::<Vec<_>>());
    assert!(ledger.borrow().live.is_empty());
}
