//! The seam: everything that the engine asks of memory, files and time.

use crate::descriptor::{Descriptor, Medium, MediumKind, RegionId};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::{Completion, TransferId, TransferRequest};
use crate::units::{Bytes, Nanos};

/// How bytes get from one medium to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// The backend refuses it.
    Absent,
    /// Through a buffer of the backend's own.
    Staged,
    /// Without a stop.
    Direct,
}

/// Something that works otherwise than asked, as a value that a report must print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Fallback {
    /// What was asked for.
    pub wanted: String,
    /// What happens instead.
    pub instead: String,
    /// Why.
    pub reason: String,
}

impl Fallback {
    /// `instead` happens where `wanted` was asked for, because of `reason`.
    pub fn new(
        wanted: impl Into<String>,
        instead: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self { wanted: wanted.into(), instead: instead.into(), reason: reason.into() }
    }

    /// Adds this to what is known of a backend, unless it is known already.
    pub fn note(self, known: &mut Vec<Self>) {
        if !known.contains(&self) {
            known.push(self);
        }
    }
}

/// Plain facts about a backend. Limits are per request unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// `routes[source as usize][target as usize]`, indexed by [`MediumKind`].
    pub routes: [[Route; 3]; 3],
    /// Bytes that offsets of files and lengths of slots must be a multiple of; a power of two.
    pub alignment: Bytes,
    /// Parts of one request at most.
    pub request_parts_max: u32,
    /// Payload bytes of one request at most; also the longest part.
    pub request_bytes_max: Bytes,
    /// Parts in flight at most, over all requests.
    pub in_flight_parts_max: u32,
    /// What works otherwise than asked, so far. Grows as regions are allocated.
    pub fallbacks: Vec<Fallback>,
}

impl Capability {
    /// The route from `source` to `target`.
    #[must_use]
    pub fn route(&self, source: MediumKind, target: MediumKind) -> Route {
        self.routes[source as usize][target as usize]
    }
}

/// Memory, files and time for one engine.
///
/// Every method is safe to call with any argument: what is wrong with it comes back as a typed
/// error and has no effect. Ids belong to the backend that gave them.
pub trait Backend {
    /// The name that reports and goldens use.
    fn name(&self) -> &'static str;

    /// What this backend can do. Fixed, but for [`Capability::fallbacks`].
    fn capability(&self) -> &Capability;

    /// A region of `len` bytes on `medium`, owned and registered by the backend. Its content is
    /// undefined until written, but for files that [last](crate::FileRole::lasts): those hold what an earlier
    /// process left, as far as it reaches, and zeros from there on.
    ///
    /// # Errors
    /// `Unsupported` for a medium without a route or files that can't last, `Exhausted` without room, `Busy`
    /// for files that another backend keeps, `Unavailable` or `Device` from below.
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId>;

    /// Gives a region back.
    ///
    /// # Errors
    /// `Busy` while a transfer that touches it is in flight, `OutOfRange` for an unknown region.
    fn release(&mut self, region: RegionId) -> Result<()>;

    /// Copies `bytes` into `target` before returning: seeding, a model's output, tests.
    ///
    /// # Errors
    /// `OutOfRange` unless `target` lies in its region and is as long as `bytes`.
    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()>;

    /// Copies `source` into `bytes` before returning: verification.
    ///
    /// # Errors
    /// `OutOfRange` unless `source` lies in its region and is as long as `bytes`.
    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()>;

    /// Starts a request. The answer of an accepted request is exactly one [`Completion`].
    ///
    /// # Errors
    /// A refused request has no effect, now or later. `Busy` where the same request may be
    /// accepted later; `OutOfRange`, `Misaligned` or `Unsupported` for one that never will.
    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId>;

    /// Makes a file's content durable: what was filled and what completed without a fault in `region`, in
    /// a poll before this call, is there after a crash of the process or a loss of power. Answers when it is.
    ///
    /// A failure says nothing of what was written since the last success: some of it may be gone although
    /// reads still show it, and a later success does not bring it back.
    ///
    /// # Errors
    /// `Unsupported` for memory, and by a backend without files; `OutOfRange` for an unknown region;
    /// `Exhausted` or `Device` from below.
    fn flush(&mut self, region: RegionId) -> Result<()> {
        let context = format!(
            "backend {} makes nothing durable, and {region:?} neither: choose a backend with files",
            self.name()
        );
        Err(Error::new(ErrorKind::Unsupported, context))
    }

    /// Appends the completions since the last poll. Never blocks.
    ///
    /// # Errors
    /// `Device` if the backend as a whole can't go on.
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()>;

    /// Waits for a completion, but not beyond `until`, and answers what time it is then. Simulated
    /// time jumps; hardware waits. A time already past only asks for the time.
    fn park(&mut self, until: Nanos) -> Nanos;
}

/// Spells a backend out for something that points to one.
macro_rules! forward {
    ($pointer:ty) => {
        impl<B: Backend + ?Sized> Backend for $pointer {
            fn name(&self) -> &'static str {
                (**self).name()
            }
            fn capability(&self) -> &Capability {
                (**self).capability()
            }
            fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
                (**self).allocate(medium, len)
            }
            fn release(&mut self, region: RegionId) -> Result<()> {
                (**self).release(region)
            }
            fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
                (**self).fill(target, bytes)
            }
            fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
                (**self).peek(source, bytes)
            }
            fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
                (**self).submit(request)
            }
            fn flush(&mut self, region: RegionId) -> Result<()> {
                (**self).flush(region)
            }
            fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
                (**self).poll(done)
            }
            fn park(&mut self, until: Nanos) -> Nanos {
                (**self).park(until)
            }
        }
    };
}

forward!(Box<B>);
forward!(&mut B);
