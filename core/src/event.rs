//! What the engine did, as values. Logs, counters, KV events, reports and oracles are all readers
//! of this one stream.

use crate::block::{BlockId, Tier};
use crate::key::BlockKey;
use std::fmt;

/// Names a request. Chosen by the caller; may be reused once the request was removed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// Why a request's blocks can't go to files although it asked for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NoFiles {
    /// The directory is empty.
    EmptyDirectory = 1,
    /// The operator declared no such directory.
    UnknownDirectory = 2,
    /// No window has a disk tier.
    NoDisk = 3,
}

impl fmt::Display for NoFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyDirectory => "the directory is empty; blocks stay in host memory",
            Self::UnknownDirectory => "the operator declared no such directory",
            Self::NoDisk => "there is no disk tier",
        })
    }
}

/// One thing that happened, in order. `window` counts windows by ascending size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A window came into being with this many blocks a tier.
    Created {
        /// Which window.
        window: u16,
        /// Ordinary blocks by tier.
        blocks: [u32; 3],
    },
    /// So many blocks of the disk tier hold what an earlier process published.
    Recovered {
        /// Which window.
        window: u16,
        /// How many.
        blocks: u32,
    },
    /// A request's prefix led to a block of an earlier process; [`Event::Stored`] follows.
    Grafted {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
    },
    /// A request was accepted.
    Added {
        /// The request.
        request: RequestId,
    },
    /// A request did not fit; nothing changed.
    Rejected {
        /// The request.
        request: RequestId,
    },
    /// A request's blocks can't go to files.
    FellBack {
        /// The request.
        request: RequestId,
        /// Why.
        reason: NoFiles,
    },
    /// A block was found by its whole key.
    Hit {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Where it was.
        tier: Tier,
    },
    /// The first tokens of a block were found.
    PartialHit {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// How many tokens.
        tokens: u32,
    },
    /// A hit changed a block's priority.
    Repriced {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Its event hash.
        hash: u64,
        /// Before.
        old: u8,
        /// After.
        new: u8,
    },
    /// A block's content goes to another tier.
    Moved {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Its event hash, while it is findable.
        hash: Option<u64>,
        /// From here.
        from: Tier,
        /// To there.
        to: Tier,
    },
    /// The content of a block, findable or of an earlier process, was given up for room.
    Dropped {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Where it was.
        tier: Tier,
    },
    /// A block left the tree.
    Removed {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Its event hash.
        hash: u64,
    },
    /// A block was taken for new content.
    Allocated {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Whether no findable content had to make room for it.
        unused: bool,
    },
    /// The first tokens of a block are copied to another.
    Copied {
        /// Which window.
        window: u16,
        /// From here.
        source: BlockId,
        /// To there.
        target: BlockId,
        /// How many tokens.
        tokens: u32,
    },
    /// A block can be found from now on.
    Stored {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// The block it hangs under; `None` for the root.
        parent: Option<BlockId>,
        /// The parent's event hash; `None` for the root.
        parent_hash: Option<u64>,
        /// Its key.
        key: BlockKey,
        /// Its event hash.
        hash: u64,
        /// Its priority.
        priority: u8,
        /// Where it is.
        tier: Tier,
    },
    /// A block's retention ended.
    Expired {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Its event hash, while it is findable.
        hash: Option<u64>,
        /// The priority it had.
        old: u8,
    },
    /// A block's content was lost to a failed transfer.
    Lost {
        /// Which window.
        window: u16,
        /// The block.
        block: BlockId,
        /// Where the hit that is a miss now had found it; `None` if nobody had.
        hit: Option<Tier>,
    },
    /// A request ended.
    Ended {
        /// The request.
        request: RequestId,
    },
}
