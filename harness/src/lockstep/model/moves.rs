//! Moves: what deciding asks of whoever carries bytes, and what of that the model has to be told.

use super::block::{BlockId, Tier};
use super::window::Window;

/// A slot: its tier, and which of that tier's.
pub(crate) type Place = (Tier, usize);

/// Content goes from one slot to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) window: usize,
    /// Counts the window's moves in the order of their decisions.
    pub(crate) number: u64,
    pub(crate) source: Place,
    pub(crate) target: Place,
    /// The move that brought to the source what is to be moved on.
    pub(crate) feeder: Option<u64>,
}

/// What became of moves: all that the model does not decide itself.
pub(crate) trait Failures {
    /// Whether a move of a window failed.
    fn failed(&self, window: usize, number: u64) -> bool;
    /// Whether a transfer that was given up may still touch a slot.
    fn is_unsafe(&self, window: usize, place: Place) -> bool;
}

impl Window {
    pub(crate) fn decide_move(&mut self, source: Place, target: Place) {
        let number = self.moves_decided;
        self.moves_decided += 1;
        let feeder = self.brought.get(&source).copied();
        self.brought.insert(target, number);
        self.moves.push(Move { window: self.number, number, source, target, feeder });
    }

    /// Whether what lies in a block's slot is what a failed move left.
    pub(crate) fn is_lost(&self, block: BlockId, failures: &impl Failures) -> bool {
        let brought = self.brought.get(&self.place(block));
        brought.is_some_and(|number| failures.failed(self.number, *number))
    }

    pub(crate) fn is_unsafe(&self, block: BlockId, failures: &impl Failures) -> bool {
        failures.is_unsafe(self.number, self.place(block))
    }

    /// Whether nobody can count on what lies in a block's slot.
    pub(crate) fn is_lost_or_unsafe(&self, block: BlockId, failures: &impl Failures) -> bool {
        self.is_lost(block, failures) || self.is_unsafe(block, failures)
    }
}
