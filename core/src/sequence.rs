//! A request that lives: its tokens, its keys, and what it holds of each window.

use crate::block::Spill;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{NoFiles, RequestId};
use crate::key::{ChainKey, KeySpace, TokenPrompt, validate_prompt};
use crate::retention::Retention;
use crate::transfer::TransferMode;
use crate::window::{Held, RequestStats, Terms};

/// What a request's blocks are named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Hashes of full blocks, as traces carry them; each names its whole prefix.
    Hashes {
        /// The trust domain.
        tenant: u32,
        /// One hash a block.
        ids: Vec<u64>,
    },
    /// The tokens themselves. The last one is never found: a model always computes it.
    Tokens(TokenPrompt),
}

impl Prompt {
    /// Tokens, a hash counting as a whole block.
    #[must_use]
    pub fn tokens(&self, tokens_per_block: u32) -> u64 {
        match self {
            Self::Hashes { ids, .. } => ids.len() as u64 * u64::from(tokens_per_block),
            Self::Tokens(prompt) => prompt.tokens.len() as u64,
        }
    }
}

/// Something to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Unique among the requests that live.
    pub id: RequestId,
    /// What it starts from.
    pub prompt: Prompt,
    /// Beams; at least 1.
    pub beams: u32,
    /// Its prompt is an encoder's output, which never grows.
    pub cross_attention: bool,
    /// What its blocks are worth and where they may spill.
    pub retention: Retention,
}

impl Request {
    /// A request with one beam and default retention.
    #[must_use]
    pub fn new(id: u64, prompt: Prompt) -> Self {
        let retention = Retention::default();
        Self { id: RequestId(id), prompt, beams: 1, cross_attention: false, retention }
    }
}

/// More beams than anybody searches with.
const BEAMS_MAX: u32 = 1024;

#[derive(Debug)]
pub(crate) struct Sequence {
    /// The tokens so far; `None` for a prompt of hashes.
    text: Option<TokenPrompt>,
    /// Keys of the leading blocks.
    chain: Vec<ChainKey>,
    pub(crate) prompt_tokens: u32,
    pub(crate) tokens: u32,
    pub(crate) beams: u32,
    pub(crate) decode: Terms,
    pub(crate) held: Vec<Held>,
    /// A call for it found the backend broken: until it settles nobody can have computed it.
    pub(crate) interrupted: bool,
}

impl Sequence {
    /// A sequence that holds nothing yet; its chain is everything that could be found.
    pub(crate) fn new(
        request: &Request,
        keys: &KeySpace,
        spill: Spill,
        tokens_max: u32,
    ) -> Result<Self> {
        let block = keys.tokens_per_block();
        let tokens = request.prompt.tokens(block);
        let invalid = |what: String| Err(Error::new(ErrorKind::Config, what));
        if tokens == 0 || tokens > u64::from(tokens_max) {
            return invalid(format!(
                "request {}: a prompt of {tokens} tokens: give 1 to {tokens_max}",
                request.id.0
            ));
        }
        if !(1..=BEAMS_MAX).contains(&request.beams) {
            return invalid(format!(
                "request {}: {} beams: give 1 to {BEAMS_MAX}",
                request.id.0, request.beams
            ));
        }
        let (text, chain) = match &request.prompt {
            Prompt::Hashes { tenant, ids } => {
                (None, ids.iter().map(|&id| ChainKey::of_hash(*tenant, id)).collect())
            }
            Prompt::Tokens(prompt) => {
                validate_prompt(prompt)?;
                let chain = keys.chain(prompt, prompt.tokens.len() - 1, true);
                (Some(prompt.clone()), chain)
            }
        };
        let tokens = tokens as u32;
        let decode = Terms { worth: request.retention.decode_worth(), spill };
        let beams = request.beams;
        let held = Vec::new();
        let prompt_tokens = tokens;
        Ok(Self { text, chain, prompt_tokens, tokens, beams, decode, held, interrupted: false })
    }

    /// Leading tokens found in every window.
    pub(crate) fn matched_tokens(&self, tokens_per_block: u32) -> u32 {
        let matched = self.held.iter().map(|held| held.matched_tokens(tokens_per_block));
        matched.min().unwrap_or(0)
    }

    /// Whether it holds what it can't count on and has not been told of, or was told that it failed:
    /// then it was not computed.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.interrupted || self.held.iter().any(|held| held.lost.is_some())
    }

    /// What was taken, over all windows.
    pub(crate) fn stats(&self) -> RequestStats {
        self.held.iter().map(|held| held.stats).sum()
    }

    /// Keys of the leading blocks: at first of all that could be found when the request came.
    pub(crate) fn chain(&self) -> &[ChainKey] {
        &self.chain
    }

    /// Makes the chain that of the first `usable` tokens, the last key short if `partial` allows it.
    /// A prompt of hashes has its hashes, whatever is asked.
    pub(crate) fn rekey(&mut self, keys: &KeySpace, usable: u32, partial: bool) {
        if let Some(text) = &self.text {
            // A short key is never kept: the block grows.
            let whole = keys.tokens_per_block() as usize;
            self.chain.truncate(usable as usize / whole);
            let is_whole = |link: &ChainKey| link.key.tokens(whole as u32) as usize == whole;
            self.chain.truncate(self.chain.partition_point(is_whole));
            keys.extend(&mut self.chain, text, usable as usize, partial);
        }
    }

    pub(crate) fn push(&mut self, token: i32) {
        self.tokens += 1;
        if let Some(text) = &mut self.text {
            text.tokens.push(token);
            if let Some(ids) = &mut text.extra_ids {
                ids.push(0);
            }
        }
    }

    pub(crate) fn truncate(&mut self, tokens: u32, tokens_per_block: u32) {
        self.tokens = tokens;
        if let Some(text) = &mut self.text {
            // Other tokens may follow now, and then these blocks have other keys.
            self.chain.truncate((tokens / tokens_per_block) as usize);
            text.tokens.truncate(tokens as usize);
            if let Some(ids) = &mut text.extra_ids {
                ids.truncate(tokens as usize);
            }
        }
    }
}

/// Where a request's blocks may spill, and why not to files if it asked for files.
pub(crate) fn spill(
    retention: &Retention,
    directories: &[String],
    disk: bool,
) -> (Spill, Option<NoFiles>) {
    if retention.mode() == TransferMode::Dram {
        return (Spill::NEVER, None);
    }
    let known = directories.iter().position(|directory| directory == retention.directory());
    match known {
        _ if retention.directory().is_empty() => (Spill::NEVER, Some(NoFiles::EmptyDirectory)),
        None => (Spill::NEVER, Some(NoFiles::UnknownDirectory)),
        Some(_) if !disk => (Spill::NEVER, Some(NoFiles::NoDisk)),
        // The engine refuses more directories than fit.
        Some(index) => (Spill::to(index as u8, retention.mode() == TransferMode::Gds), None),
    }
}
