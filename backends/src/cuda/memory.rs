//! Device memory, and host memory that a GPU reaches directly.

use super::gpu::{Gpu, Way};
use super::pool::Pool;
use super::trouble::failed;
use crate::lend::{Claim, Claimed, Claims, Memory, Preparation};
use crate::sheets::Slab;
use cudarc::driver::{CudaEvent, CudaStream, DriverError, result, sys};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// Memory of a GPU whose ranges are claimed one by one.
#[derive(Debug)]
pub(crate) struct DeviceMemory {
    gpu: Arc<Gpu>,
    pool: Pool,
    /// Whether it is ours to free.
    owned: bool,
    claims: Claims,
    /// What others are still doing with ranges of it.
    writers: Mutex<Vec<Writer>>,
}

/// Work of others that transfers of a range wait for.
#[derive(Debug)]
struct Writer {
    range: Range<Bytes>,
    done: CudaEvent,
}

impl Claimed for DeviceMemory {
    fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl Slab for DeviceMemory {
    fn len(&self) -> Bytes {
        self.pool.len()
    }
}

impl DeviceMemory {
    /// `len` bytes of the GPU.
    pub(crate) fn new(gpu: &Arc<Gpu>, len: Bytes) -> Result<Arc<Self>> {
        if len == 0 {
            let context = "a region of 0 bytes: ask for at least 1";
            return Err(Error::new(ErrorKind::OutOfRange, context));
        }
        let address = allocate(gpu, len).map_err(|error| {
            failed(&format!("allocate {len} bytes of {}", gpu.facts.name), error)
        })?;
        let pool = Pool::contiguous(gpu.facts.ordinal, address, len);
        Ok(Self::over(gpu, pool, true))
    }

    /// Memory that somebody else owns, and for which they have promised what `Pool` asks.
    pub(super) fn adopt(gpu: &Arc<Gpu>, pool: Pool) -> Arc<Self> {
        Self::over(gpu, pool, false)
    }

    fn over(gpu: &Arc<Gpu>, pool: Pool, owned: bool) -> Arc<Self> {
        Arc::new(Self {
            gpu: Arc::clone(gpu),
            pool,
            owned,
            claims: Claims::default(),
            writers: Mutex::default(),
        })
    }

    pub(crate) fn len(&self) -> Bytes {
        self.pool.len()
    }

    /// Where it begins, for those who move bytes below us. `None` if it is in pieces.
    pub(crate) fn address(&self) -> Option<usize> {
        self.pool.one_range(0..self.len()).map(|address| address as usize)
    }

    /// Whether it is in one piece.
    pub(crate) fn is_whole(&self) -> bool {
        self.address().is_some()
    }

    /// The number of its GPU.
    #[cfg(feature = "nixl")]
    pub(crate) fn ordinal(&self) -> u32 {
        self.pool.ordinal()
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Transfers of `range` that are launched from now on wait for all that `stream` was given so far.
    pub(super) fn written_by(
        &self,
        range: Range<Bytes>,
        stream: &CudaStream,
    ) -> Result<(), DriverError> {
        let done = self.gpu.mark(stream)?;
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|writer| !writer.done.is_complete());
        writers.push(Writer { range, done });
        Ok(())
    }

    /// Makes `streams` wait for those who still write to `range`.
    pub(super) fn await_writers(
        &self,
        range: &Range<Bytes>,
        streams: &[&CudaStream],
    ) -> Result<(), DriverError> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|writer| !writer.done.is_complete());
        let overlaps =
            |other: &Range<Bytes>| other.start.max(range.start) < other.end.min(range.end);
        let mut theirs = writers.iter().filter(|writer| overlaps(&writer.range));
        theirs
            .try_for_each(|writer| streams.iter().try_for_each(|stream| stream.wait(&writer.done)))
    }

    /// Copies `bytes` into the claimed range and waits.
    pub(crate) fn fill(claim: &Claim<Self>, bytes: &[u8]) -> Result<()> {
        let memory = claim.owner();
        let stream = memory.gpu.stream(Way::Side);
        let copied = memory.settle(&claim.range()).and_then(|()| {
            let mut rest = bytes;
            memory.pool.spans(claim.range()).try_for_each(|(address, len)| {
                let (head, tail) = rest.split_at(len as usize);
                rest = tail;
                // SAFETY: the span is memory of this context that nobody else touches as long as the
                // claim lives, and both live until the stream has come to its end below.
                unsafe { result::memcpy_htod_async(address, head, stream.cu_stream()) }
            })
        });
        // A call that waits only waits until the bytes have left the host: other streams would be faster.
        let copied = copied.and(stream.synchronize());
        copied.map_err(|error| failed("write to a region", error))
    }

    /// Copies the claimed range into `bytes` and waits.
    pub(crate) fn peek(claim: &Claim<Self>, bytes: &mut [u8]) -> Result<()> {
        let memory = claim.owner();
        let copied = memory.settle(&claim.range()).and_then(|()| {
            let mut rest = bytes;
            memory.pool.spans(claim.range()).try_for_each(|(address, len)| {
                let (head, tail) = std::mem::take(&mut rest).split_at_mut(len as usize);
                rest = tail;
                // SAFETY: the span is memory of this context that nobody writes to as long as the
                // claim lives, and the call returns when the bytes are here.
                unsafe { result::memcpy_dtoh_sync(head, address) }
            })
        });
        copied.map_err(|error| failed("read a region", error))
    }

    /// Waits for those who still write to `range`.
    fn settle(&self, range: &Range<Bytes>) -> Result<(), DriverError> {
        self.gpu.bind()?;
        let stream = self.gpu.stream(Way::Side);
        self.await_writers(range, &[stream])?;
        stream.synchronize()
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        let Some(address) = self.pool.one_range(0..self.len()).filter(|_| self.owned) else {
            return;
        };
        if self.gpu.bind().is_ok() {
            // SAFETY: allocated in `new`, and no claim is left: each keeps its owner alive.
            let freed = unsafe { result::free_sync(address) };
            debug_assert!(freed.is_ok(), "{freed:?}");
        }
    }
}

fn allocate(gpu: &Gpu, len: Bytes) -> Result<u64, DriverError> {
    gpu.bind()?;
    // SAFETY: the context is current, and the length is not 0.
    unsafe { result::malloc_sync(len as usize) }
}

/// Host memory made known to the driver, so that a GPU reads and writes it without a stop; until
/// dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    gpu: Arc<Gpu>,
    address: usize,
}

impl Pin {
    /// Pins `len` bytes at `address`.
    ///
    /// # Safety
    /// They are mapped, and stay so until this is dropped.
    pub(crate) unsafe fn new(gpu: &Arc<Gpu>, address: usize, len: usize) -> Result<Self> {
        let pinned = gpu.bind().and_then(|()| {
            let start = std::ptr::with_exposed_provenance_mut(address);
            // SAFETY: the caller promises that the range is mapped.
            unsafe { sys::cuMemHostRegister_v2(start, len, sys::CU_MEMHOSTREGISTER_PORTABLE) }
                .result()
        });
        match pinned {
            Ok(()) => Ok(Self { gpu: Arc::clone(gpu), address }),
            Err(error) => Err(failed(&format!("pin {len} bytes of host memory"), error)),
        }
    }
}

impl Preparation for Pin {}

impl Memory {
    /// Host memory that the GPU reaches without a stop.
    pub(crate) fn pinned(gpu: &Arc<Gpu>, len: Bytes) -> Result<Arc<Self>> {
        Self::prepared(len, |address, len| {
            // SAFETY: the mapping is the memory's, which lets go of the pin first.
            unsafe { Pin::new(gpu, address, len) }
        })
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.gpu.bind().is_ok() {
            let start = std::ptr::with_exposed_provenance_mut(self.address);
            // SAFETY: registered in `new`, and this is its only end. Claims of transfers keep the
            // memory alive, so none is in flight.
            let ended = unsafe { sys::cuMemHostUnregister(start) }.result();
            debug_assert!(ended.is_ok(), "{ended:?}");
        }
    }
}
