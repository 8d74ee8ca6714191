//! A serving engine's own pools and streams beside files through NIXL.

use super::backend::Nixl;
use super::device_lane::DeviceLane;
use super::plugin::Plugin;
use crate::cuda::{GpuFacts, Pool, Pools};
use crate::files::regions::in_flight;
use crate::lend::{Access, Claim};
use crate::on_gpu::OnGpu;
use cudarc::driver::CudaStream;
use tierproof_core::{Descriptor, Error, ErrorKind, Result};

impl<P: Plugin> OnGpu for Nixl<P> {
    fn gpu(&self) -> Option<&GpuFacts> {
        self.device.as_ref().map(|device| &device.pools.gpu().facts)
    }

    unsafe fn adopt(&mut self, pool: Pool) -> Result<()> {
        let device: &mut DeviceLane = self.device.as_mut().ok_or_else(no_gpu)?;
        device.pools.adopt(pool)
    }

    fn transfers_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()> {
        let (memory, range) = self.regions.device(range)?;
        Pools::transfers_after(memory, range, stream)
    }

    fn stream_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()> {
        self.drive();
        let (memory, range) = self.regions.device(range)?;
        self.device.as_ref().ok_or_else(no_gpu)?.stream_after(memory, &range, stream)
    }

    fn write_late(&mut self, range: Descriptor, nanoseconds: u64, seed: u32) -> Result<()> {
        let (memory, range) = self.regions.device(range)?;
        let claim = Claim::new(memory, range, Access::Write).ok_or_else(in_flight)?;
        self.device.as_ref().ok_or_else(no_gpu)?.pools.write_late(&claim, nanoseconds, seed)
    }
}

fn no_gpu() -> Error {
    let context = "this backend was opened without a GPU: name one in its settings";
    Error::new(ErrorKind::Unsupported, context)
}
