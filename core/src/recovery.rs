//! What an engine found of an earlier process.

use serde::Serialize;
use std::ops::AddAssign;

/// What an engine found of an earlier process in its disk tier, over all windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Blocks that lie in the disk tier again, and are found when a request's prefix leads to them.
    pub found: u64,
    /// Records that are not what was written there: each a block that is lost.
    pub damaged: u64,
    /// Older copies of blocks that are there twice: not counted as found.
    pub superseded: u64,
    /// Slots of before that are no more, with whatever they held.
    pub slots_gone: u64,
    /// Indexes whose header was damaged, and that were read all the same.
    pub rebuilt: u64,
    /// How often an engine has begun here, this time included; the highest of all windows.
    pub epoch: u64,
}

impl AddAssign for Recovery {
    fn add_assign(&mut self, other: Self) {
        self.found += other.found;
        self.damaged += other.damaged;
        self.superseded += other.superseded;
        self.slots_gone += other.slots_gone;
        self.rebuilt += other.rebuilt;
        self.epoch = self.epoch.max(other.epoch);
    }
}
