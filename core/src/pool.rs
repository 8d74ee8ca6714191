//! Pools: how many bytes a block has, and how its tokens lie in them.
//!
//! The layers of one window are grouped by their number of KV heads; each group is a pool of shape
//! `[slots, layers, kv_factor, heads, tokens, head_dim]`. A block spans all pools of its window at
//! one slot index.

use crate::block::{Place, Tier};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::Rows;
use crate::units::Bytes;
use std::collections::BTreeMap;

/// The width of one number of a key or value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// 4 bits, two a byte, with one 8-bit scale for each 16 of them in a pool of its own.
    Bits4,
    /// FP8, INT8.
    Bits8,
    /// FP16, BF16.
    Bits16,
    /// FP32.
    Bits32,
    /// FP64 and INT64, for tests.
    Bits64,
}

/// Numbers that share one scale in [`Element::Bits4`].
const QUANTIZED_TOGETHER: u32 = 16;

/// What one pool holds of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolShape {
    /// `bytes` a block, whose tokens can't be told apart: always copied whole.
    Opaque {
        /// Bytes of a block.
        bytes: Bytes,
    },
    /// Keys and values of layers with equally many heads.
    Attention {
        /// Layers in the pool.
        layers: u32,
        /// 2 for K and V, 1 for K alone.
        kv_factor: u32,
        /// KV heads of each layer.
        heads: u32,
        /// Numbers of one head and token.
        head_dim: u32,
        /// Width of a number.
        element: Element,
    },
}

/// A pool's layout for a block size: bytes, rows, and its stride in offset tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Bytes of a block.
    pub bytes: Bytes,
    /// Layers times K/V factor: what one slot advances an offset table entry by.
    pub fields: u32,
    keys_only: bool,
    /// Rows of a block and bytes of one token in a row; `None` where tokens can't be copied alone.
    rows: Option<(u32, Bytes)>,
    pitch: Bytes,
}

impl Pool {
    /// Where field 0 (K) or 1 (V) is among the fields of a layer: both in one where there is only K.
    fn field(&self, field: usize) -> u64 {
        if self.keys_only { 0 } else { field as u64 }
    }

    /// The rows that hold a block's first `tokens` tokens, or `None` where only the whole block
    /// can be copied.
    #[must_use]
    pub fn first_tokens(&self, tokens: u32) -> Option<Rows> {
        let (count, token) = self.rows?;
        let len = token * Bytes::from(tokens);
        (tokens > 0 && len < self.pitch).then_some(Rows { count, len, pitch: self.pitch })
    }
}

impl PoolShape {
    /// The layout for blocks of `tokens_per_block` tokens: the pool, and behind it the pool of
    /// block scales where the element has them.
    ///
    /// # Errors
    /// `Config` for a zero or overflowing size, a K/V factor other than 1 or 2, or a head that
    /// can't be quantized.
    pub fn layout(&self, tokens_per_block: u32) -> Result<Vec<Pool>> {
        let (layers, kv_factor, heads, head_dim, element) = match *self {
            Self::Opaque { bytes: 0 } => return Err(invalid("a pool has blocks of 0 bytes")),
            Self::Opaque { bytes } => {
                return Ok(vec![Pool {
                    bytes,
                    fields: 1,
                    keys_only: true,
                    rows: None,
                    pitch: bytes,
                }]);
            }
            Self::Attention { layers, kv_factor, heads, head_dim, element } => {
                (layers, kv_factor, heads, head_dim, element)
            }
        };
        if !(1..=2).contains(&kv_factor) {
            return Err(invalid(format!("kv_factor is {kv_factor}: give 2 for K and V, 1 for K")));
        }
        let fields = layers.checked_mul(kv_factor);
        let pool = |token_bytes: u32, whole_only: bool| {
            let fields = fields?;
            let rows = fields.checked_mul(heads)?;
            let pitch = Bytes::from(token_bytes).checked_mul(Bytes::from(tokens_per_block))?;
            let bytes = pitch.checked_mul(Bytes::from(rows))?;
            let rows = (!whole_only).then_some((rows, Bytes::from(token_bytes)));
            let keys_only = kv_factor == 1;
            let whole = Pool { bytes, fields, keys_only, rows, pitch };
            (bytes > 0 && bytes <= i64::MAX as u64).then_some(whole)
        };
        let pools = match element {
            Element::Bits4 if head_dim % QUANTIZED_TOGETHER != 0 => {
                return Err(invalid(format!(
                    "head_dim {head_dim} with 4-bit elements: give a multiple of {QUANTIZED_TOGETHER}"
                )));
            }
            Element::Bits4 => {
                vec![pool(head_dim / 2, true), pool(head_dim / QUANTIZED_TOGETHER, true)]
            }
            Element::Bits8 => vec![pool(head_dim, false)],
            Element::Bits16 => vec![head_dim.checked_mul(2).and_then(|bytes| pool(bytes, false))],
            Element::Bits32 => vec![head_dim.checked_mul(4).and_then(|bytes| pool(bytes, false))],
            Element::Bits64 => vec![head_dim.checked_mul(8).and_then(|bytes| pool(bytes, false))],
        };
        let whole: Option<Vec<Pool>> = pools.into_iter().collect();
        whole
            .ok_or_else(|| invalid(format!("the size of a block of {self:?} is 0 or over 63 bits")))
    }
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, what)
}

/// A model's attention layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelShape {
    /// KV heads of each layer.
    pub heads: Vec<u32>,
    /// Attention windows in tokens; layer `i` uses the one at `i % len`.
    pub windows: Vec<u32>,
    /// 2 for K and V, 1 for K alone.
    pub kv_factor: u32,
    /// Numbers of one head and token.
    pub head_dim: u32,
    /// Width of a number.
    pub element: Element,
}

impl ModelShape {
    /// The pools of each window: windows by ascending size, pools by ascending number of heads.
    ///
    /// ```
    /// use tierproof_core::{Element, ModelShape};
    /// let model = ModelShape { heads: vec![8, 1, 8, 8], windows: vec![128, 4096], kv_factor: 2, head_dim: 64, element: Element::Bits16 };
    /// let pools = model.pools();
    /// assert_eq!(pools.keys().collect::<Vec<_>>(), [&128, &4096]);
    /// assert_eq!(pools[&4096].len(), 2);
    /// ```
    #[must_use]
    pub fn pools(&self) -> BTreeMap<u32, Vec<PoolShape>> {
        let mut layers: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
        for (&heads, &window) in self.heads.iter().zip(self.windows.iter().cycle()) {
            *layers.entry(window).or_default().entry(heads).or_default() += 1;
        }
        let shape = |(heads, layers): (u32, u32)| PoolShape::Attention {
            layers,
            kv_factor: self.kv_factor,
            heads,
            head_dim: self.head_dim,
            element: self.element,
        };
        layers
            .into_iter()
            .map(|(window, by_heads)| (window, by_heads.into_iter().map(shape).collect()))
            .collect()
    }
}

/// Where a sequence's blocks lie, for an attention kernel: `[pools, beams, 2, blocks_max]`.
///
/// An entry is `slot * fields + field` with field 0 for K and 1 for V (0 for both where there is
/// only K). A block in host memory has the sign bit set. Entries without an addressable block are
/// [`OffsetTable::NONE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetTable {
    /// Pools of the window.
    pub pools: usize,
    /// Beams of the sequence.
    pub beams: usize,
    /// Columns.
    pub blocks_max: usize,
    /// Row-major entries.
    pub entries: Vec<i32>,
}

impl OffsetTable {
    /// No block here.
    pub const NONE: i32 = i32::MAX;
    /// Set in entries of host memory.
    pub const HOST: i32 = i32::MIN;

    pub(crate) fn new(pools: usize, beams: usize, blocks_max: usize) -> Self {
        Self { pools, beams, blocks_max, entries: vec![Self::NONE; pools * beams * 2 * blocks_max] }
    }

    /// The entry of one pool, beam, field (0 K, 1 V) and block.
    #[must_use]
    pub fn get(&self, pool: usize, beam: usize, field: usize, block: usize) -> Option<i32> {
        let inside = pool < self.pools && beam < self.beams && field < 2 && block < self.blocks_max;
        inside.then(|| self.entries[self.position(pool, beam, field, block)])
    }

    /// Enters the place of one block for all pools and fields. What is on disk has no address.
    pub(crate) fn place(&mut self, beam: usize, block: usize, at: Place, pools: &[Pool]) {
        let flag = match at.tier {
            Tier::Device => 0,
            Tier::Host => Self::HOST,
            Tier::Disk => return,
        };
        for (index, pool) in pools.iter().enumerate() {
            for field in 0..2 {
                let position = self.position(index, beam, field, block);
                let entry = u64::from(at.slot) * u64::from(pool.fields) + pool.field(field);
                // An index that no kernel could hold names no block.
                let fits = i32::try_from(entry).ok().filter(|&entry| entry != Self::NONE);
                self.entries[position] = fits.map_or(Self::NONE, |entry| entry | flag);
            }
        }
    }

    fn position(&self, pool: usize, beam: usize, field: usize, block: usize) -> usize {
        ((pool * self.beams + beam) * 2 + field) * self.blocks_max + block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attention(element: Element) -> PoolShape {
        PoolShape::Attention { layers: 12, kv_factor: 2, heads: 6, head_dim: 128, element }
    }

    #[test]
    fn bytes_are_the_product_of_the_shape() {
        let bytes = |element| attention(element).layout(8).unwrap()[0].bytes;
        let numbers = 12 * 2 * 6 * 8 * 128;
        assert_eq!(bytes(Element::Bits8), numbers);
        assert_eq!(bytes(Element::Bits16), 2 * numbers);
        assert_eq!(bytes(Element::Bits32), 4 * numbers);
        assert_eq!(bytes(Element::Bits64), 8 * numbers);
        let quantized = attention(Element::Bits4).layout(8).unwrap();
        assert_eq!((quantized[0].bytes, quantized[1].bytes), (numbers / 2, numbers / 16));
        assert_eq!(quantized[0].first_tokens(3), None);
    }

    #[test]
    fn first_tokens_are_a_row_for_each_layer_field_and_head() {
        let pool = attention(Element::Bits16).layout(8).unwrap()[0];
        let rows = Rows { count: 12 * 2 * 6, len: 3 * 256, pitch: 8 * 256 };
        assert_eq!(pool.first_tokens(3), Some(rows));
        assert_eq!(pool.first_tokens(8), None);
        assert_eq!(PoolShape::Opaque { bytes: 64 }.layout(8).unwrap()[0].first_tokens(3), None);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for shape in [
            PoolShape::Opaque { bytes: 0 },
            PoolShape::Attention {
                layers: 0,
                kv_factor: 2,
                heads: 1,
                head_dim: 1,
                element: Element::Bits8,
            },
            PoolShape::Attention {
                layers: 1,
                kv_factor: 3,
                heads: 1,
                head_dim: 1,
                element: Element::Bits8,
            },
            PoolShape::Attention {
                layers: 1,
                kv_factor: 1,
                heads: 1,
                head_dim: 8,
                element: Element::Bits4,
            },
            PoolShape::Attention {
                layers: u32::MAX,
                kv_factor: 2,
                heads: 1,
                head_dim: 1,
                element: Element::Bits8,
            },
            PoolShape::Attention {
                layers: 1 << 20,
                kv_factor: 2,
                heads: 1 << 10,
                head_dim: u32::MAX,
                element: Element::Bits16,
            },
        ] {
            assert_eq!(shape.layout(u32::MAX).unwrap_err().kind(), ErrorKind::Config, "{shape:?}");
        }
    }
}
