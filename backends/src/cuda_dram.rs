//! Every tier in memory, the device tier in a GPU's.

use crate::clock::{Clock, Patience};
use crate::cuda::{Gpu, GpuFacts, Landed, Mover, Pool, Pools, Side, Trip};
use crate::files::io::Desk;
use crate::files::regions::{ALIGNMENT, Region, Regions, in_flight};
use crate::ledger::{Ledger, Seat};
use crate::lend::{Access, Claim};
use crate::on_gpu::OnGpu;
use crate::request::{Judge, refuse_lasting};
use cudarc::driver::CudaStream;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fallback, Medium,
    MediumKind, Nanos, RegionId, Result, Route, TransferId, TransferRequest,
};

/// Parts in flight at most.
const IN_FLIGHT_PARTS_MAX: u32 = 4096;

/// Device regions in a GPU's memory, host regions in pinned memory. Copies run on streams of their own, one
/// for each direction.
///
/// Checksums of what touches the GPU are computed by the GPU, so a block from host memory is verified after
/// it crossed the bus, and reaches its target only then. Copies between host regions are done when
/// [`Backend::submit`] returns. A region on a file is kept in pinned memory and said so in
/// [`Capability::fallbacks`].
///
/// ```no_run
/// use tierproof_backends::CudaDram;
/// use tierproof_core::{Backend, Descriptor, Medium};
///
/// let mut cuda = CudaDram::open(0)?;
/// let region = cuda.allocate(&Medium::Device { ordinal: 0 }, 4096)?;
/// cuda.fill(Descriptor { region, offset: 16, len: 5 }, b"hello")?;
/// println!("{} has 5 bytes", cuda.name());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug)]
pub struct CudaDram {
    // Dropped in this order: what is under way before the memory.
    mover: Mover<Seat>,
    ledger: Ledger<(Side, Side)>,
    pools: Pools,
    desk: Desk,
    regions: Regions,
    capability: Capability,
    submitted: u64,
    parts: u32,
    judge: Judge,
    clock: Clock,
}

impl CudaDram {
    /// What offsets in "files" and trailers are a multiple of: a page.
    pub const ALIGNMENT: Bytes = ALIGNMENT;

    /// Opens GPU number `ordinal`; the backend's time starts now.
    ///
    /// # Errors
    /// `Unavailable` without a driver or that GPU, saying what is missing.
    pub fn open(ordinal: u32) -> Result<Self> {
        let gpu = Gpu::open(ordinal)?;
        let capability = Capability {
            routes: [[Route::Direct; 3]; 3],
            alignment: ALIGNMENT,
            request_parts_max: 1024,
            request_bytes_max: 1 << 40,
            in_flight_parts_max: IN_FLIGHT_PARTS_MAX,
            fallbacks: Vec::new(),
        };
        Ok(Self {
            mover: Mover::new(&gpu),
            ledger: Ledger::default(),
            pools: Pools::new(gpu),
            desk: Desk::new()?,
            regions: Regions::default(),
            capability,
            submitted: 0,
            parts: 0,
            judge: Judge::default(),
            clock: Clock::start(),
        })
    }

    fn drive(&mut self) {
        let now = self.clock.now();
        for Landed { source, target, cargo, outcome } in self.mover.drive(now) {
            self.parts -= 1;
            self.ledger.end(cargo, outcome, (source, target), self.clock.now());
        }
    }

    fn send(&mut self, id: TransferId, request: &TransferRequest) -> Result<()> {
        self.regions.examine_pieces(request)?;
        let parts = request.parts.len() as u32;
        if parts > IN_FLIGHT_PARTS_MAX - self.parts {
            let context = format!(
                "{parts} parts beside {} in flight, and {IN_FLIGHT_PARTS_MAX} at most: poll, then \
                 submit again",
                self.parts
            );
            return Err(Error::new(ErrorKind::Busy, context));
        }
        let sides = self.regions.sides(request)?;
        self.ledger.open(id, sides.len());
        self.parts += parts;
        for ((source, target, terms), (part, index)) in
            sides.into_iter().zip(request.parts.iter().zip(0..))
        {
            let seat = Seat { request: id, part: index };
            let trip = Trip::new(source, target, terms, request.deadline, seat);
            self.mover.send(Trip { rows: part.rows, ..trip });
        }
        self.drive();
        Ok(())
    }
}

impl OnGpu for CudaDram {
    fn gpu(&self) -> Option<&GpuFacts> {
        Some(&self.pools.gpu().facts)
    }

    unsafe fn adopt(&mut self, pool: Pool) -> Result<()> {
        self.pools.adopt(pool)
    }

    fn transfers_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()> {
        let (memory, range) = self.regions.device(range)?;
        Pools::transfers_after(memory, range, stream)
    }

    fn stream_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()> {
        self.drive();
        let (memory, range) = self.regions.device(range)?;
        Pools::stream_after(&self.mover, memory, &range, stream)
    }

    fn write_late(&mut self, range: Descriptor, nanoseconds: u64, seed: u32) -> Result<()> {
        let (memory, range) = self.regions.device(range)?;
        let claim = Claim::new(memory, range, Access::Write).ok_or_else(in_flight)?;
        self.pools.write_late(&claim, nanoseconds, seed)
    }
}

impl Backend for CudaDram {
    fn name(&self) -> &'static str {
        "cuda-dram"
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        refuse_lasting(medium, "cuda-dram")?;
        let id = self.regions.next_id()?;
        self.regions.push(match medium {
            Medium::Device { ordinal } => Region::Device(self.pools.device(*ordinal, len)?),
            _ => Region::Memory(medium.kind(), self.pools.host(len)?),
        });
        if medium.kind() == MediumKind::File {
            let (wanted, instead) = ("disk tier in files", "held in pinned memory");
            let fallback = Fallback::new(wanted, instead, "the cuda-dram backend has no files");
            fallback.note(&mut self.capability.fallbacks);
        }
        Ok(id)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.drive();
        self.regions.release(region).map(drop)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.drive();
        self.regions.fill(&mut self.desk, target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.drive();
        self.regions.peek(&mut self.desk, source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.drive();
        let regions = &self.regions;
        let facts = |id| regions.get(id).ok().map(Region::facts);
        self.judge.judge(&self.capability, request, facts)?;
        let id = TransferId(self.submitted);
        if self.regions.on_device(request) {
            self.send(id, request)?;
        } else {
            let faults = self.regions.copy(request)?;
            self.ledger.add_done(Completion { id, at: self.clock.now(), faults });
        }
        self.submitted += 1;
        Ok(id)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.drive();
        self.ledger.take_done(done);
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let mut patience = Patience::default();
        while !self.ledger.has_done() && !self.mover.is_idle() && self.clock.now() < until {
            self.drive();
            if !self.ledger.has_done() {
                patience.pause(self.clock, until);
            }
        }
        if !self.ledger.has_done() {
            self.clock.sleep(until);
        }
        self.clock.now()
    }
}
