//! What deciding leaves to do: content to move, and places whose old content no longer matters.

use crate::block::{BlockId, Place};
use crate::counters::Counters;
use crate::event::Event;
use crate::key::BlockKey;
use crate::units::Nanos;

/// Content goes from one slot to another of the same window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) window: u16,
    /// Whose content it is from now on.
    pub(crate) block: BlockId,
    pub(crate) source: Place,
    pub(crate) target: Place,
    /// Only the first tokens; `None` for the whole block.
    pub(crate) tokens: Option<u32>,
    /// Files are meant to be reached directly from the device.
    pub(crate) gds: bool,
    /// What the content is, while the block is findable.
    pub(crate) key: Option<BlockKey>,
    /// What the block is worth.
    pub(crate) priority: u8,
    pub(crate) duration: Nanos,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Move(Move),
    /// The slot is to be written anew: whatever still happens to its old content is no news.
    Fresh {
        window: u16,
        place: Place,
    },
}

/// Where a window puts what it decides.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) events: Vec<Event>,
    pub(crate) counters: Counters,
    pub(crate) orders: Vec<Order>,
    /// Whether anybody carries the orders out.
    payload: bool,
}

impl Outbox {
    pub(crate) fn new(payload: bool) -> Self {
        Self { events: Vec::new(), counters: Counters::default(), orders: Vec::new(), payload }
    }

    /// Inlined, so that what is counted is known where the event is made.
    #[inline(always)]
    pub(crate) fn event(&mut self, event: Event) {
        self.counters.observe(&event);
        self.events.push(event);
    }

    pub(crate) fn order(&mut self, order: impl FnOnce() -> Order) {
        if self.payload {
            self.orders.push(order());
        }
    }
}
