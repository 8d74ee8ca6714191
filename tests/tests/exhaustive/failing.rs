//! A simulator of which one chosen call fails, once or from then on.

use std::cell::RefCell;
use std::rc::Rc;

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fault, Medium, Nanos,
    RegionId, Result, TransferId, TransferRequest,
};
use tierproof_sim::{Sim, SimConfig, Verdict};

/// A call of the backend, or a part of an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Allocate,
    Submit,
    Part,
    Fill,
    Peek,
    Poll,
}

pub(crate) const POINTS: [Point; 6] =
    [Point::Allocate, Point::Submit, Point::Part, Point::Fill, Point::Peek, Point::Poll];

pub(crate) const KINDS: [ErrorKind; 10] = [
    ErrorKind::Unavailable,
    ErrorKind::Unsupported,
    ErrorKind::Config,
    ErrorKind::OutOfRange,
    ErrorKind::Misaligned,
    ErrorKind::Exhausted,
    ErrorKind::Busy,
    ErrorKind::TimedOut,
    ErrorKind::Corrupt,
    ErrorKind::Device,
];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) point: Point,
    /// Counted from 0.
    pub(crate) nth: usize,
    pub(crate) for_good: bool,
    pub(crate) kind: ErrorKind,
}

/// Counts calls, and says which fail.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) calls: [usize; POINTS.len()],
    pub(crate) failure: Option<Failure>,
}

pub(crate) type Shared = Rc<RefCell<Meter>>;

impl Meter {
    pub(crate) fn shared(failure: Option<Failure>) -> Shared {
        Rc::new(RefCell::new(Self { failure, ..Self::default() }))
    }

    fn fails(&mut self, point: Point) -> Option<ErrorKind> {
        let calls = &mut self.calls[point as usize];
        let call = *calls;
        *calls += 1;
        let failure = self.failure.filter(|failure| failure.point == point)?;
        let now = if failure.for_good { call >= failure.nth } else { call == failure.nth };
        now.then_some(failure.kind)
    }

    fn verdict(&mut self, request: &TransferRequest) -> Verdict {
        if let Some(kind) = self.fails(Point::Submit) {
            return Verdict::Refuse(kind);
        }
        let parts = 0..request.parts.len() as u32;
        let fails = |part| Some((part, Fault::new(self.fails(Point::Part)?)));
        match parts.filter_map(fails).collect::<Vec<_>>() {
            parts if parts.is_empty() => Verdict::Proceed,
            parts => Verdict::Fail { parts },
        }
    }
}

/// A simulator of which one call fails.
pub(crate) struct Failing {
    pub(crate) sim: Sim,
    meter: Shared,
}

impl Failing {
    pub(crate) fn new(meter: &Shared) -> Self {
        let config = SimConfig { request_parts_max: 3, ..SimConfig::default() };
        let judge = Rc::clone(meter);
        let verdict =
            move |request: &TransferRequest, _: TransferId| judge.borrow_mut().verdict(request);
        let sim = Sim::with_faults(config, verdict).expect("the settings are valid");
        Self { sim, meter: Rc::clone(meter) }
    }

    fn passes(&self, point: Point) -> Result<()> {
        let failed = self.meter.borrow_mut().fails(point);
        failed.map_or(Ok(()), |kind| Err(Error::new(kind, format!("this {point:?} is to fail"))))
    }
}

impl Backend for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn capability(&self) -> &Capability {
        self.sim.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.passes(Point::Allocate)?;
        self.sim.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.sim.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.passes(Point::Fill)?;
        self.sim.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.passes(Point::Peek)?;
        self.sim.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.sim.submit(request)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.passes(Point::Poll)?;
        self.sim.poll(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}
