//! What a replay came to, as one value to print, compare or plot.

use crate::below::Below;
use serde::{Deserialize, Serialize};

/// The result of one replay. Blocks, unless said otherwise; all but the times and what ran below are
/// the same on every backend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The workload's name or path.
    pub workload: String,
    /// The backend's name.
    pub backend: String,
    /// What ran below the engine, for a backend over what others made.
    pub below: Option<Below>,
    /// The eviction policy's name.
    pub policy: String,
    /// The seed of a built-in workload and of the simulated device.
    pub seed: u64,
    /// Requests that were accepted.
    pub requests: u64,
    /// Requests that were larger than the device and changed nothing.
    pub rejected: u64,
    /// Blocks that the prompts of accepted requests need.
    pub blocks: u64,
    /// Of these, found before the request's first miss.
    pub hits: u64,
    /// Hits found on the device.
    pub hits_device: u64,
    /// Hits found in host memory.
    pub hits_host: u64,
    /// Hits found on disk.
    pub hits_disk: u64,
    /// All others of [`Outcome::blocks`], those of which only the first tokens were found too.
    pub misses: u64,
    /// Hits over blocks, 0 without blocks.
    pub hit_ratio: f64,
    /// Whether blocks on disk were published, and those of an earlier replay found.
    #[serde(default)]
    pub durable: bool,
    /// Blocks of an earlier replay that were in the disk tier at the start.
    #[serde(default)]
    pub recovered: u64,
    /// Of these, blocks that prompts came back for.
    #[serde(default)]
    pub grafted: u64,
    /// Blocks of an earlier replay that were lost because the index was damaged.
    #[serde(default)]
    pub records_damaged: u64,
    /// Blocks that were published, each time that one came to disk.
    #[serde(default)]
    pub published: u64,
    /// Misses of which the first tokens were found.
    pub partial_hits: u64,
    /// Hits that a failed transfer made misses.
    pub lost: u64,
    /// Contents that went from the device to a lower tier.
    pub offloads: u64,
    /// Contents that came to the device from a lower tier.
    pub onboards: u64,
    /// Contents that went from host memory to disk.
    pub demotions: u64,
    /// Contents that were given up for room.
    pub drops: u64,
    /// Payload bytes of all these moves and of copies between blocks.
    pub bytes_moved: u64,
    /// Blocks whose every byte was read back and compared.
    pub blocks_verified: u64,
    /// Of these, those with a wrong byte.
    pub blocks_corrupt: u64,
    /// Requests whose blocks could not go to files although they asked for it.
    pub fallbacks: u64,
    /// What else worked otherwise than asked, one line each.
    pub fallback_notes: Vec<String>,
    /// Nanoseconds that passed on the backend's clock.
    pub virtual_ns: u64,
    /// Nanoseconds that passed on the wall.
    pub wall_ns: u64,
    /// Nanoseconds on the wall that the engine's calls took, without [`Outcome::backend_ns`]: matching,
    /// choosing victims, queueing and fencing. What the engine costs a server beside its transfers.
    pub engine_ns: u64,
    /// Nanoseconds on the wall of the backend's calls that the engine made: handing transfers over and
    /// waiting for them. Of the simulated device it is what simulating took.
    ///
    /// Neither holds what the replay itself does, which no server does: reading the workload, filling
    /// blocks, reading them back, the decision log. Transfers may go on meanwhile, and nobody waits for them.
    pub backend_ns: u64,
    /// BLAKE3 hash of the decision log, in hexadecimal.
    pub decision_hash: String,
    /// The first wrong blocks, one line each.
    pub mismatches: Vec<String>,
    /// Invariants that did not hold, one line each.
    pub broken: Vec<String>,
}

impl Outcome {
    /// The share of the engine's own time in all that a server waits for: its own and that of transfers.
    /// 0 without either.
    #[must_use]
    pub fn engine_share(&self) -> f64 {
        match self.engine_ns.saturating_add(self.backend_ns) {
            0 => 0.0,
            whole => self.engine_ns as f64 / whole as f64,
        }
    }

    /// Whether every byte was right and every invariant held.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.blocks_corrupt == 0 && self.mismatches.is_empty() && self.broken.is_empty()
    }
}
