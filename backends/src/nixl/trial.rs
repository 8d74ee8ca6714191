//! One small transfer there and back, because what a plugin can do is known only by doing it.

use super::agent::{Agent, Registered};
use super::cargo::{Cargo, Direction, MemoryKind, Place, Span};
use super::plugin::{Opening, StopKind};
use super::status::{Code, Progress};
use super::transfer::Transfer;
use crate::clock::{Clock, Patience};
use crate::cuda::{DeviceMemory, Gpu, Side};
use crate::files::root::Root;
use crate::files::rules::{FileLayout, FileRules};
use crate::files::store::SlotStore;
use crate::lend::{Access, Claim, LentMut, Memory};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tierproof_core::{Bytes, Error, ErrorKind, FileMedium, FileRole, Nanos, Result};

const LEN: Bytes = 4096;
const PATIENCE: Nanos = Nanos::from_millis(5_000);

/// Writes a page from where this way stops, and reads it back.
pub(super) fn run(
    agent: &Arc<Agent>,
    way: &Opening,
    root: &Root,
    rules: FileRules,
    gpu: &Arc<Gpu>,
) -> Result<()> {
    static POOL: AtomicU32 = AtomicU32::new(0);
    let medium = FileMedium {
        directory: String::new(),
        rank: u32::MAX,
        window: std::process::id(),
        pool: POOL.fetch_add(1, Ordering::Relaxed),
        role: FileRole::Scratch,
        stride: LEN,
    };
    let rules = FileRules { layout: FileLayout::SlotFile, keep: false, ..rules };
    let store = Arc::new(SlotStore::make(root, &medium, LEN, rules, &mut Vec::new())?);
    let memory = Tried::new(way, gpu)?;
    let fd = store.kept().next().map(|(file, _)| file.as_raw_fd());
    let fd = fd.ok_or_else(|| failed("keep a file open", Code::NotFound))?;
    let (kind, address) = memory.place();
    agent
        .register_memory(kind, address, LEN as usize)
        .map_err(|code| failed("register memory", code))?;
    let tried = agent
        .register_file(fd, LEN as usize)
        .map_err(|code| failed("register a file", code))
        .and_then(|()| there_and_back(agent, &store, &memory));
    let _ = agent.forget(Registered::File(fd));
    let _ = agent.forget(Registered::Memory(address));
    tried
}

fn there_and_back(agent: &Arc<Agent>, store: &Arc<SlotStore>, memory: &Tried) -> Result<()> {
    let content: Vec<u8> = (0..LEN).map(|at| ((at * 131) >> 3) as u8).collect();
    memory.fill(&content)?;
    carry(agent, store, memory, Direction::Store)?;
    memory.fill(&vec![0; LEN as usize])?;
    carry(agent, store, memory, Direction::Load)?;
    let mut seen = vec![0; LEN as usize];
    memory.peek(&mut seen)?;
    if seen == content {
        return Ok(());
    }
    let context = "what was written and read back through it is something else";
    Err(Error::new(ErrorKind::Corrupt, context))
}

fn carry(
    agent: &Arc<Agent>,
    store: &Arc<SlotStore>,
    memory: &Tried,
    direction: Direction,
) -> Result<()> {
    let busy = || Error::new(ErrorKind::Busy, "nobody else has what is tried");
    let file = Claim::new(store, 0..LEN, Access::Write).ok_or_else(busy)?;
    let cargo = TrialCargo { file, side: memory.side().ok_or_else(busy)?, direction };
    let mut transfer = Transfer::new(agent, LEN as usize, cargo, None)
        .map_err(|refused| failed("make a transfer", refused.code))?;
    let clock = Clock::start();
    let mut patience = Patience::default();
    let mut seen = transfer.post();
    loop {
        match seen {
            Ok(Progress::Done) => {
                transfer.finish();
                return Ok(());
            }
            Ok(Progress::Going) if clock.now() < PATIENCE => {
                patience.pause(clock, PATIENCE);
                seen = transfer.progress();
            }
            // It keeps what it may still touch.
            Ok(Progress::Going) => {
                let context = "no answer to a transfer of one page in 5 seconds";
                return Err(Error::new(ErrorKind::TimedOut, context));
            }
            Err(code) => return Err(failed("move a page", code)),
        }
    }
}

fn failed(doing: &str, code: Code) -> Error {
    Error::new(code.kind(), format!("it could not {doing} ({code})")).with_source(code)
}

/// Memory of the kind that a way moves.
enum Tried {
    Device(Arc<DeviceMemory>),
    Host(Arc<Memory>),
}

impl Tried {
    fn new(way: &Opening, gpu: &Arc<Gpu>) -> Result<Self> {
        Ok(match way.stops {
            StopKind::Device => Self::Device(DeviceMemory::new(gpu, LEN)?),
            StopKind::Host => Self::Host(Memory::pinned(gpu, LEN)?),
        })
    }

    fn place(&self) -> (MemoryKind, usize) {
        match self {
            Self::Device(memory) => {
                let address = memory.address().expect("memory of ours is in one piece");
                (MemoryKind::Device(memory.ordinal()), address)
            }
            Self::Host(memory) => (MemoryKind::Host, memory.address()),
        }
    }

    fn side(&self) -> Option<Side> {
        match self {
            Self::Device(memory) => Claim::new(memory, 0..LEN, Access::Write).map(Side::Device),
            Self::Host(memory) => LentMut::new(memory, 0..LEN).map(Side::Target),
        }
    }

    fn fill(&self, bytes: &[u8]) -> Result<()> {
        match self.side() {
            Some(Side::Device(claim)) => DeviceMemory::fill(&claim, bytes),
            Some(Side::Target(mut lent)) => {
                lent.bytes().copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Busy, "a trial that hangs has the memory")),
        }
    }

    fn peek(&self, bytes: &mut [u8]) -> Result<()> {
        match self.side() {
            Some(Side::Device(claim)) => DeviceMemory::peek(&claim, bytes),
            Some(Side::Target(mut lent)) => {
                bytes.copy_from_slice(lent.bytes());
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Busy, "a trial that hangs has the memory")),
        }
    }
}

/// One page.
struct TrialCargo {
    file: Claim<SlotStore>,
    side: Side,
    direction: Direction,
}

impl Cargo for TrialCargo {
    fn memory(&self) -> MemoryKind {
        self.side.memory_kind()
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn spans(&mut self, _: usize) -> Vec<Span> {
        let (start, file) = (self.side.address(), self.file.owner().kept().next());
        let (Some(start), Some((file, _))) = (start, file) else { return Vec::new() };
        let place = Place { file: file.as_raw_fd(), at: 0 };
        vec![Span { memory: start..start + LEN as usize, place }]
    }
}
