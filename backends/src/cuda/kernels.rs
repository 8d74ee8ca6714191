//! The kernels of `kernels.cu`, compiled to PTX by `scripts/compile-kernels`, and how they are launched.

use cudarc::driver::{
    CudaContext, CudaFunction, CudaStream, DriverError, LaunchConfig, PushKernelArg,
};
use cudarc::nvrtc::Ptx;
use std::sync::Arc;
use tierproof_core::{Stamp, TRAILER_LEN};

const THREADS: u32 = 256;
/// Bytes that one group of threads copies at a time, as in `kernels.cu`.
const CHUNK: u64 = 16 << 10;
/// Groups of threads that share one copy at most.
const CHUNKS_MAX: u64 = 64;

/// A copy between unified addresses: `struct Copy`, three numbers of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) source: u64,
    pub(super) target: u64,
    pub(super) len: u64,
}

/// What is to be looked at: `struct Payload`, three numbers of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) address: u64,
    pub(super) len: u64,
    /// Where its trailer is; 0 for none.
    pub(super) trailer: u64,
}

/// What was seen: `struct Record`, a checksum, a trailer, and a payload that is short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    checksum: u64,
    pub(super) trailer: [u8; TRAILER_LEN],
    head: [u8; HEAD_LEN],
}

const HEAD_LEN: usize = 248;
/// Payloads up to this length are checksummed here, not on the GPU.
const SHORT: usize = 240;

impl Record {
    pub(super) const LEN: usize = 8 + TRAILER_LEN + HEAD_LEN;
    pub(super) const ALIGNMENT: usize = 8;

    /// # Panics
    /// Unless there are [`Self::LEN`] bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let (checksum, rest) = bytes.split_at(8);
        let (trailer, head) = rest.split_at(TRAILER_LEN);
        let whole = "a record has a fixed length";
        Self {
            checksum: u64::from_le_bytes(checksum.try_into().expect(whole)),
            trailer: trailer.try_into().expect(whole),
            head: head.try_into().expect(whole),
        }
    }

    /// The checksum of the payload of `len` bytes that was looked at.
    pub(super) fn checksum(&self, len: usize) -> u64 {
        if len > SHORT { self.checksum } else { Stamp::checksum(&self.head[..len]) }
    }
}

impl Copy {
    pub(super) const LEN: usize = 24;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        numbers([self.source, self.target, self.len])
    }
}

impl Payload {
    pub(super) const LEN: usize = 24;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        numbers([self.address, self.len, self.trailer])
    }
}

fn numbers(numbers: [u64; 3]) -> [u8; 24] {
    let mut bytes = [0; 24];
    for (to, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        to.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// The loaded kernels.
#[derive(Debug)]
pub(super) struct Kernels {
    checksum: CudaFunction,
    copy: CudaFunction,
    write_late: CudaFunction,
}

impl Kernels {
    pub(super) fn load(context: &Arc<CudaContext>) -> Result<Self, DriverError> {
        let module = context.load_module(Ptx::from_src(include_str!("kernels.ptx")))?;
        Ok(Self {
            checksum: module.load_function("tierproof_checksum")?,
            copy: module.load_function("tierproof_copy")?,
            write_late: module.load_function("tierproof_write_late")?,
        })
    }

    /// Looks at payloads.
    ///
    /// # Safety
    /// `payloads` is the address of `count` readable `Payload`s and `records` of as many writable
    /// [`Record`]s; these, and the ranges that the payloads name, stay so until the stream has come
    /// here.
    pub(super) unsafe fn checksum(
        &self,
        stream: &CudaStream,
        payloads: u64,
        records: u64,
        count: u32,
    ) -> Result<(), DriverError> {
        let mut launch = stream.launch_builder(&self.checksum);
        launch.arg(&payloads).arg(&records);
        // SAFETY: the arguments are those of the kernel, and the caller answers for what they name.
        unsafe { launch.launch(grid(count, 1)) }.map(drop)
    }

    /// Copies between unified addresses, the longest of `len_max` bytes.
    ///
    /// # Safety
    /// `copies` is the address of `count` readable [`Copy`]s; these and the ranges that they name stay
    /// readable and writable until the stream has come here, and no target is touched by anybody else.
    pub(super) unsafe fn copy(
        &self,
        stream: &CudaStream,
        copies: u64,
        count: u32,
        len_max: u64,
    ) -> Result<(), DriverError> {
        let chunks = len_max.div_ceil(CHUNK).clamp(1, CHUNKS_MAX) as u32;
        let mut launch = stream.launch_builder(&self.copy);
        launch.arg(&copies);
        // SAFETY: the argument is that of the kernel, and the caller answers for what it names.
        unsafe { launch.launch(grid(count, chunks)) }.map(drop)
    }

    /// Waits for `nanoseconds` and only then writes a pattern: for tests of ordering.
    ///
    /// # Safety
    /// `len` bytes at `target` are writable until the stream has come here.
    pub(super) unsafe fn write_late(
        &self,
        stream: &CudaStream,
        target: u64,
        len: u64,
        nanoseconds: u64,
        seed: u32,
    ) -> Result<(), DriverError> {
        let mut launch = stream.launch_builder(&self.write_late);
        launch.arg(&target).arg(&len).arg(&nanoseconds).arg(&seed);
        // SAFETY: the arguments are those of the kernel, and the caller answers for the target.
        unsafe { launch.launch(grid(1, 1)) }.map(drop)
    }
}

fn grid(x: u32, y: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (x, y, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 }
}
