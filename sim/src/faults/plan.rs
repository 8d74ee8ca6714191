//! Which faults are to fire: by rate, by name, or both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierproof_core::{Error, ErrorKind, Result};

use super::{FaultClass, Subject};

/// Certainty, as a rate.
pub const MILLION: u32 = 1_000_000;
/// Entries of a plan at most.
pub const ENTRIES_MAX: usize = 1 << 20;

/// One fault, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultEntry {
    /// What kind.
    pub class: FaultClass,
    /// What it strikes.
    pub on: Subject,
    /// How exactly: which bit, which neighbour, how long. Any number means something; the same
    /// number means the same on every backend.
    pub detail: u64,
}

/// Which faults fire. Data: a plan can be saved, cut down and run again on another backend.
///
/// ```
/// use tierproof_sim::faults::{FaultClass, FaultPlan};
/// let plan = FaultPlan { seed: 7, ..FaultPlan::default() }.with_rate(FaultClass::F12, 20_000);
/// plan.validate()?;
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The seed of what is drawn. Each draw is a hash of seed, class and subject, so nothing that
    /// is left out moves another's.
    pub seed: u64,
    /// How often each class strikes what it can, in a million.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<FaultClass, u32>,
    /// Faults by name, beside those drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<FaultEntry>,
    /// Whether classes that [need trailers](FaultClass::needs_trailers) also strike where there
    /// are none, and so nobody can detect them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsealed: bool,
}

impl FaultPlan {
    /// The same plan with `rate` in a million for `class`.
    #[must_use]
    pub fn with_rate(mut self, class: FaultClass, rate: u32) -> Self {
        self.rates.insert(class, rate);
        self
    }

    /// A plan of these faults and no others.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = FaultEntry>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// `Config`, naming the rate or the entry.
    pub fn validate(&self) -> Result<()> {
        if let Some((class, rate)) = self.rates.iter().find(|(_, rate)| **rate > MILLION) {
            return invalid(format!("rate of {class} is {rate}: give 0 to {MILLION}"));
        }
        if self.entries.len() > ENTRIES_MAX {
            let count = self.entries.len();
            return invalid(format!("{count} fault entries: give at most {ENTRIES_MAX}"));
        }
        let wrong = self.entries.iter().find(|entry| !suits(entry));
        wrong.map_or(Ok(()), |FaultEntry { class, on, .. }| {
            let occasion = class.occasion();
            invalid(format!("{class} can't be about {on}: it strikes at {occasion:?}"))
        })
    }

    /// The classes that may fire.
    pub fn classes(&self) -> impl Iterator<Item = FaultClass> {
        let drawn = self.rates.iter().filter(|(_, rate)| **rate > 0).map(|(class, _)| *class);
        let mut all: Vec<_> = drawn.chain(self.entries.iter().map(|entry| entry.class)).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }
}

fn suits(FaultEntry { class, on, .. }: &FaultEntry) -> bool {
    let flush = matches!(on, Subject::Flush { .. });
    on.suits(class.occasion()) && (!flush || *class == FaultClass::F09)
}

fn invalid<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::Config, context))
}
