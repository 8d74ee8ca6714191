//! CUDA's library: the half of NVIDIA's driver that programs call.

use cudarc::driver::{result, sys};
use std::ffi::c_int;
use tierproof_core::{Error, ErrorKind, Result};

/// What `libcuda.so.1` says of itself and its GPUs.
///
/// ```
/// match tierproof_backends::machine::Cuda::ask() {
///     Ok(cuda) => println!("CUDA {}: {:?}", cuda.version, cuda.devices),
///     Err(error) => println!("no CUDA: {error}"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuda {
    /// The newest CUDA that the driver knows, such as `13.0`.
    pub version: String,
    /// The names of its GPUs, by ordinal.
    pub devices: Vec<String>,
}

impl Cuda {
    /// Loads the library and asks.
    ///
    /// # Errors
    /// `Unavailable` without the library, and where it finds no driver or no GPU; `Device` for
    /// anything else that it says.
    pub fn ask() -> Result<Self> {
        // SAFETY: it only tries to load the driver's library by its own name, which the loader
        // looks for where the system says. Without this question every call below would panic.
        if !unsafe { sys::is_culib_present() } {
            let context = "libcuda.so.1, the library of NVIDIA's driver, is not here";
            return Err(Error::new(ErrorKind::Unavailable, context));
        }
        let mut version: c_int = 0;
        // SAFETY: the library is here, and writes one number to a live place.
        let status = unsafe { sys::cuDriverGetVersion(&mut version) };
        status.result().map_err(|error| failed("cuDriverGetVersion", error))?;
        result::init().map_err(|error| failed("cuInit", error))?;
        let count =
            result::device::get_count().map_err(|error| failed("cuDeviceGetCount", error))?;
        let name = |ordinal| result::device::get_name(result::device::get(ordinal)?);
        let devices: Result<Vec<_>, _> = (0..count).map(name).collect();
        let devices = devices.map_err(|error| failed("cuDeviceGetName", error))?;
        Ok(Self { version: told(version), devices })
    }
}

/// 13010 is 13.1.
fn told(version: c_int) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

fn failed(call: &str, error: result::DriverError) -> Error {
    use sys::cudaError_enum::{
        CUDA_ERROR_NO_DEVICE, CUDA_ERROR_STUB_LIBRARY, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
    };
    let kind = match error.0 {
        CUDA_ERROR_NO_DEVICE | CUDA_ERROR_STUB_LIBRARY | CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Device,
    };
    Error::new(kind, format!("{call}: {:?}", error.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_as_people_write_them() {
        assert_eq!((told(12080), told(13000)), ("12.8".into(), "13.0".into()));
    }

    /// With or without the library: never a panic.
    #[test]
    fn asking_answers() {
        match Cuda::ask() {
            Ok(cuda) => assert!(cuda.version.contains('.'), "{cuda:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
