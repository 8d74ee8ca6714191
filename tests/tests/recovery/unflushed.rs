//! Promise: what could not be made durable is not promised (F03, F15): a store that failed, a flush of the slots that
//! failed, and a flush of the index, which alone is worth another attempt.

use crate::process::{POOLS, TENANT, config, request};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Engine, Error, ErrorKind, Fault, FileRole,
    Lru, Medium, Nanos, RegionId, Result, RetryPolicy, TransferId, TransferRequest,
};
use tierproof_sim::{FaultSource, Sim, SimConfig, Verdict};

/// What fails next.
#[derive(Debug, Default)]
struct Trouble {
    flush_of: Cell<Option<FileRole>>,
    store: Cell<bool>,
}

/// Flushes fail when they are told to, and what they were to flush is gone with the next power cut.
struct Rough {
    sim: Rc<RefCell<Sim>>,
    capability: Capability,
    trouble: Rc<Trouble>,
    roles: Vec<(RegionId, FileRole)>,
}

impl Backend for Rough {
    fn name(&self) -> &'static str {
        "rough"
    }
    fn capability(&self) -> &Capability {
        &self.capability
    }
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.sim.borrow_mut().allocate(medium, len)?;
        if let Medium::File(file) = medium {
            self.roles.push((region, file.role));
        }
        Ok(region)
    }
    fn release(&mut self, region: RegionId) -> Result<()> {
        self.sim.borrow_mut().release(region)
    }
    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.sim.borrow_mut().fill(target, bytes)
    }
    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.sim.borrow_mut().peek(source, bytes)
    }
    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.sim.borrow_mut().submit(request)
    }
    fn flush(&mut self, region: RegionId) -> Result<()> {
        let role = self.roles.iter().find(|(known, _)| *known == region).map(|(_, role)| *role);
        if role == self.trouble.flush_of.get() {
            self.trouble.flush_of.set(None);
            return Err(Error::new(ErrorKind::Device, "the flush failed"));
        }
        self.sim.borrow_mut().flush(region)
    }
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.sim.borrow_mut().poll(done)
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.borrow_mut().park(until)
    }
}

struct Stores(Rc<Trouble>);

impl FaultSource for Stores {
    fn verdict(&mut self, request: &TransferRequest, _: TransferId) -> Verdict {
        // There is no host tier, so what is sealed goes to disk.
        if request.parts[0].seal.is_none() || !self.0.store.take() {
            return Verdict::Proceed;
        }
        Verdict::Fail { parts: vec![(0, Fault::new(ErrorKind::Unavailable))] }
    }
}

type Engined = Engine<Rough>;

fn begin(sim: &Rc<RefCell<Sim>>, trouble: &Rc<Trouble>) -> Engined {
    let capability = sim.borrow().capability().clone();
    let rough =
        Rough { sim: Rc::clone(sim), capability, trouble: Rc::clone(trouble), roles: Vec::new() };
    let mut config = config([1, 0, 2]);
    config.retry = RetryPolicy { attempts_max: 1, ..config.retry };
    Engine::new(rough, config, |_| Box::new(Lru::default())).unwrap()
}

fn new() -> (Rc<RefCell<Sim>>, Rc<Trouble>) {
    let trouble = Rc::new(Trouble::default());
    let sim = Sim::with_faults(SimConfig::default(), Stores(Rc::clone(&trouble))).unwrap();
    (Rc::new(RefCell::new(sim)), trouble)
}

/// Serves a prompt of one block, which pushes the one before to disk.
fn serve(engine: &mut Engined, id: u64, key: u64) {
    engine.add(&request(id, &[key])).unwrap();
    let settled = engine.settle(tierproof_core::RequestId(id)).unwrap();
    let block = engine.held(tierproof_core::RequestId(id), 0, 0).unwrap()[0];
    for (pool, len) in POOLS.into_iter().enumerate() {
        let at = engine.descriptor(0, block, pool).unwrap();
        let right = crate::contents::content(TENANT, key, pool, len as usize);
        if settled.matched_tokens == 0 {
            engine.backend_mut().fill(at, &right).unwrap();
        }
        let mut found = vec![0; right.len()];
        engine.backend_mut().peek(at, &mut found).unwrap();
        assert_eq!(found, right);
    }
    engine.remove(tierproof_core::RequestId(id)).unwrap();
    engine.drain().unwrap();
}

fn found_after_a_power_cut(engine: Engined, sim: &Rc<RefCell<Sim>>, trouble: &Rc<Trouble>) -> u64 {
    drop(engine);
    sim.borrow_mut().power_cut();
    begin(sim, trouble).recovery().found
}

#[test]
fn slots_that_were_not_flushed_are_never_published() {
    let (sim, trouble) = new();
    let mut engine = begin(&sim, &trouble);
    serve(&mut engine, 1, 1);
    serve(&mut engine, 2, 2);
    trouble.flush_of.set(Some(FileRole::Lasting));
    assert_eq!(engine.publish().unwrap_err().kind(), ErrorKind::Device);
    assert_eq!(engine.publish().unwrap(), 0, "a second flush brings nothing back");
    serve(&mut engine, 3, 3);
    assert_eq!(engine.publish().unwrap(), 1, "what came later is another matter");
    assert_eq!(found_after_a_power_cut(engine, &sim, &trouble), 1);
}

/// Its bytes may have come before the failure, and its completion came after.
#[test]
fn what_was_on_its_way_when_a_flush_failed_is_never_published() {
    let (sim, trouble) = new();
    let mut engine = begin(&sim, &trouble);
    serve(&mut engine, 1, 1);
    serve(&mut engine, 2, 2);
    engine.add(&request(3, &[3])).unwrap();
    assert!(sim.borrow().in_flight() > 0, "key 2 is on its way to disk");
    trouble.flush_of.set(Some(FileRole::Lasting));
    assert_eq!(engine.publish().unwrap_err().kind(), ErrorKind::Device);
    engine.settle(tierproof_core::RequestId(3)).unwrap();
    engine.remove(tierproof_core::RequestId(3)).unwrap();
    engine.drain().unwrap();
    assert_eq!(engine.publish().unwrap(), 0);
    serve(&mut engine, 4, 4);
    assert_eq!(engine.publish().unwrap(), 1, "key 3");
    assert_eq!(found_after_a_power_cut(engine, &sim, &trouble), 1);
}

#[test]
fn an_index_that_was_not_flushed_is_written_again() {
    let (sim, trouble) = new();
    let mut engine = begin(&sim, &trouble);
    serve(&mut engine, 1, 1);
    serve(&mut engine, 2, 2);
    trouble.flush_of.set(Some(FileRole::Index));
    assert_eq!(engine.publish().unwrap_err().kind(), ErrorKind::Device);
    assert!(engine.blocks(0).unwrap().all(|block| !block.published));
    assert_eq!(engine.publish().unwrap(), 1);
    assert_eq!(found_after_a_power_cut(engine, &sim, &trouble), 1);
}

/// A slot had a content that nobody published, and then a store that failed: there is nothing to publish.
#[test]
fn a_slot_with_a_failed_store_has_nothing_to_publish() {
    let (sim, trouble) = new();
    let mut engine = begin(&sim, &trouble);
    for key in 1..=3 {
        serve(&mut engine, key, key);
    }
    assert_eq!(engine.blocks(0).unwrap().filter(|block| block.published).count(), 0);
    // The disk has two blocks, and both are full.
    trouble.store.set(true);
    serve(&mut engine, 4, 4);
    assert_eq!(engine.transfer_stats().failed, 1);
    assert_eq!(engine.publish().unwrap(), 1, "the other slot's");
    assert_eq!(found_after_a_power_cut(engine, &sim, &trouble), 1);
}
