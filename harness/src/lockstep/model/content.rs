//! What lies in the slots, token by token.

use super::block::BlockId;
use super::moves::Place;
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
        self.decide_move(place, other);
        (self.blocks[block].tier, self.blocks[block].slot) = other;
        (self.blocks[target].tier, self.blocks[target].slot) = place;
    }

    pub(crate) fn place(&self, block: BlockId) -> Place {
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

    /// The request computes what it did not find.
    pub(crate) fn compute(&mut self, request: &Request) {
        let first = self.held[&request.id].matched_tokens(self.config.tokens_per_block);
        self.compute_from(request, first);
    }

    /// The request computes its last token.
    pub(crate) fn compute_last(&mut self, request: &Request) {
        self.compute_from(request, request.len() - 1);
    }

    fn compute_from(&mut self, request: &Request, first: usize) {
        let per_block = self.config.tokens_per_block;
        let blocks = self.held[&request.id].blocks.clone();
        for (token, print) in request.fingerprints().into_iter().enumerate().skip(first) {
            for block in &blocks[token / per_block] {
                self.content_mut(*block)[token % per_block] = Some(print);
            }
        }
    }
}
