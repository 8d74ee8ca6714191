//! One tiny verified transfer: around every way that a backend has, and never waiting for ever.

use super::finding::told;
use super::patience::{Asked, PATIENCE, Silence};
use crate::payload::Identity;
use serde::Serialize;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tierproof_core::{
    Backend, Bytes, Descriptor, Error, ErrorKind, Fallback, FileMedium, FileRole, Medium,
    MediumKind, Nanos, Part, RegionId, Result, Route, Stamp, TransferMode, TransferRequest,
};

use MediumKind::{Device, File, Host};

/// Payload of the block: no multiple of a page, so that its last, short page is tried too.
const LEN: Bytes = 60_000;
/// How long one transfer may take, in the backend's time and in ours.
const WAIT: Nanos = Nanos::from_millis(10_000);
/// How long closing a backend may take. Some wait for what is in flight.
const CLOSING: Duration = Duration::from_secs(15);
/// Ways around, the longest first. One is walked if all of its routes are there, and one of them
/// was not taken before.
const WALKS: [&[MediumKind]; 6] = [
    &[Device, Host, File, Device],
    &[Device, File, Host, Device],
    &[Device, File, Device],
    &[Device, Host, Device],
    &[Host, File, Host],
    &[Host, Device, Host],
];

/// What came of trying a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The backend's name.
    pub backend: String,
    /// Whether every byte came back over every route, and all was given back.
    pub works: bool,
    /// The routes over which it did, such as `device-host`.
    pub routes: Vec<String>,
    /// Those of them that go through a buffer of the backend's own.
    pub staged: Vec<String>,
    /// Why it does not work.
    pub why: Option<String>,
    /// What to do about that.
    pub remedy: Option<String>,
    /// What works otherwise than asked.
    pub fallbacks: Vec<Fallback>,
}

impl Trial {
    /// One that did not begin.
    pub(crate) fn not_working(backend: &str, why: String, remedy: &str) -> Self {
        Self {
            backend: backend.into(),
            works: false,
            routes: Vec::new(),
            staged: Vec::new(),
            why: Some(why),
            remedy: Some(remedy.into()),
            fallbacks: Vec::new(),
        }
    }
}

/// Opens a backend, moves one block around and compares every byte. Opening, transfers and closing
/// each have an end: what hangs does not work, and says so.
///
/// Files are asked for in the backend's root; `mode` is how. Nothing is left of them.
///
/// ```
/// use tierproof::doctor::try_out;
/// use tierproof_backends::Dram;
/// use tierproof_core::TransferMode;
/// let trial = try_out("dram", TransferMode::Posix, || Ok(Box::new(Dram::new())));
/// assert!(trial.works && trial.routes.len() == 6, "{trial:?}");
/// ```
pub fn try_out(
    name: &str,
    mode: TransferMode,
    open: impl FnOnce() -> Result<Box<dyn Backend>> + Send + 'static,
) -> Trial {
    let name = name.to_owned();
    let silent = |silence: Silence| Trial::not_working(&name, silence.told(), HANGS);
    let ours = name.clone();
    let asked = Asked::begin(move |says: &Sender<Trial>| {
        let mut opened = open();
        let trial = match &mut opened {
            Ok(backend) => try_opened(ours, mode, &mut **backend),
            Err(error) => Trial::not_working(&ours, told(error), remedy(error.kind())),
        };
        // Said before the backend is closed, which may never end.
        let _ = says.send(trial);
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(silence) => return silent(silence),
    };
    let mut trial = match asked.word(PATIENCE) {
        Ok(trial) => trial,
        Err(silence) => return silent(silence),
    };
    // Whoever says no more has closed it.
    if asked.word(CLOSING) == Err(Silence::Hangs) {
        trial.works = false;
        trial.why.get_or_insert_with(|| "it works, but can't be closed: it hangs".into());
        trial.remedy.get_or_insert_with(|| HANGS.into());
    }
    trial
}

const HANGS: &str = "look at the kernel's log (dmesg) and at NIXL's on standard error; another \
                     directory or backend may work";

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unavailable => "give what is missing: the findings above say what",
        ErrorKind::Exhausted => "free some memory, or some room in the directory",
        ErrorKind::Corrupt => "do not keep blocks with this backend here: it loses bytes",
        ErrorKind::TimedOut => HANGS,
        ErrorKind::Config | ErrorKind::Busy => "do as it says, then run this again",
        _ => "look at standard error and at the kernel's log (dmesg)",
    }
}

fn try_opened(name: String, mode: TransferMode, backend: &mut dyn Backend) -> Trial {
    let mut routes = Vec::new();
    let tried = Bench::new(backend, mode).and_then(|mut bench| {
        bench.walk_all(&mut routes)?;
        bench.give_back()
    });
    let error = tried.err();
    let capability = backend.capability();
    let mut staged = Vec::new();
    for (from, to) in
        MediumKind::ALL.into_iter().flat_map(|from| MediumKind::ALL.map(|to| (from, to)))
    {
        if capability.route(from, to) == Route::Staged && routes.contains(&named(from, to)) {
            staged.push(named(from, to));
        }
    }
    Trial {
        backend: name,
        works: error.is_none(),
        routes,
        staged,
        why: error.as_ref().map(|error| told(error)),
        remedy: error.map(|error| remedy(error.kind()).into()),
        fallbacks: capability.fallbacks.clone(),
    }
}

/// A region on every medium that a walk needs, with two slots: where a walk begins, and where it
/// arrives.
struct Bench<'a> {
    backend: &'a mut dyn Backend,
    mode: TransferMode,
    regions: [Option<RegionId>; 3],
    stride: Bytes,
    bytes: Vec<u8>,
}

impl<'a> Bench<'a> {
    fn new(backend: &'a mut dyn Backend, mode: TransferMode) -> Result<Self> {
        let step = backend.capability().alignment.max(4096);
        let stride = Stamp::sealed_len(LEN, step).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("an alignment of {step} bytes"))
        })?;
        let mut bench =
            Self { backend, mode, regions: [None; 3], stride, bytes: vec![0; LEN as usize] };
        for kind in MediumKind::ALL {
            if WALKS.into_iter().any(|walk| bench.can(walk) && walk.contains(&kind)) {
                let medium = medium(kind, stride);
                bench.regions[kind as usize] = Some(bench.backend.allocate(&medium, 2 * stride)?);
            }
        }
        Ok(bench)
    }

    fn can(&self, walk: &[MediumKind]) -> bool {
        let routes = self.backend.capability();
        walk.windows(2).all(|step| routes.route(step[0], step[1]) != Route::Absent)
    }

    /// Walks until no route is left that a walk takes.
    fn walk_all(&mut self, routes: &mut Vec<String>) -> Result<()> {
        for (walk, number) in WALKS.into_iter().zip(1..) {
            let named: Vec<String> = walk.windows(2).map(|step| named(step[0], step[1])).collect();
            if !self.can(walk) || named.iter().all(|route| routes.contains(route)) {
                continue;
            }
            self.walk(walk, number)?;
            routes.extend(
                named.into_iter().filter(|route| !routes.contains(route)).collect::<Vec<_>>(),
            );
        }
        if routes.is_empty() {
            let context = "it has no way from one medium to another and back";
            return Err(Error::new(ErrorKind::Unsupported, context));
        }
        Ok(())
    }

    fn walk(&mut self, walk: &[MediumKind], number: u64) -> Result<()> {
        let content = Identity { tenant: 1, pool: 0, tag: 0x7469_6572, generation: number };
        content.fill(&mut self.bytes);
        self.backend.fill(self.at(walk[0], 0), &self.bytes)?;
        for (step, from) in walk.windows(2).zip([0, 1, 1]) {
            self.step(content, step[0], from, step[1]).map_err(|error| {
                let context = format!("{}: {}", named(step[0], step[1]), told(&error));
                Error::new(error.kind(), context)
            })?;
        }
        Ok(())
    }

    /// One transfer, after which the target must hold what its source held. Before it, it holds
    /// something else.
    fn step(
        &mut self,
        content: Identity,
        source: MediumKind,
        from: Bytes,
        target: MediumKind,
    ) -> Result<()> {
        let (source_at, target_at) = (self.at(source, from), self.at(target, 1));
        self.bytes.fill(0x5a);
        self.backend.fill(target_at, &self.bytes)?;
        let stamp = Stamp {
            key: [7; 32],
            tenant: content.tenant.into(),
            layout: [1; 16],
            generation: content.generation,
            slot: 1,
            pool: content.pool,
            len: LEN,
        };
        let part = Part {
            source: source_at,
            target: target_at,
            rows: None,
            check: (source != Device && from == 1).then_some(stamp),
            seal: (target != Device).then_some(stamp),
        };
        self.carry_out(part)?;
        self.backend.peek(target_at, &mut self.bytes)?;
        content.check(&self.bytes).map_err(|wrong| {
            Error::new(ErrorKind::Corrupt, format!("said to be done, and wrong: {wrong}"))
        })
    }

    fn carry_out(&mut self, part: Part) -> Result<()> {
        let began = Instant::now();
        let deadline = self.backend.park(Nanos::ZERO).saturating_add(WAIT);
        let request = TransferRequest { mode: self.mode, deadline, parts: vec![part] };
        let id = self.backend.submit(&request)?;
        let mut done = Vec::new();
        loop {
            // Whether time is over is known before the last question.
            let late = self.backend.park(Nanos::ZERO) >= deadline
                || began.elapsed() >= Duration::from_nanos(WAIT.0);
            self.backend.poll(&mut done)?;
            if let Some(completion) = done.iter().find(|completion| completion.id == id) {
                let Some((_, fault)) = completion.faults.first() else { return Ok(()) };
                let why = match fault.refusal {
                    Some(refusal) => format!("refused: {refusal}"),
                    None => format!("it failed: {:?}", fault.kind),
                };
                return Err(Error::new(fault.kind, why));
            }
            if late {
                let context = format!("no end within {} s: it hangs", WAIT.0 / 1_000_000_000);
                return Err(Error::new(ErrorKind::TimedOut, context));
            }
            self.backend.park(deadline);
        }
    }

    fn give_back(self) -> Result<()> {
        self.regions.into_iter().flatten().try_for_each(|region| self.backend.release(region))
    }

    fn at(&self, kind: MediumKind, slot: Bytes) -> Descriptor {
        let region = self.regions[kind as usize].expect("allocated for every walk");
        Descriptor { region, offset: slot * self.stride, len: LEN }
    }
}

fn medium(kind: MediumKind, stride: Bytes) -> Medium {
    match kind {
        Device => Medium::Device { ordinal: 0 },
        Host => Medium::Host,
        File => Medium::File(FileMedium {
            directory: String::new(),
            rank: 0,
            window: 1,
            pool: 0,
            role: FileRole::Scratch,
            stride,
        }),
    }
}

fn named(source: MediumKind, target: MediumKind) -> String {
    format!("{source:?}-{target:?}").to_lowercase()
}
