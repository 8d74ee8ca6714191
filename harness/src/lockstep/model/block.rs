//! A block, and the places it can be in.

use super::key::Key;
use super::request::PRIORITY_DEFAULT;

/// A tier: 0 device, 1 host, 2 disk.
pub(crate) type Tier = usize;
/// A block's permanent id.
pub(crate) type BlockId = usize;

pub(crate) const DEVICE: Tier = 0;
pub(crate) const HOST: Tier = 1;
pub(crate) const DISK: Tier = 2;
pub(crate) const TIERS: [Tier; 3] = [DEVICE, HOST, DISK];

/// What a findable block hangs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    Root,
    Block(BlockId),
}

/// A block. The id is its place in the window's list.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) tier: Tier,
    pub(crate) slot: usize,
    pub(crate) refs: usize,
    /// Set exactly while the block is findable.
    pub(crate) hangs: Option<(Parent, Key)>,
    pub(crate) priority: u8,
    pub(crate) duration_ms: Option<u64>,
    /// When the priority of a queued block ends.
    pub(crate) expiry_ms: Option<u64>,
    pub(crate) files: bool,
    /// How often its content was given up. Whoever left it at some era finds its own content there
    /// only while the era is the same.
    pub(crate) era: u64,
}

impl Block {
    pub(crate) fn new(tier: Tier, slot: usize) -> Self {
        Self {
            tier,
            slot,
            refs: 0,
            hangs: None,
            priority: PRIORITY_DEFAULT,
            duration_ms: None,
            expiry_ms: None,
            files: false,
            era: 0,
        }
    }

    pub(crate) fn findable(&self) -> bool {
        self.hangs.is_some()
    }

    pub(crate) fn parent(&self) -> Option<Parent> {
        self.hangs.as_ref().map(|(parent, _)| *parent)
    }
}
