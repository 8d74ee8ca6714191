//! What was computed, whoever did it: whose each token is, which of them could not be written, and which texts
//! became findable.

use std::collections::{BTreeMap, BTreeSet};

use crate::lockstep::model::token_fingerprints;
use crate::lockstep::plan::{PlanPrompt, PlanTokens};

/// Texts that are looked up after a crash, at most.
const FINDABLE_MAX: usize = 64;

/// All texts so far.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// By fingerprint.
    authors: BTreeMap<u64, u32>,
    /// Window and fingerprint of tokens whose block was not on the device when they were due: nobody knows
    /// what lies there.
    unwritten: BTreeSet<(usize, u64)>,
    /// By length and last fingerprint, which names all before it.
    findable: BTreeMap<(usize, u64), PlanPrompt>,
}

impl Texts {
    /// A tenant computed these tokens.
    pub(super) fn wrote(&mut self, tenant: u32, prints: &[u64]) {
        self.authors.extend(prints.iter().map(|print| (*print, tenant)));
    }

    pub(super) fn could_not_write(&mut self, window: usize, print: u64) {
        self.unwritten.insert((window, print));
    }

    /// Whether a token's bytes are known.
    pub(super) fn knows(&self, window: usize, print: u64) -> bool {
        !self.unwritten.contains(&(window, print))
    }

    pub(super) fn author(&self, print: u64) -> Option<u32> {
        self.authors.get(&print).copied()
    }

    pub(super) fn authors(&self) -> impl Iterator<Item = (u64, u32)> {
        self.authors.iter().map(|(print, tenant)| (*print, *tenant))
    }

    /// A text's blocks can be found from now on. Of a prompt of hashes that is the prompt.
    pub(super) fn store(&mut self, prompt: &PlanPrompt, generated: &[i32], per_block: usize) {
        let text = match prompt {
            PlanPrompt::Hashes(_) => prompt.clone(),
            PlanPrompt::Tokens(tokens) => PlanPrompt::Tokens(grown(tokens, generated)),
        };
        let prints = token_fingerprints(&text, &[], per_block);
        if let Some(last) = prints.last()
            && self.findable.len() < FINDABLE_MAX
        {
            self.findable.insert((prints.len(), *last), text);
        }
    }

    pub(super) fn findable(&self) -> impl Iterator<Item = &PlanPrompt> {
        self.findable.values()
    }
}

fn grown(prompt: &PlanTokens, generated: &[i32]) -> PlanTokens {
    let mut text = prompt.clone();
    text.tokens.extend(generated);
    if let Some(ids) = &mut text.extra_ids {
        ids.resize(text.tokens.len(), 0);
    }
    text
}

/// Whose a prompt is.
pub(super) fn tenant(prompt: &PlanPrompt) -> u32 {
    match prompt {
        PlanPrompt::Hashes(_) => 0,
        PlanPrompt::Tokens(prompt) => prompt.tenant,
    }
}
