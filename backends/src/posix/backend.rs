//! The backend: memory regions, file regions, workers and time.

#[cfg(test)]
mod conflicts;

use super::config::PosixConfig;
use super::pool::{Ended, Pool};
use crate::clock::Clock;
use crate::files::io::Desk;
use crate::files::regions::{ALIGNMENT, Region, Regions};
use crate::files::root::Root;
use crate::files::rules::note_mode;
use crate::request::Judge;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, MediumKind,
    Nanos, RegionId, Result, Route, TransferId, TransferMode, TransferRequest, buggify, sometimes,
};

/// Files beneath one directory, device and host memory in memory.
///
/// Parts between memory and files run on worker threads, past the page cache where the file system
/// permits; copies between memories are done when [`Backend::submit`] returns. A part that no
/// worker began before the request's deadline fails as `TimedOut`; one that began runs to its end.
///
/// Ranges in flight are claimed: a submit, fill, peek or release that would conflict with them is
/// `Busy` and has no effect. A load that began and failed leaves zeros in its target: what it read
/// may be anybody's. Offsets in files and strides of slots are multiples of
/// [`Posix::ALIGNMENT`], and a payload that ends within a page owns the rest of it, which is
/// written as zeros. With [`FileLayout::FilePerSlot`](crate::FileLayout::FilePerSlot) a part stays within one slot.
///
/// Files are made with mode 0600, directories with 0700, and every name is resolved beneath the
/// root without following links. One backend at a time owns the files of a (directory, rank,
/// window, pool); what an earlier run left there is emptied. Dropping the backend waits for what is
/// in flight and removes its files. Files that [last](tierproof_core::FileRole::lasts) are neither emptied nor
/// removed, and [`Backend::flush`] is `fdatasync`; with
/// [`FileLayout::FilePerSlot`](crate::FileLayout::FilePerSlot) there are none.
///
/// ```
/// use tierproof_backends::{Posix, PosixConfig};
/// use tierproof_core::{Backend, Descriptor, FileMedium, FileRole, Medium};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let root = root.path();
/// let mut posix = Posix::open(PosixConfig::new(root))?;
/// let medium = FileMedium {
///     directory: "tenant-a".into(), rank: 0, window: 4096, pool: 0, role: FileRole::Scratch, stride: 8192,
/// };
/// let slots = posix.allocate(&Medium::File(medium), 4 * 8192)?;
/// assert!(root.join("tenant-a/rank0_window4096_pool0.slots").exists());
/// posix.fill(Descriptor { region: slots, offset: 8192, len: 5 }, b"hello")?;
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Posix {
    config: PosixConfig,
    root: Root,
    capability: Capability,
    regions: Regions,
    submitted: u64,
    in_flight_parts: u32,
    done: Vec<Completion>,
    judge: Judge,
    desk: Desk,
    clock: Clock,
    pool: Pool,
}

impl Posix {
    /// What offsets in files, strides of slots and trailers are a multiple of: a page.
    pub const ALIGNMENT: Bytes = ALIGNMENT;

    /// Opens the root directory and starts the workers; the backend's time starts now.
    ///
    /// # Errors
    /// `Config` for a setting out of bounds, `Unavailable` for a root that can't be opened,
    /// `Unsupported` on a system without `openat2`, `Exhausted` without threads or memory.
    pub fn open(config: PosixConfig) -> Result<Self> {
        config.examine()?;
        let root = Root::open(&config.root)?;
        let memory = [Route::Direct; 3];
        let capability = Capability {
            routes: [memory, memory, [Route::Direct, Route::Direct, Route::Absent]],
            alignment: Self::ALIGNMENT,
            request_parts_max: config.in_flight_parts_max.min(256),
            request_bytes_max: 1 << 30,
            in_flight_parts_max: config.in_flight_parts_max,
            fallbacks: Vec::new(),
        };
        let clock = Clock::start();
        let pool = Pool::start(config.threads, config.in_flight_parts_max, clock)?;
        Ok(Self {
            config,
            root,
            capability,
            regions: Regions::default(),
            submitted: 0,
            in_flight_parts: 0,
            done: Vec::new(),
            judge: Judge::default(),
            desk: Desk::new()?,
            clock,
            pool,
        })
    }

    /// Takes note of everything that ended.
    fn drain(&mut self) -> Result<()> {
        while let Some(ended) = self.pool.try_ended()? {
            self.note(ended);
        }
        Ok(())
    }

    fn note(&mut self, ended: Ended) {
        self.in_flight_parts -= ended.parts;
        self.done.push(ended.completion);
    }

    fn copy_in_memory(&mut self, id: TransferId, request: &TransferRequest) -> Result<()> {
        let faults = self.regions.copy(request)?;
        self.done.push(Completion { id, at: self.clock.now(), faults });
        Ok(())
    }

    fn send_to_workers(&mut self, id: TransferId, request: &TransferRequest) -> Result<()> {
        let works = self.regions.works(request)?;
        let parts = works.len() as u32;
        if parts > self.config.in_flight_parts_max - self.in_flight_parts {
            let context = format!(
                "{parts} parts beside {} in flight, and {} at most: poll, then submit again",
                self.in_flight_parts, self.config.in_flight_parts_max
            );
            return Err(Error::new(ErrorKind::Busy, context));
        }
        sometimes!(parts > 1, "posix: a request of several parts goes to files");
        self.in_flight_parts += parts;
        self.pool.send(id, request.deadline, works);
        Ok(())
    }
}

impl Backend for Posix {
    fn name(&self) -> &'static str {
        "posix"
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let id = self.regions.next_id()?;
        let (rules, fallbacks) = (self.config.rules(), &mut self.capability.fallbacks);
        let region = Region::make(&self.root, medium, len, rules, fallbacks)?;
        self.regions.push(region);
        Ok(id)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.regions.release(region).map(drop)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.regions.fill(&mut self.desk, target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.regions.peek(&mut self.desk, source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.drain()?;
        let regions = &self.regions;
        let facts = |id| regions.get(id).ok().map(Region::facts);
        let media = self.judge.judge(&self.capability, request, facts)?;
        let id = TransferId(self.submitted);
        match media {
            (MediumKind::File, _) | (_, MediumKind::File) => {
                self.send_to_workers(id, request)?;
                sometimes!(media.1 == MediumKind::Device, "posix: files are read into the device");
                sometimes!(
                    request.mode == TransferMode::Gds,
                    "posix: direct transfer to files is asked for"
                );
                let (instead, reason) =
                    ("plain reads and writes by threads", "the posix backend has no GPU");
                note_mode(request.mode, instead, reason, &mut self.capability.fallbacks);
            }
            _ => self.copy_in_memory(id, request)?,
        }
        self.submitted += 1;
        Ok(id)
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.regions.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let drained = self.drain();
        if drained.is_ok() && buggify!("posix: a poll reports nothing yet") {
            return Ok(());
        }
        sometimes!(self.done.len() > 1, "posix: several requests end in one poll");
        if buggify!("posix: completions are reported in reverse") {
            self.done.reverse();
        }
        done.append(&mut self.done);
        drained
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let idle = self.drain().is_ok() && self.done.is_empty();
        if idle && buggify!("posix: a wait ends at once") {
            return self.clock.now();
        }
        if idle && self.in_flight_parts == 0 {
            self.clock.sleep(until);
        } else if idle {
            let ended = self.pool.wait_ended(self.clock.instant(until));
            sometimes!(ended.is_some(), "posix: a completion is waited for");
            sometimes!(ended.is_none(), "posix: a wait ends before a completion");
            if let Some(ended) = ended {
                self.note(ended);
            }
        }
        self.clock.now()
    }
}
