//! What every block must hold, known without asking the engine.
//!
//! The oracle writes down what it fills each block with. A hit is right when the block was filled
//! for the same content, and when its bytes, wherever they have been since, are those bytes.

use crate::draw::fold;
use crate::payload::{Identity, Mismatch};
use tierproof_core::{BlockId, Prompt};

/// The chained tags of a prompt's blocks: equal prefixes, equal tags. Made of the prompt alone.
pub(crate) fn tags(prompt: &Prompt, tokens_per_block: u32) -> Vec<u64> {
    match prompt {
        Prompt::Hashes { tenant, ids } => {
            let start = fold(0, u64::from(*tenant));
            let chained = ids.iter().scan(start, |chain, &id| {
                *chain = fold(*chain, id);
                Some(*chain)
            });
            chained.collect()
        }
        Prompt::Tokens(prompt) => {
            let mut chain = fold(1, u64::from(prompt.tenant));
            let blocks = prompt.tokens.chunks(tokens_per_block as usize);
            let chained = blocks.map(|tokens| {
                chain = extend(chain, tokens);
                chain
            });
            chained.collect()
        }
    }
}

/// A tag continued by more tokens.
pub(crate) fn extend(tag: u64, tokens: &[i32]) -> u64 {
    tokens.iter().fold(tag, |chain, &token| fold(chain, u64::from(token.cast_unsigned())))
}

/// The trust domain of a prompt.
pub(crate) fn tenant(prompt: &Prompt) -> u32 {
    match prompt {
        Prompt::Hashes { tenant, .. } => *tenant,
        Prompt::Tokens(prompt) => prompt.tenant,
    }
}

/// What each block was filled with last. Ids are dense, so a list is the map.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Nothing where an earlier replay filled the block, and nobody has looked yet.
    contents: Vec<Option<Identity>>,
    generation: u64,
}

impl Oracle {
    /// What `block` holds, unless an earlier replay filled it.
    pub(crate) fn content(&self, block: BlockId) -> Option<Identity> {
        self.contents.get(block.0 as usize).copied().unwrap_or(Some(Identity::default()))
    }

    /// `block` holds what an earlier replay filled it with: not known, or as was just seen.
    pub(crate) fn inherit(&mut self, block: BlockId, seen: Option<Identity>) {
        self.set(block, seen);
    }

    /// `block` is about to be filled; answers with what.
    pub(crate) fn write(&mut self, block: BlockId, tenant: u32, tag: u64) -> Identity {
        self.generation += 1;
        let content = Identity { tenant, pool: 0, tag, generation: self.generation };
        self.set(block, Some(content));
        content
    }

    /// The content of `source` was copied to `target`.
    pub(crate) fn copy(&mut self, source: BlockId, target: BlockId) {
        self.set(target, self.content(source));
    }

    fn set(&mut self, block: BlockId, content: Option<Identity>) {
        let index = block.0 as usize;
        if index >= self.contents.len() {
            self.contents.resize(index + 1, Some(Identity::default()));
        }
        self.contents[index] = content;
    }
}

/// The names of the first wrong blocks, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    pub(crate) verified: u64,
    pub(crate) corrupt: u64,
    pub(crate) named: Vec<String>,
}

/// Wrong blocks that are named.
const NAMED_MAX: usize = 8;

impl Verdicts {
    /// Counts a block whose bytes were compared.
    pub(crate) fn bytes(&mut self, place: &str, verdict: Result<(), Mismatch>) {
        self.verified += 1;
        if let Err(mismatch) = verdict {
            self.wrong(format!("{place}: {mismatch}"));
        }
    }

    /// Counts a block that is wrong.
    pub(crate) fn wrong(&mut self, what: String) {
        self.corrupt += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(what);
        }
    }
}
