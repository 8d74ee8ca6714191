//! Blocks: logical ids, the tiers and slots that hold their content.

use crate::key::BlockKey;
use crate::units::Nanos;
use std::fmt;

/// A block of one window. Dense from 0, logical and permanent: where the content lies is the
/// block's tier and slot, never its id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct BlockId(pub u32);

impl BlockId {
    pub(crate) const NONE: Self = Self(u32::MAX);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A level of the hierarchy, fastest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// G1: where the model reads and writes.
    Device,
    /// G2: host memory.
    Host,
    /// G3: files.
    Disk,
}

impl Tier {
    /// All tiers, fastest first.
    pub const ALL: [Self; 3] = [Self::Device, Self::Host, Self::Disk];
}

/// A slot of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The tier.
    pub tier: Tier,
    /// The slot, counted from 0.
    pub slot: u32,
    /// On disk, the directory that holds the bytes, as an index into the configured list.
    pub directory: u8,
}

/// The lowest and highest priority, and the one that blocks have unless asked otherwise.
pub const PRIORITY_MAX: u8 = 100;
/// The priority of a block that nobody asked about.
pub const PRIORITY_DEFAULT: u8 = 35;

/// Whether, how and where a block's content may go to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spill(u8);

impl Spill {
    pub(crate) const NEVER: Self = Self(0);
    /// One bit tells GDS from POSIX and 0 means never.
    pub(crate) const DIRECTORIES_MAX: usize = 127;

    pub(crate) fn to(directory: u8, gds: bool) -> Self {
        Self((directory + 1) | (u8::from(gds) << 7))
    }

    pub(crate) fn directory(self) -> Option<u8> {
        (self.0 & 0x7f).checked_sub(1)
    }

    pub(crate) fn gds(self) -> bool {
        self.0 >> 7 == 1
    }
}

/// One cache line for everything that decisions ask of a block.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Block {
    pub(crate) key: BlockKey,
    /// The event hash beneath the parent; of an unclaimed block, that of its storage key.
    pub(crate) hash: u64,
    /// How long the content is worth its priority; `MAX` for ever.
    pub(crate) duration: Nanos,
    /// Tree links; `NONE` where there is nothing.
    pub(crate) parent: BlockId,
    pub(crate) child: BlockId,
    pub(crate) prev: BlockId,
    pub(crate) next: BlockId,
    pub(crate) refs: u32,
    pub(crate) slot: u32,
    pub(crate) tier: Tier,
    /// Where content on disk lies; outlives a change of `spill` until the content moves.
    pub(crate) directory: u8,
    pub(crate) priority: u8,
    pub(crate) spill: Spill,
    /// Whether the tree's table knows it (an only child is found through its parent).
    pub(crate) indexed: bool,
    /// Whether it is in the eviction policy.
    pub(crate) queued: bool,
    /// Whether it holds what an earlier process published and nobody has come back for.
    pub(crate) unclaimed: bool,
}

impl Block {
    pub(crate) fn new(tier: Tier, slot: u32) -> Self {
        Self {
            key: BlockKey::Hash { tenant: 0, id: 0 },
            hash: 0,
            duration: Nanos::MAX,
            parent: BlockId::NONE,
            child: BlockId::NONE,
            prev: BlockId::NONE,
            next: BlockId::NONE,
            refs: 0,
            slot,
            tier,
            directory: 0,
            priority: PRIORITY_DEFAULT,
            spill: Spill::NEVER,
            indexed: false,
            queued: false,
            unclaimed: false,
        }
    }

    pub(crate) fn findable(&self) -> bool {
        self.parent != BlockId::NONE
    }

    pub(crate) fn place(&self) -> Place {
        Place { tier: self.tier, slot: self.slot, directory: self.directory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_one_cache_line() {
        assert_eq!(size_of::<Block>(), 64);
    }

    #[test]
    fn spill_keeps_directory_and_mode() {
        assert_eq!(Spill::NEVER.directory(), None);
        for directory in 0..Spill::DIRECTORIES_MAX as u8 {
            for gds in [false, true] {
                let spill = Spill::to(directory, gds);
                assert_eq!((spill.directory(), spill.gds()), (Some(directory), gds));
            }
        }
    }
}
