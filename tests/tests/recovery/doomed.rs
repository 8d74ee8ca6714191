//! A backend that dies at its N-th call and tells which slots it was asked to write until then.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, FileRole, Medium, Nanos,
    RegionId, Result, TransferId, TransferRequest,
};

/// Slots of lasting files, in the order in which they were asked to be written.
pub(crate) trait Diary {
    fn write_over(&mut self, slot: u64);
}

impl Diary for Vec<u64> {
    fn write_over(&mut self, slot: u64) {
        self.push(slot);
    }
}

/// The device outlives the process: whoever made it keeps a share.
#[derive(Debug)]
pub(crate) struct Doomed<B, D> {
    device: Rc<RefCell<B>>,
    name: &'static str,
    capability: Capability,
    pub(crate) diary: D,
    /// Calls until it dies.
    left: u64,
    pub(crate) calls: u64,
    /// Strides of lasting slots.
    slots: BTreeMap<RegionId, Bytes>,
}

impl<B: Backend, D: Diary> Doomed<B, D> {
    pub(crate) fn new(device: &Rc<RefCell<B>>, diary: D, left: u64) -> Self {
        let inner = device.borrow();
        let (name, capability) = (inner.name(), inner.capability().clone());
        let device = Rc::clone(device);
        Self { device, name, capability, diary, left, calls: 0, slots: BTreeMap::new() }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.calls > self.left
    }

    fn call(&mut self) -> Result<()> {
        self.calls += 1;
        if self.is_dead() { Err(Error::new(ErrorKind::Device, "dead")) } else { Ok(()) }
    }
}

impl<B: Backend, D: Diary> Backend for Doomed<B, D> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.call()?;
        let region = self.device.borrow_mut().allocate(medium, len)?;
        if let Medium::File(file) = medium
            && file.role == FileRole::Lasting
        {
            self.slots.insert(region, file.stride);
        }
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.call()?;
        self.device.borrow_mut().release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.call()?;
        self.device.borrow_mut().fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.call()?;
        self.device.borrow_mut().peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.call()?;
        for part in &request.parts {
            if let Some(stride) = self.slots.get(&part.target.region) {
                self.diary.write_over(part.target.offset / stride);
            }
        }
        self.device.borrow_mut().submit(request)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.call()?;
        self.device.borrow_mut().flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.call()?;
        self.device.borrow_mut().poll(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        if self.call().is_err() { until } else { self.device.borrow_mut().park(until) }
    }
}
