//! One part copied between memories.

use std::ops::Range;
use tierproof_core::{Bytes, Fault, Part, Rows, Stamp, TRAILER_LEN};

/// Verifies, copies and seals one part that was judged acceptable. `source` and `target` begin at
/// the part's descriptors and reach to the end of their trailers, where there are any. A refused
/// source leaves the target as it was.
pub(crate) fn copy_part(
    part: &Part,
    alignment: Bytes,
    source: &[u8],
    target: &mut [u8],
) -> Result<(), Fault> {
    let payload = &source[..part.source.len as usize];
    let mut checksum = None;
    if let Some(stamp) = part.check {
        let found = *checksum.insert(Stamp::checksum(payload));
        stamp.verify(&source[trailer_range(stamp.len, alignment)], found)?;
    }
    match part.rows {
        None => target[..payload.len()].copy_from_slice(payload),
        Some(rows) => copy_rows(rows, payload, target),
    }
    if let Some(stamp) = part.seal {
        // Only now, because the copy has brought the payload into the cache.
        let checksum = checksum.unwrap_or_else(|| Stamp::checksum(payload));
        target[trailer_range(stamp.len, alignment)].copy_from_slice(&stamp.seal(checksum));
    }
    Ok(())
}

/// Where the trailer of a payload lies, from the payload's start.
///
/// # Panics
/// If `len` is near 2^64: the part was not judged.
pub(crate) fn trailer_range(len: Bytes, alignment: Bytes) -> Range<usize> {
    let start = Stamp::trailer_offset(len, alignment).expect("the part was judged") as usize;
    start..start + TRAILER_LEN
}

fn copy_rows(rows: Rows, source: &[u8], target: &mut [u8]) {
    let len = rows.len as usize;
    for row in 0..Bytes::from(rows.count) {
        let start = (row * rows.pitch) as usize;
        target[start..start + len].copy_from_slice(&source[start..start + len]);
    }
}
