//! Eviction: which unreferenced block leaves a tier next.
//!
//! A policy orders the blocks that nobody references. The engine tells it when one becomes
//! evictable, is taken again, or moves to another tier, and asks for the next victim. Ties are
//! broken by the order of these calls or by id, never by addresses.

mod list;
mod lru;
mod priority_lru;

use crate::block::{BlockId, Tier};
use crate::error::{Error, ErrorKind, Result};
use crate::units::Nanos;
use std::fmt;

pub use lru::Lru;
pub use priority_lru::PriorityLru;

/// What a policy may know of a block that becomes evictable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The block.
    pub block: BlockId,
    /// Where its content lies.
    pub tier: Tier,
    /// 0..=100, higher stays longer.
    pub priority: u8,
    /// When the priority falls back to the default, in the workload's time; `MAX` for never.
    pub expires: Nanos,
}

/// Which end of its queue a block joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is the next to leave.
    Front,
    /// It leaves after the others.
    Back,
}

/// Orders evictable blocks. All calls name blocks of one window.
///
/// ```
/// use tierproof_core::{BlockId, Candidate, End, EvictionPolicy, Lru, Nanos, Tier};
/// let mut policy = Lru::default();
/// for id in [4, 2] {
///     let candidate = Candidate { block: BlockId(id), tier: Tier::Device, priority: 35, expires: Nanos::MAX };
///     policy.insert(candidate, End::Back);
/// }
/// assert_eq!(policy.victim(Tier::Device), Some(BlockId(4)));
/// ```
pub trait EvictionPolicy: fmt::Debug {
    /// The name that commands and reports use.
    fn name(&self) -> &'static str;

    /// A block becomes evictable. It is not known now.
    fn insert(&mut self, candidate: Candidate, end: End);

    /// A known block is taken.
    fn remove(&mut self, block: BlockId);

    /// The block of `tier` that leaves next; it stays known. `None` only when `tier` has none.
    fn victim(&self, tier: Tier) -> Option<BlockId>;

    /// A known block's content moved to `tier`: last of its peers there, expiry unchanged.
    fn relocate(&mut self, block: BlockId, tier: Tier);

    /// Whether a victim is worth a slot in the next tier.
    fn keeps(&self, victim: BlockId) -> bool;

    /// Known blocks of `tier`.
    fn len(&self, tier: Tier) -> usize;

    /// Whether `tier` has no known block.
    fn is_empty(&self, tier: Tier) -> bool {
        self.len(tier) == 0
    }

    /// Time is `now`: appends the blocks whose retention ended, by (expiry, id). They have the
    /// default priority from here on.
    fn advance(&mut self, now: Nanos, expired: &mut Vec<BlockId>);

    /// Heap bytes in use.
    fn heap_bytes(&self) -> usize;
}

/// Names of the built-in policies.
pub const POLICIES: [&str; 2] = ["lru", "priority-lru"];

/// A built-in policy by name.
///
/// # Errors
/// `Config` listing the names.
pub fn policy(name: &str) -> Result<Box<dyn EvictionPolicy>> {
    match name {
        "lru" => Ok(Box::new(Lru::default())),
        "priority-lru" => Ok(Box::new(PriorityLru::default())),
        _ => Err(Error::new(
            ErrorKind::Config,
            format!("unknown eviction policy `{name}`: choose one of {}", POLICIES.join(", ")),
        )),
    }
}
