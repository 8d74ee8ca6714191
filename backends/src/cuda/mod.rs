//! Memory of a GPU, and copies between it, host memory and itself; the driver is loaded at run time.
//!
//! A part between memories is a *trip*. Where a trailer is to be verified or written, the GPU computes the
//! checksum itself (XXH3, as everywhere), in a *hall*: the source or the target, or a buffer of ours. So
//! bytes from host memory are verified after they crossed the bus, and reach their target only then.
//!
//! Modules, each using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `trouble` | what the driver answers, mapped to the public kinds |
//! | `kernels` | the kernels of `kernels.cu`, loaded as PTX |
//! | `gpu` | context and streams |
//! | `pool` | [`Pool`]: where the bytes of device memory are |
//! | `memory` | device memory, and pinned host memory |
//! | `trip` | one part between memories, and how far it is |
//! | `manifest` | what a batch of trips asks of the streams |
//! | `batch` | a batch from its launch to its end |
//! | `mover` | all trips of a backend |
//! | `pools` | where device regions come from, and the order with other streams |
//!
//! `unsafe` is in `gpu`, `kernels`, `memory`, `batch` and `pools` only.

mod batch;
mod gpu;
mod kernels;
mod manifest;
mod memory;
mod mover;
mod pool;
mod pools;
mod trip;
mod trouble;

pub(crate) use gpu::Gpu;
pub use gpu::GpuFacts;
pub(crate) use memory::DeviceMemory;
pub(crate) use mover::Mover;
pub use pool::Pool;
pub(crate) use pools::Pools;
pub(crate) use trip::{Landed, Side, Trip};
