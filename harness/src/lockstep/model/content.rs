//! What lies in the slots, token by token.

use super::block::{BlockId, Tier};
use super::request::Request;
use super::window::Window;

/// What a slot holds: for each token of the block its fingerprint, if anything was written there.
pub type Content = Vec<Option<u64>>;

impl Window {
    /// Content goes from a block's place to another's, and the two swap places.
    pub(super) fn move_content(&mut self, block: BlockId, target: BlockId) {
        let content = self.content(block).clone();
        *self.content_mut(target) = content;
        let (place, other) = (self.place(block), self.place(target));
        (self.blocks[block].tier, self.blocks[block].slot) = other;
        (self.blocks[target].tier, self.blocks[target].slot) = place;
    }

    fn place(&self, block: BlockId) -> (Tier, usize) {
        (self.blocks[block].tier, self.blocks[block].slot)
    }

    pub(crate) fn content(&self, block: BlockId) -> Content {
        let nothing = || vec![None; self.config.tokens_per_block];
        self.contents.get(&self.place(block)).cloned().unwrap_or_else(nothing)
    }

    pub(crate) fn content_mut(&mut self, block: BlockId) -> &mut Content {
        let nothing = vec![None; self.config.tokens_per_block];
        self.contents.entry(self.place(block)).or_insert(nothing)
    }

    /// The request computes its tokens from `first` on into its blocks.
    pub(crate) fn compute(&mut self, request: &Request, first: usize) {
        let per_block = self.config.tokens_per_block;
        let blocks = self.held[&request.id].blocks.clone();
        for (token, print) in request.fingerprints().into_iter().enumerate().skip(first) {
            for block in &blocks[token / per_block] {
                self.content_mut(*block)[token % per_block] = Some(print);
            }
        }
    }
}
