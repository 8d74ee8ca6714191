//! What somebody who carries moves out tells the model, and asks of it.

use super::block::BlockId;
use super::moves::{Failures, Move, Place};
use super::window::Held;
use super::{Model, Repair};

/// What a request is told when it settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// Leading tokens that were found in every window and not lost.
    pub(crate) matched_tokens: usize,
    /// The first token of the first block that lost its content in some window.
    pub(crate) lost_from: Option<usize>,
}

impl Model {
    /// From now on [`Model::wrote`] says what was computed, and nothing else does.
    #[must_use]
    pub(crate) fn written_by_hand(mut self) -> Self {
        self.computes = false;
        self
    }

    /// Whether tokens may be uncomputed for a while.
    pub(crate) fn is_written_by_hand(&self) -> bool {
        !self.computes
    }

    /// Moves decided since the last call, in order.
    pub(crate) fn take_moves(&mut self) -> impl Iterator<Item = Move> {
        self.windows.iter_mut().flat_map(|window| window.moves.drain(..))
    }

    /// The slots of all blocks that a live request holds.
    pub(crate) fn slots_of(&self, request: u64) -> impl Iterator<Item = (usize, Place)> {
        self.windows.iter().flat_map(move |window| {
            let held = window.held.get(&request);
            let blocks = held.into_iter().flat_map(Held::here);
            blocks.map(|(_, block)| (window.number, window.place(block)))
        })
    }

    /// The moves from and to a live request's blocks have ended, and this became of them. Windows
    /// after one that is stuck are left as they are.
    pub(crate) fn repair(&mut self, request: u64, failures: &impl Failures) -> Repair {
        let mut all = Repair { replaced: false, stuck: false };
        for window in &mut self.windows {
            let repair = window.repair(request, failures);
            all.replaced |= repair.replaced;
            all.stuck |= repair.stuck;
            if all.stuck {
                break;
            }
        }
        self.collect_lines();
        all
    }

    /// A request has settled, and is told once what it lost.
    pub(crate) fn tell(&mut self, request: u64) -> Told {
        let per_block = self.config.tokens_per_block;
        let mut told = Told { matched_tokens: usize::MAX, lost_from: None };
        for held in self.windows.iter_mut().filter_map(|window| window.held.get_mut(&request)) {
            told.matched_tokens = told.matched_tokens.min(held.matched_tokens(per_block));
            let lost = held.lost.take().map(|index| index * per_block);
            told.lost_from = told.lost_from.into_iter().chain(lost).min();
        }
        told
    }

    /// Whether a live request lost something that it was not told of: then it did not compute it.
    pub(crate) fn is_unsettled(&self, request: u64) -> bool {
        let mut held = self.windows.iter().filter_map(|window| window.held.get(&request));
        held.any(|held| held.lost.is_some())
    }

    /// All moves have ended, and this became of them.
    pub(crate) fn sweep(&mut self, failures: &impl Failures) {
        for window in &mut self.windows {
            window.sweep(failures);
        }
        self.collect_lines();
    }

    /// A token with this fingerprint was computed into a block.
    pub(crate) fn wrote(&mut self, window: usize, block: BlockId, token: usize, print: u64) {
        let token = token % self.config.tokens_per_block;
        self.windows[window].content_mut(block)[token] = Some(print);
    }
}
