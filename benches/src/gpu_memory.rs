//! The driver's own copies between a GPU's memory and pinned memory, and memory in layers to lend.

use crate::rounds::Lap;
use crate::watch::doing;
use cudarc::driver::{CudaContext, CudaStream, DriverError, result, sys};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tierproof_backends::{CudaDram, OnGpu, Pool};
use tierproof_core::Bytes;

/// How long a copy may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// From the GPU's memory.
    Down,
    /// To the GPU's memory.
    Up,
}

/// A range of a GPU's memory and one of pinned memory. Both live as long as the process.
#[derive(Debug, Clone, Copy)]
struct Piece {
    device: u64,
    host: usize,
    len: usize,
}

/// Pinned memory and a GPU's, for copies in one piece and in many.
#[derive(Debug)]
pub struct Copies {
    context: Arc<CudaContext>,
    streams: [Arc<CudaStream>; 2],
    /// One for each heading, so that both can be under way.
    whole: [Piece; 2],
    bytes: Bytes,
}

/// Layers of a GPU's memory, which live as long as the process.
#[derive(Debug)]
pub struct Layers {
    starts: Vec<u64>,
    piece: Bytes,
    blocks: u64,
}

/// Copies of pieces in a fixed order.
#[derive(Debug)]
pub struct Pieces(Vec<Piece>);

impl Copies {
    /// Copies of `len` bytes on the first GPU.
    ///
    /// # Panics
    /// Without a GPU or memory.
    #[must_use]
    pub fn open(len: Bytes) -> Self {
        let open = || -> Result<Self, DriverError> {
            let context = CudaContext::new(0)?;
            let streams = [context.new_stream()?, context.new_stream()?];
            let piece = || -> Result<Piece, DriverError> {
                Ok(Piece {
                    device: device(&context, len)?,
                    host: host(&context, len)?,
                    len: len as usize,
                })
            };
            let whole = [piece()?, piece()?];
            Ok(Self { context, streams, whole, bytes: len })
        };
        open().unwrap_or_else(|error| panic!("copies of {len} bytes: {error}"))
    }

    /// One large copy.
    ///
    /// # Panics
    /// If it fails.
    pub fn one(&mut self, heading: Heading) -> Lap {
        self.timed("one pinned copy", self.bytes, &[heading], |copies| {
            copies.start(heading, copies.whole[heading as usize])
        })
    }

    /// Two large copies at once, one each way.
    ///
    /// # Panics
    /// If one fails.
    pub fn both(&mut self) -> Lap {
        let ways = [Heading::Down, Heading::Up];
        self.timed("two pinned copies", 2 * self.bytes, &ways, |copies| {
            ways.into_iter().try_for_each(|way| copies.start(way, copies.whole[way as usize]))
        })
    }

    /// Block `from` of the layers and block `to` of this pinned memory, for every pair.
    ///
    /// # Panics
    /// For a block outside either.
    #[must_use]
    pub fn pieces(&self, layers: &Layers, pairs: &[(u32, u32)], heading: Heading) -> Pieces {
        let host = self.whole[heading as usize].host;
        let Layers { starts, piece, blocks } = layers;
        let block = piece * starts.len() as u64;
        let pieces = pairs.iter().flat_map(|(from, to)| {
            let (from, to) = (u64::from(*from), u64::from(*to));
            assert!(from < *blocks && (to + 1) * block <= self.bytes, "inside both");
            starts.iter().zip(0..).map(move |(start, layer)| Piece {
                device: start + from * piece,
                host: host + (to * block + layer * piece) as usize,
                len: *piece as usize,
            })
        });
        Pieces(pieces.collect())
    }

    /// One copy for each piece.
    ///
    /// # Panics
    /// If one fails.
    pub fn each(&mut self, heading: Heading, pieces: &Pieces) -> Lap {
        self.timed("a copy a piece", pieces.bytes(), &[heading], |copies| {
            pieces.0.iter().try_for_each(|piece| copies.start(heading, *piece))
        })
    }

    /// All pieces in one call of the driver's, if it has that.
    ///
    /// # Panics
    /// If it fails.
    pub fn batch(&mut self, heading: Heading, pieces: &Pieces) -> Option<Lap> {
        if !has_batches() {
            return None;
        }
        Some(self.timed("cuMemcpyBatchAsync", pieces.bytes(), &[heading], |copies| {
            copies.start_batch(heading, pieces)
        }))
    }

    fn timed(
        &self,
        what: &str,
        bytes: Bytes,
        ways: &[Heading],
        start: impl FnOnce(&Self) -> Result<(), DriverError>,
    ) -> Lap {
        doing(what);
        let run = || -> Result<(), DriverError> {
            self.context.bind_to_thread()?;
            start(self)?;
            ways.iter().try_for_each(|way| self.wait(*way))
        };
        let (lap, ran) = Lap::of(bytes, run);
        ran.unwrap_or_else(|error| panic!("{what}: {error}"));
        lap
    }

    fn stream(&self, heading: Heading) -> &Arc<CudaStream> {
        &self.streams[heading as usize]
    }

    fn wait(&self, heading: Heading) -> Result<(), DriverError> {
        let end = self.context.new_event(None)?;
        end.record(self.stream(heading))?;
        let until = Instant::now() + PATIENCE;
        while !end.is_complete() {
            assert!(Instant::now() < until, "a copy does not end");
            std::hint::spin_loop();
        }
        Ok(())
    }

    fn start(&self, heading: Heading, piece: Piece) -> Result<(), DriverError> {
        let Piece { device, host, len } = piece;
        let stream = self.stream(heading).cu_stream();
        let host = std::ptr::with_exposed_provenance_mut(host);
        match heading {
            // SAFETY: both ranges are memory of this process that lives as long as it does and that only
            // copies of this struct touch; the context is current.
            Heading::Down => unsafe { sys::cuMemcpyDtoHAsync_v2(host, device, len, stream) },
            // SAFETY: as above.
            Heading::Up => unsafe { sys::cuMemcpyHtoDAsync_v2(device, host, len, stream) },
        }
        .result()
    }

    fn start_batch(&self, heading: Heading, pieces: &Pieces) -> Result<(), DriverError> {
        let device = pieces.0.iter().map(|piece| piece.device);
        let host = pieces.0.iter().map(|piece| piece.host as u64);
        let (mut targets, mut sources): (Vec<u64>, Vec<u64>) = match heading {
            Heading::Down => (host.collect(), device.collect()),
            Heading::Up => (device.collect(), host.collect()),
        };
        let mut sizes: Vec<usize> = pieces.0.iter().map(|piece| piece.len).collect();
        let anywhere = sys::CUmemLocation {
            type_: sys::CUmemLocationType::CU_MEM_LOCATION_TYPE_INVALID,
            id: 0,
        };
        let mut how = sys::CUmemcpyAttributes {
            srcAccessOrder: sys::CUmemcpySrcAccessOrder::CU_MEMCPY_SRC_ACCESS_ORDER_STREAM,
            srcLocHint: anywhere,
            dstLocHint: anywhere,
            flags: 0,
        };
        let (mut first, mut failed) = (0, 0);
        // SAFETY: the lists are as long as said and are read during the call only; what they name is as in
        // `start`. The symbol is there: `batch` asked.
        unsafe {
            sys::cuMemcpyBatchAsync(
                targets.as_mut_ptr(),
                sources.as_mut_ptr(),
                sizes.as_mut_ptr(),
                pieces.0.len(),
                &mut how,
                &mut first,
                1,
                &mut failed,
                self.stream(heading).cu_stream(),
            )
        }
        .result()
    }
}

impl Pieces {
    fn bytes(&self) -> Bytes {
        self.0.iter().map(|piece| piece.len as Bytes).sum()
    }
}

impl Layers {
    /// `count` layers of `blocks` pieces on the first GPU.
    ///
    /// # Panics
    /// Without a GPU or memory.
    #[must_use]
    pub fn new(count: usize, piece: Bytes, blocks: u64) -> Self {
        let made = CudaContext::new(0).and_then(|context| {
            (0..count).map(|_| device(&context, piece * blocks)).collect::<Result<Vec<_>, _>>()
        });
        let starts = made.unwrap_or_else(|error| panic!("{count} layers: {error}"));
        Self { starts, piece, blocks }
    }

    /// Lends them to a backend, for good.
    ///
    /// # Panics
    /// If it refuses.
    pub fn lend(self, backend: &mut CudaDram) {
        let pool = Pool::layers(0, self.starts, self.piece, self.blocks);
        let pool = pool.unwrap_or_else(|error| panic!("{error}"));
        // SAFETY: the layers are device memory of GPU 0, allocated in its primary context and never freed,
        // and nobody else has their addresses: they came with `self`.
        let adopted = unsafe { backend.adopt(pool) };
        adopted.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Device memory that lives as long as the process.
fn device(context: &Arc<CudaContext>, len: Bytes) -> Result<u64, DriverError> {
    context.bind_to_thread()?;
    // SAFETY: the context is current, and the length is not 0.
    unsafe { result::malloc_sync(len as usize) }
}

/// Pinned memory that lives as long as the process.
fn host(context: &Arc<CudaContext>, len: Bytes) -> Result<usize, DriverError> {
    context.bind_to_thread()?;
    // SAFETY: the context is current; nobody but copies reads what is in the memory.
    let start = unsafe { result::malloc_host(len as usize, 0) }?;
    Ok(start.expose_provenance())
}

/// Whether the driver copies in batches; the binding panics where it does not.
fn has_batches() -> bool {
    // SAFETY: a driver was loaded already, or no `Copies` would be.
    let driver = unsafe { sys::culib() };
    // SAFETY: the symbol is only asked for, not called by this type.
    unsafe { driver.get::<unsafe extern "C" fn()>(b"cuMemcpyBatchAsync\0") }.is_ok()
}
