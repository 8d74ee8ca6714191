//! Where device regions come from: pools that a serving engine lent, then memory of our own.

use super::gpu::Gpu;
use super::memory::DeviceMemory;
use super::mover::Mover;
use super::pool::Pool;
use super::trouble::failed;
use crate::lend::{Claim, Memory};
use cudarc::driver::{CudaStream, DriverError};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// The memory that one GPU's regions are made of.
#[derive(Debug)]
pub(crate) struct Pools {
    gpu: Arc<Gpu>,
    adopted: VecDeque<Pool>,
}

impl Pools {
    pub(crate) fn new(gpu: Arc<Gpu>) -> Self {
        Self { gpu, adopted: VecDeque::new() }
    }

    pub(crate) fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Keeps a pool for the next device region.
    pub(crate) fn adopt(&mut self, pool: Pool) -> Result<()> {
        self.refuse_other_gpu(pool.ordinal())?;
        if pool.len() == 0 {
            let context = "a pool of 0 bytes: give at least 1";
            return Err(Error::new(ErrorKind::Config, context));
        }
        self.adopted.push_back(pool);
        Ok(())
    }

    /// Memory for a device region.
    pub(crate) fn device(&mut self, ordinal: u32, len: Bytes) -> Result<Arc<DeviceMemory>> {
        self.refuse_other_gpu(ordinal)?;
        match self.adopted.front() {
            None => DeviceMemory::new(&self.gpu, len),
            Some(pool) if pool.len() == len => {
                let pool = self.adopted.pop_front().expect("it was there just before");
                Ok(DeviceMemory::adopt(&self.gpu, pool))
            }
            Some(pool) => {
                let context = format!(
                    "a device region of {len} bytes where an adopted pool of {} is next: adopt pools \
                     in the order of windows and pools, with as many bytes as their blocks take",
                    pool.len()
                );
                Err(Error::new(ErrorKind::Config, context))
            }
        }
    }

    /// Memory for a host region.
    pub(crate) fn host(&self, len: Bytes) -> Result<Arc<Memory>> {
        Memory::pinned(&self.gpu, len)
    }

    fn refuse_other_gpu(&self, ordinal: u32) -> Result<()> {
        let ours = self.gpu.facts.ordinal;
        if ordinal == ours {
            return Ok(());
        }
        let context =
            format!("memory of GPU {ordinal} with a backend of GPU {ours}: open one for each GPU");
        Err(Error::new(ErrorKind::Unsupported, context))
    }

    /// Transfers of `range` that are launched from now on wait for what `stream` was given so far.
    pub(crate) fn transfers_after(
        memory: &DeviceMemory,
        range: Range<Bytes>,
        stream: &CudaStream,
    ) -> Result<()> {
        let noted = memory.written_by(range, stream);
        noted.map_err(|error| failed("note an event of that stream", error))
    }

    /// What `stream` is given from now on waits for transfers of `range`.
    pub(crate) fn stream_after<T>(
        mover: &Mover<T>,
        memory: &Arc<DeviceMemory>,
        range: &Range<Bytes>,
        stream: &CudaStream,
    ) -> Result<()> {
        match mover.precede(memory, range, stream) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let context = "a transfer of these bytes has steps that the host starts: poll until \
                               it has ended";
                Err(Error::new(ErrorKind::Busy, context))
            }
            Err(error) => Err(failed("let that stream wait", error)),
        }
    }

    /// Writes a pattern into a claimed range, late; transfers of it wait. For tests of ordering.
    pub(crate) fn write_late(
        &self,
        claim: &Claim<DeviceMemory>,
        nanoseconds: u64,
        seed: u32,
    ) -> Result<()> {
        let memory = claim.owner();
        let write = || -> Result<(), DriverError> {
            let stream = self.gpu.context().new_stream()?;
            for (address, len) in memory.pool().spans(claim.range()) {
                // SAFETY: the span is this claim's. When it is dropped the memory still waits for this
                // stream before its next use, by what is noted below, and before it is freed, because
                // freeing waits for all work.
                unsafe { self.gpu.kernels.write_late(&stream, address, len, nanoseconds, seed) }?;
            }
            memory.written_by(claim.range(), &stream)
        };
        write().map_err(|error| failed("launch a kernel", error))
    }
}
