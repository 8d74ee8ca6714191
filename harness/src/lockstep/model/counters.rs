//! What is counted.

/// Counts since the start. Blocks unless said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests accepted.
    pub requests: u64,
    /// Requests rejected.
    pub rejected: u64,
    /// Context blocks of accepted requests, over all windows: the last one counts once even if each
    /// beam has its own.
    pub lookups: u64,
    /// Of these, full matches, by the tier in which they were found.
    pub hits: [u64; 3],
    /// Of these, partial matches taken over in place.
    pub partials_in_place: u64,
    /// Partial matches copied. They are among the missed ones.
    pub partials_copied: u64,
    /// Tokens of partial matches.
    pub partial_tokens: u64,
    /// Of the lookups, those for which a fresh block was taken, copies included.
    pub missed: u64,
    /// Contents that left the device for a lower tier.
    pub offloads: u64,
    /// Contents that left the host for the disk.
    pub demotions: u64,
    /// Contents that came to the device.
    pub onboards: u64,
    /// Contents given up.
    pub drops: u64,
    /// Fresh blocks: `alloc` lines.
    pub alloc_total: u64,
    /// Of these, taken without displacing anything that could be found.
    pub alloc_unused: u64,
    /// Hits that a failed move made misses. They are among the missed ones, and no hits any more.
    pub lost_hits: u64,
    /// Other contents lost to failed moves: `lost` lines that are about no hit.
    pub lost_unused: u64,
}

/// What one request took of one window, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestStats {
    /// Fresh blocks.
    pub allocated: u64,
    /// Of these, taken without displacing anything that could be found.
    pub allocated_unused: u64,
    /// Context blocks found, whole or in part.
    pub reused: u64,
    /// Context blocks not found.
    pub missed: u64,
}

impl RequestStats {
    pub(crate) fn add(&mut self, other: &Self) {
        self.allocated += other.allocated;
        self.allocated_unused += other.allocated_unused;
        self.reused += other.reused;
        self.missed += other.missed;
    }
}

impl Counters {
    /// Full matches in any tier.
    #[must_use]
    pub fn hits_total(&self) -> u64 {
        self.hits.iter().sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.rejected += other.rejected;
        self.lookups += other.lookups;
        for (sum, hits) in self.hits.iter_mut().zip(other.hits) {
            *sum += hits;
        }
        self.partials_in_place += other.partials_in_place;
        self.partials_copied += other.partials_copied;
        self.missed += other.missed;
        self.offloads += other.offloads;
        self.demotions += other.demotions;
        self.onboards += other.onboards;
        self.drops += other.drops;
        self.alloc_total += other.alloc_total;
        self.alloc_unused += other.alloc_unused;
        self.partial_tokens += other.partial_tokens;
        self.lost_hits += other.lost_hits;
        self.lost_unused += other.lost_unused;
    }
}
