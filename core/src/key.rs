//! Keys: what a block's content is, and the two hashes made of it.
//!
//! A block of keys and values depends on every token up to its end, so a key means something only
//! beneath its parent. The 64-bit *event hash* chains over the parent and names blocks to the
//! outside, as TensorRT-LLM does it; it is never trusted for a match. The 256-bit *identity* is a
//! keyed BLAKE3 chain that storage trailers carry.

use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;

/// Token ids of one prompt, with everything else that its keys and values depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPrompt {
    /// The trust domain: blocks are never shared across two.
    pub tenant: u32,
    /// Token ids.
    pub tokens: Vec<i32>,
    /// An extra id for each token (prompt tables); as many as tokens.
    pub extra_ids: Option<Vec<u64>>,
    /// The adapter. Absent is not the same as 0.
    pub lora: Option<u64>,
    /// Keeps equal prompts apart.
    pub salt: Option<u64>,
    /// Images and the like, that stand behind some of the tokens.
    pub multimodal: Vec<MultimodalItem>,
}

impl TokenPrompt {
    /// A plain prompt of tenant 0.
    #[must_use]
    pub fn new(tokens: Vec<i32>) -> Self {
        Self { tokens, ..Self::default() }
    }
}

/// One item that `len` tokens from `start` stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultimodalItem {
    /// The item's own 256-bit hash as eight words.
    pub hash: [i32; 8],
    /// First token.
    pub start: u32,
    /// How many tokens.
    pub len: u32,
}

/// An item as one block sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultimodalKey {
    /// The item's hash, each word big-endian.
    pub hash: [u8; 32],
    /// Tokens of the item that lie before the block.
    pub offset: u64,
}

/// The content of a block of tokens. Two are equal when all that shapes the content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// The trust domain.
    pub tenant: u32,
    /// Token ids, at most a block of them.
    pub tokens: Vec<i32>,
    /// Extra ids, as many as tokens.
    pub extra_ids: Option<Vec<u64>>,
    /// The adapter.
    pub lora: Option<u64>,
    /// Keeps equal prompts apart.
    pub salt: Option<u64>,
    /// The items that overlap the block.
    pub multimodal: Vec<MultimodalKey>,
    /// The 256-bit chained identity: equal for equal content under equal parents.
    pub identity: [u8; 32],
}

/// Names a block beneath its parent. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKey {
    /// A hash that a trace gives instead of tokens; always a full block.
    Hash {
        /// The trust domain.
        tenant: u32,
        /// The hash. It names a whole prefix.
        id: u64,
    },
    /// The tokens themselves.
    Tokens(Arc<TokenKey>),
}

impl BlockKey {
    /// The trust domain.
    #[must_use]
    pub fn tenant(&self) -> u32 {
        match self {
            Self::Hash { tenant, .. } => *tenant,
            Self::Tokens(key) => key.tenant,
        }
    }

    /// Tokens in the block; a hash stands for `tokens_per_block`.
    #[must_use]
    pub fn tokens(&self, tokens_per_block: u32) -> u32 {
        match self {
            Self::Hash { .. } => tokens_per_block,
            // At most a block, so it fits.
            Self::Tokens(key) => key.tokens.len() as u32,
        }
    }

    /// Leading tokens that two keys share: 0 where anything but the tokens differs.
    ///
    /// ```
    /// use tierproof_core::{KeySpace, TokenPrompt};
    /// let keys = KeySpace::new(4, "model", &[0; 32]);
    /// let key = |tokens: &[i32]| keys.chain(&TokenPrompt::new(tokens.to_vec()), 4, true).pop().unwrap().key;
    /// assert_eq!(key(&[1, 2, 3, 4]).common_prefix(&key(&[1, 2, 9, 4])), 2);
    /// ```
    #[must_use]
    pub fn common_prefix(&self, other: &Self) -> u32 {
        let (Self::Tokens(a), Self::Tokens(b)) = (self, other) else { return 0 };
        let comparable = a.tenant == b.tenant
            && a.lora == b.lora
            && a.salt == b.salt
            && a.multimodal == b.multimodal;
        let extra = |key: &TokenKey, i: usize| key.extra_ids.as_ref().map_or(0, |ids| ids[i]);
        let shared = |i: &usize| a.tokens[*i] == b.tokens[*i] && extra(a, *i) == extra(b, *i);
        let len = a.tokens.len().min(b.tokens.len());
        if comparable { (0..len).take_while(shared).count() as u32 } else { 0 }
    }
}

/// A key with the event hash that it has beneath its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainKey {
    /// The key.
    pub key: BlockKey,
    /// Its chained event hash.
    pub hash: u64,
}

impl ChainKey {
    /// The key of a block that a trace names: its event hash is the hash that the trace gives, folded
    /// with a tenant other than 0.
    #[must_use]
    pub fn of_hash(tenant: u32, id: u64) -> Self {
        let hash = if tenant == 0 { id } else { fold(id, tenant_word(tenant)) };
        Self { key: BlockKey::Hash { tenant, id }, hash }
    }
}

/// Makes keys: block size, and what the 256-bit identities are bound to.
#[derive(Debug, Clone)]
pub struct KeySpace {
    tokens_per_block: u32,
    fingerprint: [u8; 32],
    secret: [u8; 32],
}

impl KeySpace {
    /// Keys of `tokens_per_block` tokens. `fingerprint` names model and layout; `secret` keeps
    /// outsiders from choosing colliding prompts.
    #[must_use]
    pub fn new(tokens_per_block: u32, fingerprint: &str, secret: &[u8; 32]) -> Self {
        let fingerprint =
            blake3::derive_key("tierproof 2026 layout fingerprint", fingerprint.as_bytes());
        Self { tokens_per_block, fingerprint, secret: *secret }
    }

    /// Tokens of a full block.
    #[must_use]
    pub fn tokens_per_block(&self) -> u32 {
        self.tokens_per_block
    }

    /// What trailers in one window carry of the fingerprint.
    #[must_use]
    pub fn layout(&self, window_size: u32) -> [u8; 16] {
        let whole = blake3::keyed_hash(&self.fingerprint, &window_size.to_le_bytes());
        std::array::from_fn(|i| whole.as_bytes()[i])
    }

    /// Names a place where content is kept, for those who know model, layout and secret.
    pub(crate) fn site(&self, place: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&self.fingerprint).update(b"site").update(place.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The keys of the first `usable` tokens, the last one short if `partial` allows it.
    #[must_use]
    pub fn chain(&self, prompt: &TokenPrompt, usable: usize, partial: bool) -> Vec<ChainKey> {
        let mut chain = Vec::new();
        self.extend(&mut chain, prompt, usable, partial);
        chain
    }

    /// Continues a chain of full blocks of the same prompt up to `usable` tokens.
    pub fn extend(
        &self,
        chain: &mut Vec<ChainKey>,
        prompt: &TokenPrompt,
        usable: usize,
        partial: bool,
    ) {
        let size = self.tokens_per_block as usize;
        let usable = usable.min(prompt.tokens.len());
        let domain = *blake3::keyed_hash(&self.secret, &prompt.tenant.to_le_bytes()).as_bytes();
        let mut start = chain.len() * size;
        while start < usable {
            let end = usable.min(start + size);
            if end - start < size && !partial {
                break;
            }
            let (parent_hash, parent) = match chain.last() {
                Some(ChainKey { key: BlockKey::Tokens(key), hash }) => (*hash, key.identity),
                _ => (0, [0; 32]),
            };
            let mut key = cut(prompt, start, end);
            key.identity = self.identity_of(&domain, &parent, &key);
            let hash = event_hash(&key, parent_hash);
            chain.push(ChainKey { key: BlockKey::Tokens(Arc::new(key)), hash });
            start = end;
        }
    }

    /// The 256-bit identity of a key: BLAKE3 keyed by the tenant over fingerprint, parent and
    /// content. A hash names its whole prefix, so it has no parent.
    #[must_use]
    pub fn identity(&self, key: &BlockKey) -> [u8; 32] {
        match key {
            BlockKey::Tokens(key) => key.identity,
            BlockKey::Hash { tenant, id } => {
                let domain = blake3::keyed_hash(&self.secret, &tenant.to_le_bytes());
                let mut hasher = blake3::Hasher::new_keyed(domain.as_bytes());
                hasher.update(&self.fingerprint).update(b"hash").update(&id.to_le_bytes());
                *hasher.finalize().as_bytes()
            }
        }
    }

    fn identity_of(&self, domain: &[u8; 32], parent: &[u8; 32], key: &TokenKey) -> [u8; 32] {
        // Every variable part is preceded by its length, so that no two contents encode alike.
        let mut bytes = Vec::with_capacity(64 + key.tokens.len() * 4);
        let optional = |bytes: &mut Vec<u8>, value: Option<u64>| {
            bytes.push(u8::from(value.is_some()));
            bytes.extend(value.unwrap_or(0).to_le_bytes());
        };
        optional(&mut bytes, key.lora);
        optional(&mut bytes, key.salt);
        bytes.extend((key.tokens.len() as u64).to_le_bytes());
        bytes.extend(key.tokens.iter().flat_map(|token| token.to_le_bytes()));
        bytes.push(u8::from(key.extra_ids.is_some()));
        bytes.extend(key.extra_ids.iter().flatten().flat_map(|id| id.to_le_bytes()));
        bytes.extend((key.multimodal.len() as u64).to_le_bytes());
        for item in &key.multimodal {
            bytes.extend(item.hash);
            bytes.extend(item.offset.to_le_bytes());
        }
        let mut hasher = blake3::Hasher::new_keyed(domain);
        hasher.update(&self.fingerprint).update(b"tokens").update(parent).update(&bytes);
        *hasher.finalize().as_bytes()
    }
}

/// Checks that a prompt's parts fit together.
///
/// # Errors
/// `Config` naming the part.
pub(crate) fn validate_prompt(prompt: &TokenPrompt) -> Result<()> {
    let tokens = prompt.tokens.len();
    if prompt.extra_ids.as_ref().is_some_and(|ids| ids.len() != tokens) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("extra_ids must have one id for each of the {tokens} tokens"),
        ));
    }
    for (index, item) in prompt.multimodal.iter().enumerate() {
        if item.len == 0 || item.start as usize + item.len as usize > tokens {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "multimodal item {index} covers tokens {}..{} of {tokens}: give it at least one token inside the prompt",
                    item.start,
                    u64::from(item.start) + u64::from(item.len)
                ),
            ));
        }
    }
    Ok(())
}

fn cut(prompt: &TokenPrompt, start: usize, end: usize) -> TokenKey {
    let overlapping = prompt.multimodal.iter().filter_map(|item| {
        let (first, last) = (item.start as usize, item.start as usize + item.len as usize);
        (first < end && last > start).then(|| MultimodalKey {
            hash: std::array::from_fn(|i| item.hash[i / 4].to_be_bytes()[i % 4]),
            offset: start.saturating_sub(first) as u64,
        })
    });
    TokenKey {
        tenant: prompt.tenant,
        tokens: prompt.tokens[start..end].to_vec(),
        extra_ids: prompt.extra_ids.as_ref().map(|ids| ids[start..end].to_vec()),
        lora: prompt.lora,
        salt: prompt.salt,
        multimodal: overlapping.collect(),
        identity: [0; 32],
    }
}

const GOLDEN: u32 = 0x9e37_79b9;
const MULTIPLY_1: u64 = 0xbf58_476d_1ce4_e5b9;
const MULTIPLY_2: u64 = 0x94d0_49bb_1331_11eb;

fn mix32(value: u32) -> u32 {
    let value = ((value >> 16) ^ value).wrapping_mul(0x045d_9f3b);
    let value = ((value >> 16) ^ value).wrapping_mul(0x045d_9f3b);
    (value >> 16) ^ value
}

fn mix64(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(MULTIPLY_1);
    let value = (value ^ (value >> 27)).wrapping_mul(MULTIPLY_2);
    value ^ (value >> 31)
}

fn fold(seed: u64, value: u64) -> u64 {
    seed ^ value.wrapping_add(u64::from(GOLDEN)).wrapping_add(seed << 6).wrapping_add(seed >> 2)
}

/// The sum with the constant wraps in 32 bits before it is widened: TensorRT-LLM's hashes depend
/// on it.
fn fold32(seed: u64, value: u32) -> u64 {
    seed ^ u64::from(value.wrapping_add(GOLDEN)).wrapping_add(seed << 6).wrapping_add(seed >> 2)
}

/// A tenant as a word to fold. The high half keeps it apart from salts, which are small numbers where
/// they are not random: tenant 1 and salt 1 once gave equal prompts equal names.
fn tenant_word(tenant: u32) -> u64 {
    mix64(u64::from(tenant) << 32)
}

/// TensorRT-LLM's 64-bit hash of a block beneath a parent with hash `parent` (0: the root), as
/// its KV-cache events carry it. Upstream knows no tenants: one other than 0 enters the first block
/// as a salt does, so that outsiders can tell equal prompts of two tenants apart.
#[must_use]
pub fn event_hash(key: &TokenKey, parent: u64) -> u64 {
    let mut seed = key.tokens.len() as u64 ^ parent.wrapping_mul(MULTIPLY_1);
    if let (0, Some(salt)) = (parent, key.salt) {
        seed = fold(seed, mix64(salt));
    }
    if parent == 0 && key.tenant != 0 {
        seed = fold(seed, tenant_word(key.tenant));
    }
    for (index, token) in key.tokens.iter().enumerate() {
        seed = fold32(seed, mix32(token.cast_unsigned()));
        if let Some(ids) = &key.extra_ids {
            seed = fold(seed, mix64(ids[index]));
        }
    }
    if let Some(lora) = key.lora {
        seed = fold(seed, mix64(lora));
    }
    for item in &key.multimodal {
        for word in item.hash.chunks_exact(4) {
            let word = u32::from_le_bytes(std::array::from_fn(|i| word[i]));
            seed = fold32(seed, mix32(word));
        }
        seed = fold(seed, mix64(item.offset));
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tokens: &[i32]) -> TokenKey {
        cut(&TokenPrompt::new(tokens.to_vec()), 0, tokens.len())
    }

    /// Vector 1.
    #[test]
    fn event_hashes_are_those_of_tensorrt_llm() {
        let first = event_hash(&key(&[0, 1, 2, 3]), 0);
        assert_eq!(first, 0x0002_9afb_f4c4_4315);
        let second = event_hash(&key(&[4, 5, 6, 7]), first);
        assert_eq!(second, 0x5794_d533_64db_ae2a);
        assert_eq!(event_hash(&key(&[8, 9]), second), 0xab07_8887_f506_4794);
        let with = |change: fn(&mut TokenKey), parent| {
            let mut key = key(&[0, 1, 2, 3]);
            change(&mut key);
            event_hash(&key, parent)
        };
        assert_eq!(with(|k| k.lora = Some(0), 0), 0x00a5_ff47_38bd_0cab);
        assert_eq!(with(|k| k.lora = Some(1), 0), 0x573b_e122_2840_16b6);
        assert_eq!(with(|k| k.salt = Some(12345), 0), 0x97f0_f1ae_2263_18a7);
        assert_eq!(with(|k| k.salt = Some(12345), 1), 0xee35_e2c9_88b6_3c37);
        assert_eq!(with(|_| (), 1), 0xee35_e2c9_88b6_3c37);
        assert_ne!(with(|k| k.tenant = 1, 0), first);
        assert_ne!(with(|k| k.tenant = 1, 0), with(|k| k.salt = Some(1), 0));
        assert_eq!(with(|k| k.tenant = 1, 1), 0xee35_e2c9_88b6_3c37);
        let mut extra = key(&[100, 101, 102, 103]);
        extra.extra_ids = Some(vec![1, 1, 2, 2]);
        assert_eq!(event_hash(&extra, 0), 0x9866_676a_b84e_5085);
        assert_eq!(event_hash(&key(&[]), 0), 0);
    }

    /// Vector 1, multimodal part.
    #[test]
    fn multimodal_items_enter_every_block_they_overlap() {
        let hash = [
            0x1234_5678,
            -0x6F54_3211,
            0x1111_1111,
            0x2222_2222,
            0x3333_3333,
            0x4444_4444,
            0x5555_5555,
            0x6666_6666,
        ];
        let mut prompt = TokenPrompt::new(vec![100, 101, 102, 103, 104, 105, 0, 1]);
        prompt.multimodal = vec![MultimodalItem { hash, start: 2, len: 4 }];
        let chain = KeySpace::new(4, "", &[0; 32]).chain(&prompt, 8, false);
        let BlockKey::Tokens(first) = &chain[0].key else { unreachable!() };
        assert_eq!(first.multimodal[0].hash[..8], [0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef]);
        assert_eq!(first.multimodal[0].offset, 0);
        assert_eq!(chain[0].hash, 0x1d76_ec0e_c2d6_576f);
        let BlockKey::Tokens(second) = &chain[1].key else { unreachable!() };
        assert_eq!(second.multimodal[0].offset, 2);
        assert_eq!(chain[1].hash, 0x5b08_7833_9e9c_6cc3);
    }

    /// Vector 2.
    #[test]
    fn chopping_keeps_a_short_piece_only_when_allowed() {
        let prompt = TokenPrompt::new((0..10).collect());
        let pieces = |usable, partial| {
            let chain = KeySpace::new(4, "", &[0; 32]).chain(&prompt, usable, partial);
            chain.iter().map(|link| link.key.tokens(4)).collect::<Vec<_>>()
        };
        assert_eq!(pieces(10, false), [4, 4]);
        assert_eq!(pieces(10, true), [4, 4, 2]);
        assert_eq!(pieces(7, true), [4, 3]);
    }

    /// Vector 4.
    #[test]
    fn keys_differ_in_every_field() {
        let base = key(&[1, 2, 3]);
        let differs = |change: fn(&mut TokenKey)| {
            let mut other = base.clone();
            change(&mut other);
            other != base
        };
        assert!(!differs(|_| ()));
        assert!(differs(|k| k.extra_ids = Some(vec![0, 0, 0])));
        assert!(differs(|k| k.lora = Some(0)));
        assert!(differs(|k| k.salt = Some(0)));
        assert!(differs(|k| k.tokens[2] = 4));
        assert!(differs(|k| k.tenant = 1));
        assert!(differs(|k| k.multimodal = vec![MultimodalKey { hash: [0; 32], offset: 0 }]));
    }

    #[test]
    fn identities_depend_on_tenant_secret_layout_parent_and_content() {
        let identity = |tenant, model: &str, secret: u8, tokens: &[i32]| {
            let mut prompt = TokenPrompt::new(tokens.to_vec());
            prompt.tenant = tenant;
            let keys = KeySpace::new(2, model, &[secret; 32]);
            let chain = keys.chain(&prompt, tokens.len(), false);
            keys.identity(&chain.last().unwrap().key)
        };
        let all = [
            identity(0, "m", 0, &[1, 2, 3, 4]),
            identity(1, "m", 0, &[1, 2, 3, 4]),
            identity(0, "n", 0, &[1, 2, 3, 4]),
            identity(0, "m", 1, &[1, 2, 3, 4]),
            identity(0, "m", 0, &[9, 2, 3, 4]),
            identity(0, "m", 0, &[1, 2, 3, 5]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "{i}");
        }
        assert_eq!(all[0], identity(0, "m", 0, &[1, 2, 3, 4]));
    }
}
