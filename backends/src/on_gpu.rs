//! What backends over a GPU's memory can do beyond `Backend`: a serving engine's own pools and streams.

use crate::cuda::{GpuFacts, Pool};
use cudarc::driver::CudaStream;
use tierproof_core::{Backend, Descriptor, Result};

/// A backend whose device regions are in a GPU's memory.
pub trait OnGpu: Backend {
    /// The GPU; `None` for a backend that was opened without one.
    fn gpu(&self) -> Option<&GpuFacts>;

    /// Lends a serving engine's own KV pool to the next device region that is allocated, instead of memory
    /// of ours: adopt the pools in the order of windows and pools, and only then make the engine. A pool has
    /// the bytes that its blocks take, each a multiple of [`Capability::alignment`].
    ///
    /// [`Capability::alignment`]: tierproof_core::Capability::alignment
    ///
    /// # Safety
    /// Until this backend is dropped:
    /// - every address of the pool is device memory of this GPU, allocated in its primary context, and is
    ///   not freed;
    /// - nobody reads or writes bytes that a transfer in flight writes, and nobody writes bytes that one
    ///   reads. Kernels that are still to finish are told of by [`Self::transfers_after`]; later ones are
    ///   held back by [`Self::stream_after`], or launched when the transfer has completed.
    ///
    /// # Errors
    /// `Unsupported` for a pool of another GPU, or without one.
    unsafe fn adopt(&mut self, pool: Pool) -> Result<()>;

    /// Transfers of `range` that are launched from now on wait for what `stream` was given so far, such as
    /// the kernels that write a block.
    ///
    /// # Errors
    /// `Unsupported` for a range that is not in the GPU's memory, `OutOfRange` for one outside its region,
    /// `Device` for a stream of another GPU.
    fn transfers_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()>;

    /// What `stream` is given from now on waits for transfers of `range`, without the host.
    ///
    /// # Errors
    /// `Busy` for a transfer that the host has to go on with, because it is verified on its way: poll until
    /// it has ended. Otherwise as [`Self::transfers_after`].
    fn stream_after(&mut self, range: Descriptor, stream: &CudaStream) -> Result<()>;

    /// Launches a kernel that waits for `nanoseconds` and then writes byte `i` of `range` as
    /// `(seed + i) * 167 + (i >> 8)`. Transfers of the range wait for it. For tests of ordering.
    ///
    /// # Errors
    /// `Busy` while a transfer uses the range, otherwise as [`Self::transfers_after`].
    #[doc(hidden)]
    fn write_late(&mut self, range: Descriptor, nanoseconds: u64, seed: u32) -> Result<()>;
}
