//! What can be asked of an engine without changing it.

use super::{Engine, no_window, unknown};
use crate::block::{BlockId, Place, Tier};
use crate::counters::Counters;
use crate::descriptor::Descriptor;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RequestId;
use crate::mover::{Spot, TransferStats};
use crate::pool::{OffsetTable, Pool};
use crate::recovery::Recovery;
use crate::tiers::TierUse;
use crate::window::{RequestStats, Window};

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockState {
    /// Where its content is.
    pub place: Place,
    /// How many requests, beams and pins hold it.
    pub refs: u32,
    /// A request with its prefix finds it.
    pub findable: bool,
    /// Its priority now.
    pub priority: u8,
    /// Its content is on disk, and the next process finds it.
    pub published: bool,
}

impl<B> Engine<B> {
    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The backend, to fill and peek. Slots that a transfer still uses are `Busy` there.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    /// The attention sizes of the windows, ascending.
    pub fn window_sizes(&self) -> impl Iterator<Item = u32> {
        self.windows.iter().map(|window| window.size)
    }

    fn window(&self, window: usize) -> Result<&Window> {
        self.windows.get(window).ok_or_else(|| no_window(window, self.windows.len()))
    }

    /// How the blocks of one tier are used. Takes time in proportion to the window's blocks.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown window.
    pub fn tier_use(&self, window: usize, tier: Tier) -> Result<TierUse> {
        Ok(self.window(window)?.tier_use(tier))
    }

    /// Every block of a window, by id.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown window.
    pub fn blocks(&self, window: usize) -> Result<impl Iterator<Item = BlockState>> {
        let window = self.window(window)?;
        Ok(window.tree.ids().map(move |id| {
            let block = &window.tree[id];
            BlockState {
                place: block.place(),
                refs: block.refs,
                findable: block.findable(),
                priority: block.priority,
                published: self.is_published(window, block.place()),
            }
        }))
    }

    fn is_published(&self, window: &Window, place: Place) -> bool {
        let spot = Spot::new(window.index, place);
        let arrived = !self.mover.busy(spot) && !self.mover.wrong(spot);
        let slots = self.slots.get(usize::from(window.index)).filter(|_| arrived);
        slots.is_some_and(|slots| slots.is_published(place))
    }

    /// The block ids of one beam of a request in one window, those before its front included.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request, window or beam.
    pub fn held(&self, request: RequestId, window: usize, beam: usize) -> Result<&[BlockId]> {
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        let held = sequence.held.get(window).and_then(|held| held.beam(beam));
        held.ok_or_else(|| {
            let what = format!("request {} has no window {window} and beam {beam}", request.0);
            Error::new(ErrorKind::OutOfRange, what)
        })
    }

    /// How many leading blocks of a request slid out of one window.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request or window.
    pub fn front(&self, request: RequestId, window: usize) -> Result<usize> {
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        let held = sequence.held.get(window);
        held.map(|held| held.front).ok_or_else(|| no_window(window, self.windows.len()))
    }

    /// Tokens of a request so far.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn tokens(&self, request: RequestId) -> Result<u32> {
        Ok(self.requests.get(&request).ok_or_else(|| unknown(request))?.tokens)
    }

    /// Leading tokens of one window that were found and have not been lost.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request or window.
    pub fn matched_tokens(&self, request: RequestId, window: usize) -> Result<u32> {
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        let held = sequence.held.get(window);
        held.map(|held| held.matched_tokens(self.rules.tokens_per_block))
            .ok_or_else(|| no_window(window, self.windows.len()))
    }

    /// What a request took so far, over all windows.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request.
    pub fn request_stats(&self, request: RequestId) -> Result<RequestStats> {
        Ok(self.requests.get(&request).ok_or_else(|| unknown(request))?.stats())
    }

    /// The pools of a window; none where no payload moves.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown window.
    pub fn pools(&self, window: usize) -> Result<&[Pool]> {
        self.window(window)?;
        Ok(self.slots.get(window).map_or(&[], |slots| slots.pools()))
    }

    /// Where the bytes of one pool of a block are now.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown window, block or pool.
    pub fn descriptor(&self, window: usize, block: BlockId, pool: usize) -> Result<Descriptor> {
        let tree = &self.window(window)?.tree;
        let slots = self.slots.get(window).filter(|slots| pool < slots.pools().len());
        match slots {
            Some(slots) if block.index() < tree.len() => {
                Ok(slots.descriptor(tree[block].place(), pool))
            }
            _ => {
                let what = format!("window {window} has no block {block} with a pool {pool}");
                Err(Error::new(ErrorKind::OutOfRange, what))
            }
        }
    }

    /// Where a request's blocks lie in the pools of one window, for an attention kernel.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request or window.
    pub fn offset_table(&self, request: RequestId, window: usize) -> Result<OffsetTable> {
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        let (pools, tree) = (self.pools(window)?, &self.window(window)?.tree);
        let held = &sequence.held[window];
        let (beams, block) = (sequence.beams as usize, self.rules.tokens_per_block);
        let blocks_max = self.sequence_tokens_max.div_ceil(block) as usize;
        let mut table = OffsetTable::new(pools.len(), beams, blocks_max);
        for beam in 0..beams {
            let blocks = held.beam(beam).unwrap_or_default();
            for (index, &id) in blocks.iter().enumerate().skip(held.front) {
                table.place(beam, index, tree[id].place(), pools);
            }
        }
        Ok(table)
    }

    /// What was found of an earlier process when the engine began.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Totals over all events so far, taken or not.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.outbox.counters
    }

    /// What transfers did since the start.
    #[must_use]
    pub fn transfer_stats(&self) -> &TransferStats {
        &self.mover.stats
    }

    /// Heap bytes of what is known of blocks, without token keys and what requests hold.
    #[must_use]
    pub fn metadata_bytes(&self) -> usize {
        self.windows.iter().map(Window::heap_bytes).sum()
    }
}
