//! Keys: what a block's tokens are, and how two of them compare.

use crate::lockstep::plan::{PlanPrompt, PlanTokens};

/// What tells the content of a block from that of its siblings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A full block known by a hash.
    Hash(u64),
    /// The tokens themselves.
    Tokens(TokenKey),
}

/// At most a block of tokens, and everything else that content depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenKey {
    tenant: u32,
    lora: Option<u64>,
    salt: Option<u64>,
    uses_extra_ids: bool,
    /// Token and extra id; 0 where there is none.
    tokens: Vec<(i32, u64)>,
    /// Each item that overlaps the block, and how far into the item the block begins.
    multimodal: Vec<([i32; 8], usize)>,
}

impl Key {
    /// Tokens in a block with this key.
    pub(crate) fn len(&self, tokens_per_block: usize) -> usize {
        match self {
            Self::Hash(_) => tokens_per_block,
            Self::Tokens(key) => key.tokens.len(),
        }
    }

    /// How many leading tokens two keys share.
    pub(crate) fn common_prefix(&self, other: &Self, tokens_per_block: usize) -> usize {
        match (self, other) {
            (Self::Tokens(a), Self::Tokens(b)) => {
                let same_kind = a.tenant == b.tenant
                    && a.lora == b.lora
                    && a.salt == b.salt
                    && a.multimodal == b.multimodal;
                if !same_kind {
                    return 0;
                }
                a.tokens.iter().zip(&b.tokens).take_while(|(x, y)| x == y).count()
            }
            _ if self == other => self.len(tokens_per_block),
            _ => 0,
        }
    }
}

/// The tokens of a prompt.
pub(crate) fn prompt_len(prompt: &PlanPrompt, tokens_per_block: usize) -> usize {
    match prompt {
        PlanPrompt::Hashes(hashes) => hashes.len().saturating_mul(tokens_per_block),
        PlanPrompt::Tokens(prompt) => prompt.tokens.len(),
    }
}

/// Keys of the first `len` tokens of a prompt and what was generated after it, the last one
/// possibly short. Tokens generated after hashes have keys of tokens, which are never stored.
pub(crate) fn keys(
    prompt: &PlanPrompt,
    generated: &[i32],
    len: usize,
    tokens_per_block: usize,
) -> Vec<Key> {
    match prompt {
        PlanPrompt::Tokens(prompt) => token_keys(prompt, generated, len, tokens_per_block),
        PlanPrompt::Hashes(hashes) => {
            let hashed = hashes.len().min(len / tokens_per_block);
            let mut keys: Vec<Key> = hashes[..hashed].iter().map(|hash| Key::Hash(*hash)).collect();
            let rest = len.saturating_sub(hashes.len() * tokens_per_block);
            keys.extend(token_keys(&PlanTokens::default(), generated, rest, tokens_per_block));
            keys
        }
    }
}

fn token_keys(prompt: &PlanTokens, generated: &[i32], len: usize, per_block: usize) -> Vec<Key> {
    let extra_id =
        |at: usize| prompt.extra_ids.as_ref().map_or(0, |ids| *ids.get(at).unwrap_or(&0));
    let all: Vec<(i32, u64)> = prompt
        .tokens
        .iter()
        .chain(generated)
        .enumerate()
        .map(|(at, token)| (*token, extra_id(at)))
        .take(len)
        .collect();
    let mut keys = Vec::new();
    for (index, tokens) in all.chunks(per_block).enumerate() {
        let start = index * per_block;
        keys.push(Key::Tokens(TokenKey {
            tenant: prompt.tenant,
            lora: prompt.lora,
            salt: prompt.salt,
            uses_extra_ids: prompt.extra_ids.is_some(),
            tokens: tokens.to_vec(),
            multimodal: multimodal_keys(prompt, start, start + tokens.len()),
        }));
    }
    keys
}

/// The items that overlap the tokens `start..end`.
fn multimodal_keys(prompt: &PlanTokens, start: usize, end: usize) -> Vec<([i32; 8], usize)> {
    let mut keys = Vec::new();
    for item in &prompt.multimodal {
        let item_end = item.start.saturating_add(item.len);
        if item.start.max(start) < item_end.min(end) {
            keys.push((item.hash, start.saturating_sub(item.start)));
        }
    }
    keys
}

/// For each token of a prompt and what was generated after it, a number that stands for its cache
/// entry: it depends on this token and on all before it, and on nothing else.
///
/// It is a function of the *keys* from the root to the token. Equal keys may hide where in the
/// block an image begins, so an image counts from the block after the one in which it begins.
///
/// ```
/// use tierproof::lockstep::model::token_fingerprints;
/// use tierproof::lockstep::plan::{PlanPrompt, PlanTokens};
///
/// let of = |tokens: &[i32]| {
///     let prompt = PlanTokens { tokens: tokens.to_vec(), ..PlanTokens::default() };
///     token_fingerprints(&PlanPrompt::Tokens(prompt), &[], 2)
/// };
/// assert_eq!(of(&[1, 2, 3])[..2], of(&[1, 2, 4])[..2]);
/// assert_ne!(of(&[1, 2, 3])[2], of(&[1, 1, 3])[2]);
/// ```
#[must_use]
pub fn token_fingerprints(
    prompt: &PlanPrompt,
    generated: &[i32],
    tokens_per_block: usize,
) -> Vec<u64> {
    let len = prompt_len(prompt, tokens_per_block) + generated.len();
    key_fingerprints(&keys(prompt, generated, len, tokens_per_block), tokens_per_block)
}

/// The fingerprints of every token under a path of keys from the root.
pub(crate) fn key_fingerprints(path: &[Key], tokens_per_block: usize) -> Vec<u64> {
    let mut prints = Vec::new();
    let mut chain = 0xcbf2_9ce4_8422_2325;
    for key in path {
        match key {
            Key::Hash(hash) => {
                chain = fold(fold(chain, 1), *hash);
                prints.extend((0..tokens_per_block).map(|at| fold(chain, at as u64)));
            }
            Key::Tokens(key) => {
                chain = fold(fold(chain, 2), u64::from(key.tenant));
                chain = fold_option(fold_option(chain, key.lora), key.salt);
                for (hash, offset) in key.multimodal.iter().filter(|(_, offset)| *offset > 0) {
                    chain = fold_item(chain, hash, *offset);
                }
                for (token, extra_id) in &key.tokens {
                    chain = fold(fold(chain, u64::from(token.cast_unsigned())), *extra_id);
                    prints.push(chain);
                }
                for (hash, offset) in &key.multimodal {
                    chain = fold_item(chain, hash, *offset);
                }
            }
        }
    }
    prints
}

fn fold_item(chain: u64, hash: &[i32; 8], offset: usize) -> u64 {
    let words = hash.iter().fold(chain, |chain, word| fold(chain, u64::from(word.cast_unsigned())));
    fold(words, offset as u64)
}

fn fold_option(chain: u64, value: Option<u64>) -> u64 {
    value.map_or_else(|| fold(chain, 0), |value| fold(fold(chain, 1), value))
}

/// FNV-1a over the eight bytes of `value`.
fn fold(chain: u64, value: u64) -> u64 {
    value
        .to_le_bytes()
        .iter()
        .fold(chain, |chain, byte| (chain ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
