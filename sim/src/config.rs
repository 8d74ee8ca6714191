//! Settings of the simulated device.

use crate::link::TRANSFER_BYTES_MAX;
use crate::profile::{Profile, within};
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// Parts that may be in flight at most, whatever the setting.
const PARTS_MAX: u64 = 1 << 20;
/// Payload bytes that a byte may stand for at most.
const SCALE_MAX: u64 = 1 << 20;
/// The coarsest alignment: a large page.
const ALIGNMENT_MAX: Bytes = 1 << 21;

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimConfig {
    /// The device model.
    pub profile: Profile,
    /// The seed of all that is drawn: the order of ties, jitter, unwritten bytes.
    pub seed: u64,
    /// Logical bytes that each payload byte stands for in all timing, so that small payloads stand
    /// for large blocks; 1 to 2^20.
    pub scale: u64,
    /// Bytes that offsets of files and trailers are a multiple of; a power of two up to 2 MiB.
    pub alignment: Bytes,
    /// Parts of one request at most, 1 to 2^20.
    pub request_parts_max: u32,
    /// Payload bytes of one request at most; times `scale`, up to 2^62.
    pub request_bytes_max: Bytes,
    /// Parts in flight at most, over all requests, 1 to 2^20.
    pub in_flight_parts_max: u32,
    /// Whether a new file reads as zeros, as one that was made by giving it a length, and not as
    /// [`Poison`](crate::Poison).
    pub zeroed_files: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            seed: 0,
            scale: 1,
            alignment: 64,
            request_parts_max: 64,
            request_bytes_max: 1 << 30,
            in_flight_parts_max: 1024,
            zeroed_files: false,
        }
    }
}

impl SimConfig {
    /// Checks every bound.
    ///
    /// # Errors
    /// `Config`, naming the setting.
    pub fn validate(&self) -> Result<()> {
        self.profile.validate()?;
        within("scale", self.scale, 1, SCALE_MAX)?;
        within("alignment", self.alignment, 1, ALIGNMENT_MAX)?;
        if !self.alignment.is_power_of_two() {
            let context = format!("alignment is {}: give a power of two", self.alignment);
            return Err(Error::new(ErrorKind::Config, context));
        }
        within("request_parts_max", self.request_parts_max.into(), 1, PARTS_MAX)?;
        within("in_flight_parts_max", self.in_flight_parts_max.into(), 1, PARTS_MAX)?;
        within("request_bytes_max", self.request_bytes_max, 1, TRANSFER_BYTES_MAX / self.scale)
    }
}
