//! One GPU: the driver, loaded at run time, a context, streams for each direction, and kernels.

use super::kernels::Kernels;
use super::trouble::failed;
use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, result, sys};
use std::sync::Arc;
use tierproof_core::{Error, ErrorKind, Result};

/// A GPU that was opened. Its context is the primary one, which a serving engine in the same process
/// uses too.
#[derive(Debug)]
pub(crate) struct Gpu {
    context: Arc<CudaContext>,
    streams: [Arc<CudaStream>; 3],
    /// For kernels of batches that need not wait for each other.
    sides: [Arc<CudaStream>; SIDES],
    pub(super) kernels: Kernels,
    /// Its name and the driver's version, for people.
    pub(crate) facts: GpuFacts,
}

/// What a GPU is called, and what drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuFacts {
    /// Which GPU, counted from 0.
    pub ordinal: u32,
    /// As the driver calls it.
    pub name: String,
    /// The version of CUDA that the driver supports, as in `13.0`.
    pub cuda: String,
}

/// Streams of kernels: a checksum keeps one part of the GPU busy, and a batch may be of one part.
const SIDES: usize = 8;

/// Which way bytes go. Each has a stream of its own, so that ways do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To host memory.
    Down,
    /// To device memory.
    Up,
    /// What is waited for at once.
    Side,
}

impl Gpu {
    /// Opens GPU number `ordinal`.
    ///
    /// # Errors
    /// `Unavailable` without a driver or without that GPU.
    pub(crate) fn open(ordinal: u32) -> Result<Arc<Self>> {
        // SAFETY: it only tries to load NVIDIA's driver library, by the names that cudarc uses.
        if !unsafe { sys::is_culib_present() } {
            let context = "libcuda.so, the library of NVIDIA's driver, was not found: install the \
                           driver, or use a machine with a GPU";
            return Err(Error::new(ErrorKind::Unavailable, context));
        }
        let count = CudaContext::device_count().map_err(|e| failed("count GPUs", e))?;
        if i64::from(ordinal) >= i64::from(count) {
            let context = format!("there is no GPU {ordinal}: {count} found, counted from 0");
            return Err(Error::new(ErrorKind::Unavailable, context));
        }
        let open = || -> Result<_, DriverError> {
            let context = CudaContext::new(ordinal as usize)?;
            let streams = [context.new_stream()?, context.new_stream()?, context.new_stream()?];
            let mut sides = Vec::new();
            for _ in 0..SIDES {
                sides.push(context.new_stream()?);
            }
            let sides = sides.try_into().expect("as many as there are to be");
            let name = context.name()?;
            Ok((context, streams, sides, name, driver_version()?))
        };
        let (context, streams, sides, name, cuda) =
            open().map_err(|e| failed("open the GPU", e))?;
        let kernels = Kernels::load(&context).map_err(|e| failed("load the kernels", e))?;
        let facts = GpuFacts { ordinal, name, cuda };
        Ok(Arc::new(Self { context, streams, sides, kernels, facts }))
    }

    pub(super) fn stream(&self, way: Way) -> &Arc<CudaStream> {
        &self.streams[way as usize]
    }

    /// The stream for the kernels of the batch with this number.
    pub(super) fn side(&self, batch: usize) -> &Arc<CudaStream> {
        &self.sides[batch % SIDES]
    }

    /// Makes this GPU the one that calls without a stream are about.
    pub(super) fn bind(&self) -> Result<(), DriverError> {
        self.context.bind_to_thread()
    }

    /// Waits for all that these streams were given. Where that fails the context is broken, and nothing of it
    /// is under way.
    pub(super) fn settle(&self, streams: &[&CudaStream]) {
        // By hand: cudarc would answer with an earlier error instead of waiting.
        // SAFETY: the context is this GPU's and alive.
        let _ = unsafe { result::ctx::set_current(self.context.cu_ctx()) };
        for stream in streams {
            // SAFETY: the stream is alive.
            let _ = unsafe { result::stream::synchronize(stream.cu_stream()) };
        }
    }

    /// The same for all streams.
    pub(super) fn settle_all(&self) {
        let all = self.streams.iter().chain(&self.sides);
        self.settle(&all.map(|stream| &**stream).collect::<Vec<_>>());
    }

    /// The end of all that was given to a stream so far.
    pub(super) fn mark(&self, stream: &CudaStream) -> Result<CudaEvent, DriverError> {
        let event = self.context.new_event(None)?;
        event.record(stream)?;
        Ok(event)
    }

    pub(super) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }
}

fn driver_version() -> Result<String, DriverError> {
    let mut version = 0;
    // SAFETY: the call only writes the number.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    Ok(format!("{}.{}", version / 1000, version % 1000 / 10))
}
