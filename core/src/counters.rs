//! Counters: a reader of the event stream.

use crate::block::Tier;
use crate::event::Event;
use serde::Serialize;

/// Totals since the start. Blocks, unless said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests accepted.
    pub requests: u64,
    /// Requests rejected.
    pub rejected: u64,
    /// Accepted requests whose blocks can't go to files although they asked for it.
    pub fallbacks: u64,
    /// Found by their whole key, by tier.
    pub hits: [u64; 3],
    /// Found by their first tokens.
    pub partial_hits: u64,
    /// Tokens found in those.
    pub partial_tokens: u64,
    /// Taken for new content: misses, and growth while decoding.
    pub allocated: u64,
    /// Of these, taken without displacing findable content.
    pub allocated_unused: u64,
    /// From the device to a lower tier.
    pub offloads: u64,
    /// From host to disk.
    pub demotions: u64,
    /// From a lower tier to the device.
    pub onboards: u64,
    /// Given up for room.
    pub drops: u64,
    /// Of an earlier process, found when the engine began.
    pub recovered: u64,
    /// Of these, what requests came back for.
    pub grafted: u64,
    /// Became findable.
    pub stored: u64,
    /// Stopped being findable.
    pub removed: u64,
    /// Priorities that ended.
    pub expired: u64,
    /// Hits that a failed transfer made misses.
    pub lost_hits: u64,
    /// Contents lost to failed transfers that nobody had asked for yet.
    pub lost_unused: u64,
}

impl Counters {
    /// Counts one event.
    #[inline(always)]
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Added { .. } => self.requests += 1,
            Event::Rejected { .. } => self.rejected += 1,
            Event::FellBack { .. } => self.fallbacks += 1,
            Event::Hit { tier, .. } => self.hits[*tier as usize] += 1,
            Event::PartialHit { tokens, .. } => {
                self.partial_hits += 1;
                self.partial_tokens += u64::from(*tokens);
            }
            Event::Moved { from: Tier::Device, .. } => self.offloads += 1,
            Event::Moved { to: Tier::Device, .. } => self.onboards += 1,
            Event::Moved { .. } => self.demotions += 1,
            Event::Dropped { .. } => self.drops += 1,
            Event::Removed { .. } => self.removed += 1,
            Event::Allocated { unused, .. } => {
                self.allocated += 1;
                self.allocated_unused += u64::from(*unused);
            }
            Event::Recovered { blocks, .. } => self.recovered += u64::from(*blocks),
            Event::Grafted { .. } => self.grafted += 1,
            Event::Stored { .. } => self.stored += 1,
            Event::Expired { .. } => self.expired += 1,
            Event::Lost { hit: Some(tier), .. } => {
                self.hits[*tier as usize] -= 1;
                self.lost_hits += 1;
            }
            Event::Lost { hit: None, .. } => self.lost_unused += 1,
            Event::Created { .. }
            | Event::Repriced { .. }
            | Event::Copied { .. }
            | Event::Ended { .. } => {}
        }
    }

    /// Hits over all tiers.
    #[must_use]
    pub fn hits_total(&self) -> u64 {
        self.hits.iter().sum()
    }
}
