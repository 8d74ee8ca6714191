//! Where each token's bytes are in a block of one pool, and what they must be.

use std::ops::Range;

/// Rows of tokens: `rows` times all tokens of a block, each a few bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) rows: usize,
    pub(crate) token_bytes: usize,
    pub(crate) tokens: usize,
}

impl Layout {
    /// Bytes of a block.
    pub(crate) fn bytes(&self) -> usize {
        self.rows * self.token_bytes * self.tokens
    }

    /// Where a token is in a row.
    pub(crate) fn range(&self, row: usize, token: usize) -> Range<usize> {
        let start = (row * self.tokens + token) * self.token_bytes;
        start..start + self.token_bytes
    }
}

/// The bytes that a token with this fingerprint has in one row of one pool of one window.
pub(crate) fn pattern(print: u64, [window, pool, row]: [usize; 3], bytes: &mut [u8]) {
    let mut state = print;
    for number in [window, pool, row] {
        state = stir(state ^ number as u64);
    }
    for chunk in bytes.chunks_mut(8) {
        state = stir(state);
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
}

/// The finaliser of `SplitMix64`.
fn stir(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
