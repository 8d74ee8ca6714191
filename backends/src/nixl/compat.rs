//! Whether cuFile lets GPU and disk reach each other.

use std::path::Path;
use tierproof_core::Fallback;

/// What nvidia-fs, the kernel module for that, shows of itself.
const MODULE: &str = "/proc/driver/nvidia-fs/version";

/// Nothing if the kernel module is there; otherwise what happens instead.
pub(super) fn direct() -> Result<(), Fallback> {
    if Path::new(MODULE).exists() {
        return Ok(());
    }
    let wanted = "GPU and disk directly (GPUDirect Storage)";
    let instead = "cuFile's compat mode, through host memory";
    Err(Fallback::new(wanted, instead, format!("no nvidia-fs: {MODULE} is not there")))
}
