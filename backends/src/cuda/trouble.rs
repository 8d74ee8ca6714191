//! What the driver answers, mapped to the public kinds in one place.

use cudarc::driver::DriverError;
use cudarc::driver::sys::CUresult;
use tierproof_core::{Error, ErrorKind};

/// The error of a call that was `doing` something.
pub(super) fn failed(doing: &str, error: DriverError) -> Error {
    let kind = kind_of(error.0);
    let remedy = match kind {
        ErrorKind::Exhausted => ": use fewer or smaller blocks",
        ErrorKind::Unavailable => ": `tierproof doctor` says what is missing",
        _ => "",
    };
    let context = format!("CUDA could not {doing}: {error}{remedy}");
    Error::new(kind, context).with_source(error)
}

pub(super) fn kind_of(result: CUresult) -> ErrorKind {
    match result {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => ErrorKind::Exhausted,
        CUresult::CUDA_ERROR_NO_DEVICE
        | CUresult::CUDA_ERROR_INVALID_DEVICE
        | CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
        | CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => ErrorKind::Unavailable,
        CUresult::CUDA_ERROR_NOT_SUPPORTED
        | CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
        | CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU => ErrorKind::Unsupported,
        _ => ErrorKind::Device,
    }
}
