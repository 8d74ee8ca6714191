//! Where the bytes of device memory are: in one piece, or in layers as serving engines keep them.

use std::ops::Range;
use tierproof_core::{Bytes, Error, ErrorKind, Result};

/// A serving engine's own KV pool, or one of ours.
///
/// Block `b` of a pool in layers is piece `b` of each layer, one after the other: with 64 layers (K and
/// V of 32) of pieces of 16 KiB, blocks of 1 MiB.
///
/// ```
/// use tierproof_backends::Pool;
/// let (keys, values) = (0x7f00_0000_0000, 0x7f00_4000_0000);
/// let pool = Pool::layers(0, vec![keys, values], 16 << 10, 1000)?;
/// assert_eq!(pool.len(), 2 * 1000 * (16 << 10));
/// assert!(Pool::layers(0, vec![], 16 << 10, 1000).is_err());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    ordinal: u32,
    /// Where each layer begins.
    layers: Vec<u64>,
    /// Bytes of a block in one layer.
    piece: Bytes,
    len: Bytes,
}

impl Pool {
    /// `len` bytes at `address` on GPU `ordinal`, in one piece.
    #[must_use]
    pub fn contiguous(ordinal: u32, address: u64, len: Bytes) -> Self {
        Self { ordinal, layers: vec![address], piece: len, len }
    }

    /// `blocks` blocks on GPU `ordinal`, each with `piece` bytes in every layer; `layers` are the
    /// addresses at which the layers begin.
    ///
    /// # Errors
    /// `Config` without a layer, a block or a byte, and beyond 63 bits.
    pub fn layers(ordinal: u32, layers: Vec<u64>, piece: Bytes, blocks: u64) -> Result<Self> {
        let len = piece.checked_mul(blocks).and_then(|len| len.checked_mul(layers.len() as u64));
        match len {
            Some(len) if (1..=i64::MAX as u64).contains(&len) => {
                Ok(Self { ordinal, layers, piece, len })
            }
            _ => {
                let layers = layers.len();
                let context = format!(
                    "a pool of {layers} layers, {blocks} blocks and pieces of {piece} bytes: give \
                     at least one of each, and 63 bits of bytes at most"
                );
                Err(Error::new(ErrorKind::Config, context))
            }
        }
    }

    /// Bytes of all blocks.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty pool is refused")]
    pub fn len(&self) -> Bytes {
        self.len
    }

    /// The GPU that it is on.
    #[must_use]
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// Addresses and lengths of the pieces of a range, in order.
    pub(super) fn spans(&self, range: Range<Bytes>) -> impl Iterator<Item = (u64, Bytes)> {
        let layers = self.layers.len() as u64;
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let (piece, within) = (at / self.piece, at % self.piece);
            let (block, layer) = (piece / layers, piece % layers);
            let len = (self.piece - within).min(range.end - at);
            at += len;
            Some((self.layers[layer as usize] + block * self.piece + within, len))
        })
    }

    /// The address of a range that is in one piece.
    pub(super) fn one_range(&self, range: Range<Bytes>) -> Option<u64> {
        let len = range.end - range.start;
        let whole = self.layers.len() == 1 || len == 0;
        let first = self.spans(range.start..range.end.max(range.start + 1)).next();
        first.filter(|(_, first)| whole || *first >= len).map(|(address, _)| address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a pool that is written out byte by byte.
        #[test]
        fn spans_are_the_bytes_of_the_range(
            layers in 1_usize..5,
            piece in 1_u64..9,
            blocks in 1_u64..5,
            ends in (0_u64..200, 0_u64..200),
        ) {
            let bases: Vec<u64> = (0..layers as u64).map(|layer| 1000 * (layer + 1)).collect();
            let pool = Pool::layers(0, bases.clone(), piece, blocks).unwrap();
            let bytes: Vec<u64> = (0..blocks)
                .flat_map(|block| bases.iter().map(move |base| base + block * piece))
                .flat_map(|piece_at| piece_at..piece_at + piece)
                .collect();
            prop_assert_eq!(pool.len(), bytes.len() as u64);
            let (start, end) = (ends.0 % pool.len(), ends.1 % (pool.len() + 1));
            let range = start..end.max(start);
            let found: Vec<u64> = pool
                .spans(range.clone())
                .flat_map(|(address, len)| address..address + len)
                .collect();
            prop_assert_eq!(&found, &bytes[range.start as usize..range.end as usize]);
            if let Some(address) = pool.one_range(range.clone()) {
                prop_assert_eq!(found, (address..address + (range.end - range.start)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_is_contiguous_is_one_range_everywhere() {
        let pool = Pool::contiguous(0, 5000, 100);
        assert_eq!((pool.one_range(0..100), pool.one_range(40..60)), (Some(5000), Some(5040)));
        let layers = Pool::layers(0, vec![0x1000, 0x9000], 16, 4).unwrap();
        assert_eq!((layers.one_range(0..16), layers.one_range(0..17)), (Some(0x1000), None));
        assert_eq!(layers.one_range(18..30), Some(0x9002));
    }
}
