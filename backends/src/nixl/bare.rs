//! NIXL by itself, which backends are measured beside: requests of many descriptors between registered
//! memory and a registered file. Nothing is verified, nothing is staged, nothing stands in line.
//!
//! The memory is written and read by NIXL only, so requests may overlap: what is in it means nothing.

use super::agent::Agent;
use super::agents::open;
use super::budget::Budget;
use super::cargo::{Cargo, Direction, MemoryKind, Place, Span, spans_of, split};
use super::library::Library;
use super::plugin::{Opening, Plugin, StopKind};
use super::status::{Code, Progress};
use super::transfer::Transfer;
use crate::clock::Clock;
#[cfg(feature = "cuda")]
use crate::cuda::{DeviceMemory, Gpu};
use crate::files::rules::{DirectIo, FileLayout, FileRules};
use crate::files::store::SlotStore;
use crate::files::{io::PAGE, root::Root};
use crate::lend::{Access, Claim, LentMut, Memory};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tierproof_core::{Bytes, Error, ErrorKind, FileMedium, FileRole, Nanos, Result};

/// What [`Bare`] works with.
#[derive(Debug, Clone)]
pub struct BareConfig {
    /// An existing directory.
    pub root: PathBuf,
    /// Whether to go past the page cache.
    pub direct: DirectIo,
    /// The GPU whose memory it is; without one, or where the queue is for host memory, that.
    pub gpu: Option<u32>,
    /// What the plugin is to put its reads and writes in, as the attestation of the backend that it is
    /// compared with names it.
    pub queue: String,
    /// Bytes of the memory, and of the file.
    pub len: Bytes,
    /// How many files, and bytes of a block, which lies in one of them.
    pub files: u32,
    /// See `files`.
    pub stride: Bytes,
    /// The number that tells its file from those of others in the same directory.
    pub pool: u32,
}

/// An agent, memory and a file of the same length.
pub struct Bare {
    // Dropped before what it has registered.
    agent: Arc<Agent>,
    ground: Arc<Ground>,
    budget: Budget,
    way: &'static Opening,
}

/// A request that was made and can be flown again and again.
pub struct Flight {
    /// `None` for good once its end was not seen.
    transfer: Option<Transfer<BareCargo>>,
    descriptors: usize,
    bytes: Bytes,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareWay {
    /// From memory to the file.
    Store,
    /// From the file to memory.
    Load,
}

/// Memory and a file that nobody else uses.
struct Ground {
    file: Claim<SlotStore>,
    kind: MemoryKind,
    start: usize,
    _memory: Held,
}

#[expect(dead_code, reason = "claims are held, not read")]
enum Held {
    Host(LentMut),
    #[cfg(feature = "cuda")]
    Device(Claim<DeviceMemory>),
}

struct BareCargo {
    ground: Arc<Ground>,
    direction: Direction,
    /// Offsets of memory and file.
    pieces: Vec<(Bytes, Bytes)>,
    len: Bytes,
}

impl Bare {
    /// Opens the plugin of `P`, and registers memory and a file, both as long as asked.
    ///
    /// # Errors
    /// As [`Nixl::open`](crate::Nixl::open), and `Config` for a queue that the plugin has not.
    pub fn open<P: Plugin>(config: &BareConfig) -> Result<Self> {
        let mut ways = P::FACTS.ways.iter();
        let way = ways.find(|way| way.queue == config.queue).ok_or_else(|| {
            let context = format!("{} has no queue {:?}", P::FACTS.backend, config.queue);
            Error::new(ErrorKind::Config, context)
        })?;
        let library = Library::open(None, way.plugin)?;
        let ground = Arc::new(Ground::new(config, way)?);
        let agent = open(library.api, way).map_err(|code| failed("open the plugin", code))?;
        agent
            .register_memory(ground.kind, ground.start, config.len as usize)
            .map_err(|code| failed("register memory", code))?;
        ground.file.owner().kept().try_for_each(|(file, len)| {
            let registered = agent.register_file(file.as_raw_fd(), len as usize);
            registered.map_err(|code| failed("register a file", code))
        })?;
        let budget = Budget::new(1, way.spans_in_flight_max, way.shared);
        Ok(Self { agent: Arc::new(agent), ground, budget, way })
    }

    /// How many blocks of `len` bytes one request can have, cut into descriptors as backends cut them.
    #[must_use]
    pub fn blocks_max(&self, len: Bytes) -> usize {
        (self.way.spans_in_flight_max / self.descriptors(len).max(1)).max(1)
    }

    /// A request of blocks of `len` bytes, each at an offset of the memory and one of the file.
    ///
    /// # Errors
    /// `OutOfRange` or `Misaligned` for a block that is not whole pages of both, `Device` where NIXL refuses.
    pub fn flight(&self, way: BareWay, blocks: &[(Bytes, Bytes)], len: Bytes) -> Result<Flight> {
        let page = PAGE as Bytes;
        let all = self.ground.file.owner().len();
        for offset in blocks.iter().flat_map(|(memory, file)| [*memory, *file]) {
            if !offset.is_multiple_of(page) || !len.is_multiple_of(page) {
                let context = format!("{len} bytes at {offset}: give multiples of {page}");
                return Err(Error::new(ErrorKind::Misaligned, context));
            }
            if offset.checked_add(len).is_none_or(|end| end > all) {
                let context = format!("{len} bytes at {offset} of {all}");
                return Err(Error::new(ErrorKind::OutOfRange, context));
            }
        }
        let direction = match way {
            BareWay::Store => Direction::Store,
            BareWay::Load => Direction::Load,
        };
        let ground = Arc::clone(&self.ground);
        let cargo = BareCargo { ground, direction, pieces: blocks.to_vec(), len };
        let transfer = Transfer::new(&self.agent, self.way.span_bytes_max, cargo, None);
        Ok(Flight {
            transfer: Some(transfer.map_err(|refused| failed("make a request", refused.code))?),
            descriptors: blocks.len() * self.descriptors(len),
            bytes: len * blocks.len() as Bytes,
        })
    }

    /// Posts a request and asks until it is done. After an error it can't be flown again: what it moves may
    /// still be touched, so it is kept for as long as the process lives.
    ///
    /// # Errors
    /// `Busy` while others have too many descriptors in flight, `TimedOut` after `patience`, `Device` from
    /// NIXL, `Unavailable` for a flight that failed before.
    pub fn fly(&self, flight: &mut Flight, patience: Duration) -> Result<()> {
        let lost = || Error::new(ErrorKind::Unavailable, "this request failed before");
        let mut transfer = flight.transfer.take().ok_or_else(lost)?;
        let Some(permit) = self.budget.take(1, flight.descriptors) else {
            flight.transfer = Some(transfer);
            let context = format!("no room for {} descriptors", flight.descriptors);
            return Err(Error::new(ErrorKind::Busy, context));
        };
        let clock = Clock::start();
        let until = Nanos(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX));
        let mut seen = transfer.post();
        let error = loop {
            match seen {
                Ok(Progress::Done) => {
                    flight.transfer = Some(transfer);
                    return Ok(());
                }
                Ok(Progress::Going) if clock.now() < until => {
                    std::thread::yield_now();
                    seen = transfer.progress();
                }
                Ok(Progress::Going) => {
                    let context = format!("no end of a request in {patience:?}");
                    break Error::new(ErrorKind::TimedOut, context);
                }
                Err(code) => break failed("move bytes", code),
            }
        };
        std::mem::forget(permit);
        // Where its end was not seen it keeps agent, memory and file.
        drop(transfer);
        Err(error)
    }

    /// Whether the file is read and written past the page cache.
    #[must_use]
    pub fn direct(&self) -> bool {
        self.ground.file.owner().direct()
    }

    fn descriptors(&self, len: Bytes) -> usize {
        spans_of(len as usize, self.way.span_bytes_max)
    }
}

impl Flight {
    /// Bytes that it moves.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes
    }
}

impl Ground {
    fn new(config: &BareConfig, way: &Opening) -> Result<Self> {
        let BareConfig { direct, len, pool, files, stride, .. } = *config;
        let medium = FileMedium {
            directory: String::new(),
            rank: 0,
            window: 0,
            pool,
            role: FileRole::Scratch,
            stride,
        };
        let rules = FileRules { direct, layout: FileLayout::Striped { files }, keep: false };
        let root = Root::open(&config.root)?;
        let store = Arc::new(SlotStore::make(&root, &medium, len, rules, &mut Vec::new())?);
        let busy = || Error::new(ErrorKind::Busy, "nobody else has what was just made");
        let file = Claim::new(&store, 0..len, Access::Write).ok_or_else(busy)?;
        #[cfg(feature = "cuda")]
        if let (Some(ordinal), StopKind::Device) = (config.gpu, way.stops) {
            let memory = DeviceMemory::new(&Gpu::open(ordinal)?, len)?;
            let start = memory.address().expect("memory of ours is in one piece");
            let claim = Claim::new(&memory, 0..len, Access::Write).ok_or_else(busy)?;
            let kind = MemoryKind::Device(ordinal);
            return Ok(Self { file, kind, start, _memory: Held::Device(claim) });
        }
        if way.stops == StopKind::Device {
            let context =
                "this queue moves a GPU's memory: name a GPU, and build with the feature gds";
            return Err(Error::new(ErrorKind::Config, context));
        }
        let memory = Self::host(config)?;
        let mut lent = LentMut::new(&memory, 0..len).ok_or_else(busy)?;
        // Every page of it is touched.
        lent.bytes().fill(0x5a);
        let start = lent.span().start;
        Ok(Self { file, kind: MemoryKind::Host, start, _memory: Held::Host(lent) })
    }

    fn host(config: &BareConfig) -> Result<Arc<Memory>> {
        #[cfg(feature = "cuda")]
        if let Some(ordinal) = config.gpu {
            return Memory::pinned(&Gpu::open(ordinal)?, config.len);
        }
        Memory::new(config.len)
    }
}

impl Cargo for BareCargo {
    fn memory(&self) -> MemoryKind {
        self.ground.kind
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn spans(&mut self, span_max: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        for (memory, file) in &self.pieces {
            let Some((file, at)) = self.ground.file.owner().kept_at(*file) else { continue };
            let start = self.ground.start + *memory as usize;
            let place = Place { file: file.as_raw_fd(), at };
            split(start..start + self.len as usize, span_max, place, &mut spans);
        }
        spans
    }
}

fn failed(doing: &str, code: Code) -> Error {
    let context = format!("NIXL by itself could not {doing}: see its log on standard error");
    Error::new(code.kind(), context).with_source(code)
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").field("queue", &self.way.queue).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight").field("descriptors", &self.descriptors).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nixl::PosixPlugin;
    use crate::nixl::posix::AIO;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A page and the next one, two pages further in the file.
    #[test]
    #[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
    fn the_blocks_of_a_flight_are_moved_each_time_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let page = PAGE as Bytes;
        let config = BareConfig {
            root: folder.path().to_owned(),
            direct: DirectIo::Never,
            gpu: None,
            queue: AIO.queue.into(),
            len: 4 * page,
            files: 1,
            stride: page,
            pool: 3,
        };
        let bare = Bare::open::<PosixPlugin>(&config).unwrap();
        let blocks = [(0, 2 * page), (page, 3 * page)];
        let mut store = bare.flight(BareWay::Store, &blocks, page).unwrap();
        let mut load = bare.flight(BareWay::Load, &blocks, page).unwrap();
        assert_eq!(store.bytes(), 2 * page);
        for _ in 0..3 {
            bare.fly(&mut store, PATIENCE).unwrap();
            bare.fly(&mut load, PATIENCE).unwrap();
        }
        let file = std::fs::read(folder.path().join("rank0_window0_pool3.slots")).unwrap();
        assert_eq!(file, [[0; PAGE], [0; PAGE], [0x5a; PAGE], [0x5a; PAGE]].concat());
        let outside = bare.flight(BareWay::Load, &[(0, 4 * page)], page).unwrap_err();
        assert_eq!(outside.kind(), ErrorKind::OutOfRange);
        let misaligned = bare.flight(BareWay::Load, &[(0, 1)], page).unwrap_err();
        assert_eq!(misaligned.kind(), ErrorKind::Misaligned);
    }
}
