//! What a model would compute: one word for each token, which depends on every token before it.

use tierproof_core::{Prompt, TokenPrompt};

/// Tokens of a block.
pub(crate) const BLOCK: u32 = 4;

const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (value ^ (value >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) ^ value
}

fn after(before: u64, token: u64) -> u64 {
    mix(before.wrapping_add(1)) ^ mix(token ^ 0x5bd1_e995)
}

/// The words of one request and how many of them it has computed or found.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) words: Vec<u64>,
    pub(crate) computed: usize,
}

impl Text {
    pub(crate) fn of(prompt: &Prompt) -> Self {
        let words = match prompt {
            // A hash names its whole prefix.
            Prompt::Hashes { tenant, ids } => {
                let block = |&id: &u64| {
                    let start = mix(id) ^ u64::from(*tenant);
                    (0..u64::from(BLOCK)).map(move |token| after(start, token))
                };
                ids.iter().flat_map(block).collect()
            }
            Prompt::Tokens(TokenPrompt { tenant, tokens, .. }) => {
                let start = mix(u64::from(*tenant));
                let next = |before: &mut u64, token: &i32| {
                    *before = after(*before, u64::from(token.cast_unsigned()));
                    Some(*before)
                };
                tokens.iter().scan(start, next).collect()
            }
        };
        Self { words, computed: 0 }
    }

    pub(crate) fn push(&mut self, token: i32) {
        let last = self.words.last().copied().unwrap_or(0);
        self.words.push(after(last, u64::from(token.cast_unsigned())));
    }
}

/// The bytes of a word in one row of one pool of one window.
pub(crate) fn bytes(word: u64, window: usize, pool: usize, row: u64) -> [u8; 8] {
    mix(word ^ ((window as u64) << 32) ^ ((pool as u64) << 16) ^ row).to_le_bytes()
}
