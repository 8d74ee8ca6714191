//! A plan: a configuration and a list of operations, as JSON that a failing test can print and
//! anybody can run again.
//!
//! An operation that makes no sense when its turn comes (an unknown request, an index out of range)
//! is legal: its outcome is *refused* and it changes nothing. What [`Plan::from_json`] refuses are
//! plans that no manager could be built for, and plans too large to run.

use std::fmt;

use serde::{Deserialize, Serialize};

mod op;

pub use op::{
    Op, PlanAdd, PlanMode, PlanMultimodal, PlanPrompt, PlanRange, PlanRetention, PlanTokens,
};

/// The most operations of a plan.
pub const OPS_MAX: usize = 100_000;
/// The most bytes of a plan's JSON.
pub const JSON_BYTES_MAX: usize = 64 << 20;
/// The most windows of a plan.
pub const WINDOWS_MAX: usize = 16;
/// The most blocks of one tier of one window, reserve included.
pub const TIER_BLOCKS_MAX: u64 = 1 << 20;
/// The most beams of a request.
pub const BEAMS_MAX: usize = 64;
/// The most tokens of a sequence.
pub const SEQUENCE_TOKENS_MAX: u64 = 1 << 24;
/// The most bytes of a directory's name.
pub const DIRECTORY_BYTES_MAX: usize = 4096;

/// A configuration and what to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The format: 1.
    pub version: u32,
    /// What the manager is built with.
    pub config: PlanConfig,
    /// What is then done, in order.
    pub ops: Vec<Op>,
}

/// What the manager is built with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    /// One a distinct attention size. Window numbers are the ranks of the sizes.
    pub windows: Vec<PlanWindow>,
    /// Tokens per block, at least 1.
    pub tokens_per_block: usize,
    /// The most tokens of a sequence. A window smaller than this slides.
    pub sequence_tokens_max: usize,
    /// Whether finished blocks are found again.
    pub reuse: bool,
    /// Whether a block of which only the first tokens agree is found.
    pub partial_reuse: bool,
    /// Whether a partial match may copy from a block that others use.
    pub copy_on_partial_reuse: bool,
    /// Whether an evicted block may go to a lower tier.
    pub onboard: bool,
    /// Reserve blocks of each lower tier that exists, at least 1.
    pub reserve: usize,
    /// How victims are chosen.
    pub policy: PlanPolicy,
    /// `priority-lru` keeps only blocks of at least this priority when it evicts them. Usually 30.
    pub offload_priority_min: u8,
    /// The directories in which files may lie.
    pub directories: Vec<String>,
    /// Payload bytes of a block.
    pub block_bytes: u64,
}

/// One window: its attention size and its tiers, in blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanWindow {
    /// Attention size in tokens.
    pub size: usize,
    /// Blocks on the device, at least 1.
    pub device: usize,
    /// Blocks on the host; 0: no such tier.
    pub host: usize,
    /// Blocks on disk; 0: no such tier.
    pub disk: usize,
}

/// How victims are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanPolicy {
    /// One FIFO a tier.
    Lru,
    /// A FIFO for each tier and priority.
    PriorityLru,
}

/// Why a plan can't be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanError {
    /// It is not the JSON of a plan.
    Json(serde_json::Error),
    /// It is of another version.
    Version(u32),
    /// A number is not in the range that it may have.
    OutOfRange {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// Two windows have one attention size.
    SameWindow(usize),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a plan: {error}"),
            Self::Version(version) => write!(f, "plan version {version}: this reads version 1"),
            Self::OutOfRange { what, value, min, max } => {
                write!(f, "{what} is {value}: give {min} to {max}")
            }
            Self::SameWindow(size) => {
                write!(f, "two windows of size {size}: give each size once")
            }
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

impl Plan {
    /// A plan of version 1.
    #[must_use]
    pub fn new(config: PlanConfig, ops: Vec<Op>) -> Self {
        Self { version: 1, config, ops }
    }

    /// Reads a plan and checks it.
    ///
    /// # Errors
    /// The first reason why it can't be run.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        within("bytes of JSON", text.len(), 0, JSON_BYTES_MAX as u64)?;
        let plan: Self = serde_json::from_str(text).map_err(PlanError::Json)?;
        plan.validate()?;
        Ok(plan)
    }

    /// The plan as JSON.
    ///
    /// # Panics
    /// Never: a plan holds nothing that JSON can't.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a plan holds nothing that JSON can't")
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn validate(&self) -> Result<(), PlanError> {
        if self.version != 1 {
            return Err(PlanError::Version(self.version));
        }
        within("ops", self.ops.len(), 0, OPS_MAX as u64)?;
        self.config.validate()
    }
}

impl PlanConfig {
    /// Whether a manager can be built with it.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn validate(&self) -> Result<(), PlanError> {
        within("windows", self.windows.len(), 1, WINDOWS_MAX as u64)?;
        for window in &self.windows {
            within("window size", window.size, 1, SEQUENCE_TOKENS_MAX)?;
            within("device blocks", window.device, 1, TIER_BLOCKS_MAX)?;
            within("host blocks", window.host, 0, TIER_BLOCKS_MAX)?;
            within("disk blocks", window.disk, 0, TIER_BLOCKS_MAX)?;
            if self.windows.iter().filter(|other| other.size == window.size).count() > 1 {
                return Err(PlanError::SameWindow(window.size));
            }
        }
        within("reserve", self.reserve, 1, TIER_BLOCKS_MAX)?;
        within("tokens_per_block", self.tokens_per_block, 1, SEQUENCE_TOKENS_MAX)?;
        within("sequence_tokens_max", self.sequence_tokens_max, 1, SEQUENCE_TOKENS_MAX)?;
        within("offload_priority_min", usize::from(self.offload_priority_min), 0, 100)?;
        let disk = self.windows.iter().any(|window| window.disk > 0);
        within("directories", self.directories.len(), usize::from(disk), 64)?;
        for directory in &self.directories {
            within("bytes of a directory", directory.len(), 1, DIRECTORY_BYTES_MAX as u64)?;
        }
        if !(1..=1 << 30).contains(&self.block_bytes) {
            let (value, max) = (self.block_bytes, 1 << 30);
            return Err(PlanError::OutOfRange { what: "block_bytes", value, min: 1, max });
        }
        Ok(())
    }
}

fn within(what: &'static str, value: usize, min: usize, max: u64) -> Result<(), PlanError> {
    let (value, min) = (value as u64, min as u64);
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::OutOfRange { what, value, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"version":1,"config":{"windows":[{"size":64,"device":4,"host":2,
        "disk":0}],"tokens_per_block":4,"sequence_tokens_max":64,"reuse":true,
        "partial_reuse":true,"copy_on_partial_reuse":true,"onboard":true,"reserve":1,
        "policy":"priority-lru","offload_priority_min":30,"directories":["spill"],
        "block_bytes":64},"ops":[
        {"append":{"request":1,"token":-7}},"drain",{"unpin":{"pin":0}}]}"#;

    #[test]
    fn a_plan_survives_its_json() {
        let plan = Plan::from_json(SMALL).unwrap();
        assert_eq!(plan.ops[0], Op::Append { request: 1, token: -7 });
        assert_eq!(plan.ops[1], Op::Drain);
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
    }

    #[test]
    fn what_can_not_be_run_is_refused_with_its_reason() {
        let refused = |from: &str, to: &str| {
            let text = SMALL.replacen(from, to, 1);
            assert_ne!(text, SMALL);
            Plan::from_json(&text).unwrap_err().to_string()
        };
        assert_eq!(
            refused("\"version\":1", "\"version\":2"),
            "plan version 2: this reads version 1"
        );
        assert_eq!(
            refused("\"device\":4", "\"device\":0"),
            "device blocks is 0: give 1 to 1048576"
        );
        assert_eq!(refused("\"reserve\":1", "\"reserve\":0"), "reserve is 0: give 1 to 1048576");
        assert_eq!(
            refused("\"block_bytes\":64", "\"block_bytes\":0"),
            "block_bytes is 0: give 1 to 1073741824"
        );
        assert!(refused("\"host\":2", "\"host\":-2").starts_with("not a plan: "));
        assert!(refused("\"reuse\"", "\"rescue\"").contains("unknown field `rescue`"));
        assert!(
            refused("\"token\":-7", "\"token\":-7,\"more\":1").contains("unknown field `more`")
        );
        let mut plan = Plan::from_json(SMALL).unwrap();
        plan.ops = vec![Op::Step; OPS_MAX + 1];
        assert_eq!(plan.validate().unwrap_err().to_string(), "ops is 100001: give 0 to 100000");
        plan.ops.clear();
        plan.config.windows.push(plan.config.windows[0].clone());
        assert!(matches!(plan.validate(), Err(PlanError::SameWindow(64))));
    }
}
