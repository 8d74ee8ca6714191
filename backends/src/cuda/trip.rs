//! One part between memories, at least one of them a GPU's: its two ends, and how far it is.

use super::kernels::Record;
use super::memory::DeviceMemory;
use crate::copy::trailer_range;
use crate::lend::{Claim, Lent, LentMut};
use crate::sheets::Sheet;
use crate::terms::Terms;
use cudarc::driver::{CudaStream, DriverError};
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Fault, Nanos, Rows};

/// Where bytes come from or go to, and the right to them.
#[derive(Debug)]
pub(crate) enum Side {
    Device(Claim<DeviceMemory>),
    /// Host memory to read.
    Source(Lent),
    /// Host memory to read or write.
    Target(LentMut),
    /// Nothing comes from here.
    #[cfg(feature = "nixl")]
    Nowhere,
}

/// A part on its way. `T` is whatever its owner wants back with it.
#[derive(Debug)]
pub(crate) struct Trip<T> {
    pub(crate) source: Side,
    pub(crate) target: Side,
    pub(crate) terms: Terms,
    /// Copy only these rows.
    pub(crate) rows: Option<Rows>,
    /// The target is all ours: what follows the payload is zero but for the trailer.
    pub(crate) pad: bool,
    /// A failure leaves zeros in the target instead of what was there.
    pub(crate) wipe: bool,
    pub(crate) deadline: Nanos,
    pub(crate) cargo: T,
}

/// A trip that has ended. What it held is given back with it.
#[derive(Debug)]
pub(crate) struct Landed<T> {
    pub(crate) source: Side,
    pub(crate) target: Side,
    pub(crate) cargo: T,
    pub(crate) outcome: Result<(), Fault>,
}

/// What is next to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The payload is brought to where the GPU can look at it, and looked at; what needs no
    /// verification goes on to its target.
    Look,
    /// What was verified goes to its target.
    Move,
    /// The trailer follows, and zeros.
    Tail,
    /// A target that must not keep what it has.
    Wipe(Fault),
}

/// Where the GPU looks at the payload.
#[derive(Debug)]
pub(super) enum Hall {
    /// Nobody looks.
    Nowhere,
    Source,
    Target,
    /// In a buffer of ours, which also joins what is in pieces.
    Sheet(Sheet<DeviceMemory>, Claim<DeviceMemory>),
}

/// A trip under way.
#[derive(Debug)]
pub(super) struct Going<T> {
    pub(super) trip: Trip<T>,
    pub(super) stage: Stage,
    pub(super) hall: Hall,
    pub(super) checksum: u64,
    /// What follows the payload, and where, until it is on its way.
    pub(super) tail: Option<(usize, Vec<u8>)>,
}

/// Which hall a trip needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nowhere,
    Source,
    Target,
    Sheet,
}

impl Side {
    fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    pub(super) fn is_host(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Target(_))
    }

    /// Whether it shares bytes with a range of this memory.
    pub(crate) fn touches(&self, memory: &Arc<DeviceMemory>, range: &Range<Bytes>) -> bool {
        let Self::Device(claim) = self else { return false };
        let claimed = claim.range();
        std::ptr::eq(claim.owner(), Arc::as_ptr(memory))
            && claimed.start.max(range.start) < claimed.end.min(range.end)
    }

    /// The address of the first `len` bytes, if they are in one piece of the GPU's.
    fn whole(&self, len: usize) -> Option<u64> {
        let Self::Device(claim) = self else { return None };
        let start = claim.start();
        claim.owner().pool().one_range(start..start + len as Bytes)
    }

    /// Where it begins, if it is in one piece.
    #[cfg(feature = "nixl")]
    pub(crate) fn address(&mut self) -> Option<usize> {
        match self {
            Self::Device(claim) => {
                let address = claim.owner().pool().one_range(claim.range())?;
                Some(address as usize)
            }
            Self::Source(lent) => Some(lent.span().start),
            Self::Target(lent) => Some(lent.span().start),
            Self::Nowhere => None,
        }
    }

    /// Addresses and lengths of the pieces of `len` bytes from `from`.
    pub(super) fn spans(&mut self, from: usize, len: usize) -> Vec<(u64, u64)> {
        match self {
            Self::Device(claim) => device_spans(claim, from, len),
            Self::Source(lent) => vec![((lent.span().start + from) as u64, len as u64)],
            Self::Target(lent) => vec![((lent.span().start + from) as u64, len as u64)],
            #[cfg(feature = "nixl")]
            Self::Nowhere => Vec::new(),
        }
    }

    /// Makes `streams` wait for those who still write here.
    pub(super) fn await_writers(&self, streams: &[&CudaStream]) -> Result<(), DriverError> {
        match self {
            Self::Device(claim) => claim.owner().await_writers(&claim.range(), streams),
            _ => Ok(()),
        }
    }

    /// Host memory.
    fn host_bytes(&mut self) -> Option<&[u8]> {
        match self {
            Self::Source(lent) => Some(lent.bytes()),
            Self::Target(lent) => Some(lent.bytes()),
            _ => None,
        }
    }
}

pub(super) fn device_spans(
    claim: &Claim<DeviceMemory>,
    from: usize,
    len: usize,
) -> Vec<(u64, u64)> {
    let start = claim.start() + from as Bytes;
    claim.owner().pool().spans(start..start + len as Bytes).collect()
}

impl<T> Trip<T> {
    /// All bytes, and a target that keeps what follows them and what was there before a failure.
    pub(crate) fn new(source: Side, target: Side, terms: Terms, deadline: Nanos, cargo: T) -> Self {
        Self { source, target, terms, rows: None, pad: false, wipe: false, deadline, cargo }
    }

    pub(super) fn is_stamped(&self) -> bool {
        self.terms.check.is_some() || self.terms.seal.is_some()
    }

    pub(super) fn need(&self) -> Need {
        let len = self.terms.len;
        let pieces = |side: &Side| side.is_device() && side.whole(len).is_none();
        let mixed = self.source.is_host() || self.target.is_host();
        if mixed && (pieces(&self.source) || pieces(&self.target)) && self.rows.is_none() {
            Need::Sheet
        } else if !self.is_stamped() {
            Need::Nowhere
        } else if self.source.whole(len).is_some() {
            Need::Source
        } else if self.terms.check.is_none() && self.target.whole(len).is_some() {
            Need::Target
        } else {
            Need::Sheet
        }
    }

    /// Whether nothing follows the payload.
    fn is_plain(&self) -> bool {
        self.terms.seal.is_none() && !self.pad
    }

    /// What is behind the payload, where it is to be written: from where, and the bytes.
    fn tail(&self, checksum: u64) -> Option<(usize, Vec<u8>)> {
        let Terms { len, seal, alignment, .. } = self.terms;
        let trailer = seal.map(|stamp| (trailer_range(stamp.len, alignment), stamp.seal(checksum)));
        if !self.pad {
            return trailer.map(|(range, bytes)| (range.start, bytes.to_vec()));
        }
        let whole = match &self.target {
            Side::Device(claim) => claim.len(),
            Side::Target(lent) => lent.len(),
            _ => len,
        };
        let mut tail = vec![0; whole.saturating_sub(len)];
        if let Some((range, bytes)) = trailer {
            tail[range.start - len..range.end - len].copy_from_slice(&bytes);
        }
        (!tail.is_empty()).then_some((len, tail))
    }
}

impl<T> Going<T> {
    pub(super) fn new(trip: Trip<T>, hall: Hall) -> Self {
        Self { trip, stage: Stage::Look, hall, checksum: 0, tail: None }
    }

    /// Where the GPU looks at the payload, if it does.
    pub(super) fn look_at(&self) -> Option<u64> {
        let len = self.trip.terms.len;
        let looked = self.stage == Stage::Look && self.trip.is_stamped();
        match &self.hall {
            _ if !looked => None,
            Hall::Nowhere => None,
            Hall::Source => self.trip.source.whole(len),
            Hall::Target => self.trip.target.whole(len),
            Hall::Sheet(_, claim) => device_spans(claim, 0, len.max(1)).first().map(|span| span.0),
        }
    }

    /// Where the GPU finds the trailer of a source in its memory.
    pub(super) fn trailer_at(&self) -> Option<u64> {
        let Terms { check, alignment, .. } = self.trip.terms;
        let range = trailer_range(check?.len, alignment);
        let Side::Device(claim) = &self.trip.source else { return None };
        device_spans(claim, range.start, range.len()).first().map(|span| span.0)
    }

    /// Verifies what was looked at. The record has the trailer of a source in device memory.
    pub(super) fn verify(&mut self, record: &Record) -> Result<(), Fault> {
        self.checksum = record.checksum(self.trip.terms.len);
        let Some(stamp) = self.trip.terms.check else { return Ok(()) };
        let range = trailer_range(stamp.len, self.trip.terms.alignment);
        let source = self.trip.source.host_bytes();
        let trailer = source.map_or(&record.trailer[..], |bytes| &bytes[range]);
        Ok(stamp.verify(trailer, self.checksum)?)
    }

    /// Whether the stage that it is in is the last that touches its ends.
    pub(super) fn is_last(&self) -> bool {
        let host = self.trip.target.is_host();
        match self.stage {
            Stage::Look => self.trip.terms.check.is_none() && (host || self.trip.is_plain()),
            Stage::Move => host || self.trip.is_plain(),
            Stage::Tail | Stage::Wipe(_) => true,
        }
    }

    /// Writes what follows the payload. Whether that is done: in device memory it is still to go.
    pub(super) fn finish_tail(&mut self) -> bool {
        let Some((from, tail)) = self.trip.tail(self.checksum) else { return true };
        if let Side::Target(lent) = &mut self.trip.target {
            lent.bytes()[from..from + tail.len()].copy_from_slice(&tail);
            return true;
        }
        self.tail = Some((from, tail));
        false
    }

    /// Leaves zeros in a target in host memory. Whether that is so.
    pub(super) fn wipe_host(&mut self) -> bool {
        let len = self.trip.terms.len;
        match &mut self.trip.target {
            Side::Target(lent) => {
                lent.bytes()[..len].fill(0);
                true
            }
            _ => false,
        }
    }
}
