//! What a campaign has come to so far: counts that add up, whoever counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierproof_sim::faults::FaultClass;

use crate::draw::fold;

use super::breach::Breach;
use super::run::{End, Ran};
use super::shard::Shard;

/// Failures that a tally names at most.
const FAILURES_MAX: usize = 100;

/// Counts of a campaign or of a part of one: one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Which parts were run.
    pub shards: Vec<Shard>,
    /// Parts whose canary was seen, as it must be before anything else counts.
    pub canaries: u64,
    /// Seeds run.
    pub seeds: u64,
    /// Runs that were done twice, or once more from their saved plan, and compared.
    pub repeated: u64,
    /// Operations done to engine and model and compared.
    pub ops: u64,
    /// Decisions predicted.
    pub decisions: u64,
    /// Parts of transfers that moved.
    pub parts: u64,
    /// Runs that the loss of the device ended, as it should.
    pub device_lost: u64,
    /// Runs whose engine could not be built, as it should.
    pub not_built: u64,
    /// Power cuts.
    pub crashes: u64,
    /// Processes that began on what others had left, or nobody.
    pub recoveries: u64,
    /// Keys that had to be found after a power cut.
    pub owed: u64,
    /// Faults that struck, by class.
    pub faults: BTreeMap<FaultClass, u64>,
    /// Classes that the backend can't have, and why.
    pub unrealised: BTreeMap<FaultClass, String>,
    /// How often each probe was reached.
    pub probes: BTreeMap<String, u64>,
    /// The sum of a hash of each seed and its trace: equal for equal seeds, however they were split.
    pub digest: u64,
    /// Wall time of all parts together.
    pub seconds: u64,
    /// The first laws that broke.
    pub failures: Vec<Failed>,
}

/// A seed that broke a law.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// Which.
    pub broke: Breach,
    /// How.
    pub what: String,
}

impl Tally {
    /// Counts a run.
    pub fn count(&mut self, seed: u64, ran: &Ran) {
        self.seeds += 1;
        self.ops += ran.ops;
        self.decisions += ran.decisions;
        self.parts += ran.parts;
        self.crashes += ran.crashes;
        self.recoveries += ran.recoveries;
        self.owed += ran.owed;
        for fault in &ran.fired {
            *self.faults.entry(fault.class).or_default() += 1;
        }
        for (name, count) in &ran.probes {
            *self.probes.entry((*name).to_owned()).or_default() += count;
        }
        for (class, why) in &ran.unrealised {
            self.unrealised.entry(*class).or_insert_with(|| why.clone());
        }
        self.digest = self.digest.wrapping_add(fold(seed, ran.trace));
        match &ran.end {
            End::Sound => {}
            End::NotBuilt => self.not_built += 1,
            End::DeviceLost => self.device_lost += 1,
            End::Broken { breach, what, .. } => {
                self.fail(Failed { seed, broke: *breach, what: what.clone() });
            }
        }
    }

    /// Whether the canary of some part was not seen: then nothing that it says counts.
    #[must_use]
    pub fn canary_lived(&self) -> bool {
        self.canaries < self.shards.len() as u64
    }

    /// Names a failure.
    pub fn fail(&mut self, failed: Failed) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failed);
        }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: Self) {
        self.shards.extend(other.shards);
        self.canaries += other.canaries;
        self.seeds += other.seeds;
        self.repeated += other.repeated;
        self.ops += other.ops;
        self.decisions += other.decisions;
        self.parts += other.parts;
        self.crashes += other.crashes;
        self.recoveries += other.recoveries;
        self.owed += other.owed;
        self.device_lost += other.device_lost;
        self.not_built += other.not_built;
        add(&mut self.faults, other.faults);
        add(&mut self.probes, other.probes);
        for (class, why) in other.unrealised {
            self.unrealised.entry(class).or_insert(why);
        }
        self.digest = self.digest.wrapping_add(other.digest);
        self.seconds += other.seconds;
        self.failures.extend(other.failures);
        self.failures.sort();
        self.failures.truncate(FAILURES_MAX);
    }
}

fn add<K: Ord>(sums: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (name, count) in more {
        *sums.entry(name).or_default() += count;
    }
}
