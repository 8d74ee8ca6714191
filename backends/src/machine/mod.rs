//! What this machine is and allows, asked without changing it.
//!
//! Each probe answers a plain value and prints nothing. None needs root.
//!
//! | module | what it asks |
//! |---|---|
//! | `mount` | which mount holds a directory |
//! | `block_device` | [`BlockDevice`]: what udev says of the device beneath it |
//! | `file_system` | [`FileSystem`]: its type, room and direct I/O |
//! | `limits` | [`Limits`]: memory that may be locked |
//! | `io_uring` | [`IoUring`]: whether the kernel lets us |
//! | `cufile_json` | [`CuFileSettings`]: the `cufile.json` in force |
//! | `gds` | [`Gds`]: nvidia-fs and PCI peer-to-peer |
//! | `driver` | [`NvidiaDriver`]: the kernel's half of the driver |
//! | `cuda` | [`Cuda`]: the other half, with the feature of that name |

mod block_device;
#[cfg(feature = "cuda")]
mod cuda;
mod cufile_json;
mod driver;
mod file_system;
mod gds;
mod io_uring;
mod limits;
mod mount;

pub use block_device::{BlockDevice, UdevEntry};
#[cfg(feature = "cuda")]
pub use cuda::Cuda;
pub use cufile_json::{CuFileSettings, CuFileSource};
pub use driver::NvidiaDriver;
pub use file_system::{DirectAccess, FileSystem};
pub use gds::Gds;
pub use io_uring::IoUring;
pub use limits::Limits;
