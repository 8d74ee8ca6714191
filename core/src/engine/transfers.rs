//! The bytes behind the decisions: carrying out, waiting, and what failures change.

use super::{Engine, unknown};
use crate::backend::Backend;
use crate::block::BlockId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RequestId;
use crate::mover::Spot;
use crate::order::Order;
use crate::window::Window;
use std::collections::BTreeSet;

/// What a request can count on once its transfers have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Leading tokens that need not be computed: those found in every window and not lost.
    pub matched_tokens: u32,
    /// The first token of the sequence whose content a failed transfer lost in some window: from
    /// here on it has to be computed anew.
    pub lost_from: Option<u32>,
}

fn spot(window: &Window, block: BlockId) -> Spot {
    Spot::new(window.index, window.tree[block].place())
}

impl<B: Backend> Engine<B> {
    /// Hands what was decided to the mover, and lets it start.
    pub(super) fn carry_out(&mut self) -> Result<()> {
        for order in self.outbox.orders.drain(..) {
            let window = match &order {
                Order::Move(moved) => moved.window,
                Order::Fresh { window, .. } => *window,
            };
            self.mover.order(order, self.slots[usize::from(window)].pools().len());
        }
        self.step()
    }

    /// The same for what a request came to: if it fails, its caller has nothing to go on with.
    pub(super) fn carry_out_for(&mut self, request: RequestId) -> Result<()> {
        let carried = self.carry_out();
        self.note_interruption(request, carried.is_err());
        carried
    }

    fn note_interruption(&mut self, request: RequestId, interrupted: bool) {
        if let Some(sequence) = self.requests.get_mut(&request) {
            sequence.interrupted |= interrupted;
        }
    }

    /// Takes note of transfers that ended and starts those that may start. Never waits.
    ///
    /// # Errors
    /// `Device` if the backend as a whole can't go on.
    pub fn step(&mut self) -> Result<()> {
        self.mover.step(&mut self.backend, &mut self.slots, &self.keys, self.retry)
    }

    /// Waits until no transfer uses the blocks of a request, and says what became of them: from the
    /// first content on that did not arrive, what was found is a miss.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown request. `TimedOut` if a transfer that was given up may still
    /// touch one of its blocks and no other block is free to take its place: remove the request.
    /// `Device` if the backend as a whole can't go on. After an error the request stores nothing until it
    /// settles.
    pub fn settle(&mut self, request: RequestId) -> Result<Settled> {
        let settled = self.wait_and_repair(request);
        self.note_interruption(request, settled.is_err());
        settled?;
        let block = self.rules.tokens_per_block;
        let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
        sequence.interrupted = false;
        let matched_tokens = sequence.matched_tokens(block);
        let lost = sequence.held.iter_mut().filter_map(|held| held.lost.take());
        let lost_from = lost.min().map(|index| index as u32 * block);
        Ok(Settled { matched_tokens, lost_from })
    }

    fn wait_and_repair(&mut self, request: RequestId) -> Result<()> {
        loop {
            self.wait_for(request)?;
            let failed = self.mover.has_failures();
            let repairs = failed || buggify!("settling repairs what is not broken");
            let repaired = if repairs { self.repair(request) } else { Ok(()) };
            let decided = !self.outbox.orders.is_empty();
            if decided {
                // Blocks that took another's place may have to be emptied first.
                sometimes!("settling orders moves of its own");
                self.carry_out()?;
            }
            repaired?;
            if !decided {
                return Ok(());
            }
        }
    }

    fn wait_for(&mut self, request: RequestId) -> Result<()> {
        self.step()?;
        let sequence = self.requests.get(&request).ok_or_else(|| unknown(request))?;
        if self.mover.idle() {
            return Ok(());
        }
        let each = self.windows.iter().zip(&sequence.held);
        let spots: Vec<Spot> = each
            .flat_map(|(window, held)| held.blocks().map(|(_, block)| spot(window, block)))
            .collect();
        for spot in spots {
            while self.mover.busy(spot) {
                self.mover.park(&mut self.backend);
                self.step()?;
            }
        }
        Ok(())
    }

    /// Takes note of contents that a request's blocks lost, for whoever else holds them too, and
    /// gives it other blocks for those that nobody may touch.
    fn repair(&mut self, request: RequestId) -> Result<()> {
        for (index, window) in self.windows.iter_mut().enumerate() {
            let mover = &mut self.mover;
            let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
            let held = &mut sequence.held[index];
            let is_lost = |&(_, id): &(usize, BlockId)| {
                mover.wrong(spot(window, id)) || mover.unsafe_now(spot(window, id))
            };
            let lost: BTreeSet<BlockId> = held.blocks().filter(is_lost).map(|(_, id)| id).collect();
            if lost.is_empty() {
                continue;
            }
            window.lose(held, &lost, &mut self.outbox);
            let others = self.requests.iter_mut().filter(|(id, _)| **id != request);
            for (_, other) in others {
                window.lose(&mut other.held[index], &lost, &mut self.outbox);
            }
            for &id in &lost {
                // Whoever holds it has been told, and writes it anew.
                mover.refresh(spot(window, id));
            }
            let sequence = self.requests.get_mut(&request).ok_or_else(|| unknown(request))?;
            let held = &mut sequence.held[index];
            loop {
                let is_unsafe = |&(_, id): &(usize, BlockId)| mover.unsafe_now(spot(window, id));
                let Some(found) = held.blocks().find(is_unsafe) else { break };
                if !window.replace(held, found, &mut self.outbox) {
                    let what = format!(
                        "request {}: a transfer that was given up may still touch block {}, and \
                         window {} has no other: remove the request",
                        request.0, found.0, window.size
                    );
                    return Err(Error::new(ErrorKind::TimedOut, what));
                }
            }
        }
        Ok(())
    }

    /// Waits for every transfer. Contents that one of them lost can't be found any more, and blocks
    /// that a late transfer may still touch stay out of use until a later call finds it ended.
    ///
    /// # Errors
    /// `Device` if the backend as a whole can't go on.
    pub fn drain(&mut self) -> Result<()> {
        self.step()?;
        while !self.mover.idle() {
            self.mover.park(&mut self.backend);
            self.step()?;
        }
        self.sweep();
        if buggify!("a drain sweeps twice") {
            self.sweep();
        }
        Ok(())
    }

    /// Applies what failed to what no request waits for.
    fn sweep(&mut self) {
        let mover = &self.mover;
        for window in &mut self.windows {
            let index = window.index;
            window.sweep(
                |place| mover.wrong(Spot::new(index, place)),
                |place| mover.unsafe_now(Spot::new(index, place)),
                &mut self.outbox,
            );
        }
    }

    /// Publishes the blocks that came to the disk tier since the last call: from here on the next process
    /// finds them, whatever becomes of this one. Answers how many. Waits for no transfer: what is still on
    /// its way is for the next call.
    ///
    /// A block counts by what its slot holds. What was published is found until its slot is written over.
    /// One call for many blocks costs little more than one for one.
    ///
    /// # Errors
    /// `Config` without [`EngineConfig::durable`](crate::EngineConfig::durable); what [`Backend::flush`] and
    /// [`Backend::fill`] answer. Where the blocks themselves could not be flushed they are never published,
    /// since nobody knows which are left; where the index could not, the next call writes it again.
    pub fn publish(&mut self) -> Result<u64> {
        if !self.durable {
            let what = "publishing without a durable disk tier: set EngineConfig::durable";
            return Err(Error::new(ErrorKind::Config, what));
        }
        self.step()?;
        let mut published = 0;
        for slots in &mut self.slots {
            published += slots.publish(&mut self.backend)?;
        }
        Ok(published)
    }

    /// Waits for every transfer and gives all memory and files back. A durable disk tier is published first.
    ///
    /// # Errors
    /// What [`Engine::publish`] answers; `Busy` if a transfer that was given up has not ended yet, `Device` if the backend as a whole
    /// can't go on.
    pub fn close(mut self) -> Result<B> {
        self.drain()?;
        if self.durable {
            self.publish()?;
        }
        if self.mover.is_late() {
            let what =
                "a transfer that was given up may still touch its memory: drain until it ends";
            return Err(Error::new(ErrorKind::Busy, what));
        }
        for slots in &self.slots {
            for region in slots.regions() {
                self.backend.release(region)?;
            }
        }
        Ok(self.backend)
    }
}
