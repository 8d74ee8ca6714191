//! A part of a campaign: which of the seeds this process runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tierproof_core::{Error, ErrorKind};

/// The most parts.
const SHARDS_MAX: u64 = 1 << 20;

/// Shard `index` of `count`, counted from 0: seeds whose remainder by `count` is `index`.
///
/// ```
/// use tierproof::explore::Shard;
/// let shard: Shard = "1/4".parse()?;
/// assert_eq!((0..9).filter(|&seed| shard.has(seed)).collect::<Vec<_>>(), [1, 5]);
/// assert!("4/4".parse::<Shard>().is_err());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which one.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// Whether a seed is one of its.
    #[must_use]
    pub fn has(self, seed: u64) -> bool {
        seed % self.count == self.index
    }

    /// What a job array says, if this is a task of one: Slurm's `SLURM_ARRAY_TASK_ID`, `_MIN`, `_STEP`
    /// and `_COUNT`, or the `JOB_COMPLETION_INDEX` of an indexed Kubernetes job, whose number of tasks is
    /// to be given as `TIERPROOF_SHARDS`.
    ///
    /// # Errors
    /// `Config` for variables that are there and make no sense.
    pub fn of_environment(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let number = |name: &str| {
            get(name).map(|text| {
                let parsed = text.trim().parse::<u64>();
                parsed
                    .map_err(|_| invalid(format!("{name} is {text:?}: a whole number is expected")))
            })
        };
        if let Some(id) = number("SLURM_ARRAY_TASK_ID") {
            let (id, first) = (id?, number("SLURM_ARRAY_TASK_MIN").unwrap_or(Ok(0))?);
            let count = number("SLURM_ARRAY_TASK_COUNT").unwrap_or_else(|| {
                Err(invalid("SLURM_ARRAY_TASK_ID is set, SLURM_ARRAY_TASK_COUNT is not".into()))
            })?;
            let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(Ok(1))?.max(1);
            let index = id.checked_sub(first).map_or(count, |ahead| ahead / step);
            return Self { index, count }.checked().map(Some);
        }
        let Some(index) = number("JOB_COMPLETION_INDEX") else { return Ok(None) };
        let count = number("TIERPROOF_SHARDS").unwrap_or_else(|| {
            Err(invalid(
                "JOB_COMPLETION_INDEX is set: set TIERPROOF_SHARDS to the job's completions".into(),
            ))
        })?;
        Self { index: index?, count }.checked().map(Some)
    }

    fn checked(self) -> Result<Self, Error> {
        if self.count <= SHARDS_MAX && self.index < self.count {
            return Ok(self);
        }
        let what =
            format!("shard {self}: give K/N with K from 0 and below N, N at most {SHARDS_MAX}");
        Err(invalid(what))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some(Self { index: index.parse().ok()?, count: count.parse().ok()? })
        });
        numbers.unwrap_or(Self { index: 0, count: 0 }).checked().map_err(|error| {
            if numbers.is_some() {
                error
            } else {
                invalid(format!("{text:?} is no shard: give K/N"))
            }
        })
    }
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::Config, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Shard>, Error> {
        Shard::of_environment(|name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_seed_has_one_shard() {
        for seed in 0..100 {
            let has = |&index: &u64| Shard { index, count: 7 }.has(seed);
            assert_eq!((0..7).filter(has).count(), 1);
        }
    }

    #[test]
    fn a_job_array_says_which() {
        assert_eq!(of(&[]).unwrap(), None);
        let slurm = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8")];
        assert_eq!(of(&slurm).unwrap(), Some(Shard { index: 3, count: 8 }));
        let [id, count] = slurm;
        let from_one = [id, count, ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(of(&from_one).unwrap(), Some(Shard { index: 2, count: 8 }));
        let by_tens = [("SLURM_ARRAY_TASK_ID", "30"), count, ("SLURM_ARRAY_TASK_STEP", "10")];
        assert_eq!(of(&by_tens).unwrap(), Some(Shard { index: 3, count: 8 }));
        let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("TIERPROOF_SHARDS", "2")];
        assert_eq!(of(&kubernetes).unwrap(), Some(Shard { index: 0, count: 2 }));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for variables in [
            &[("SLURM_ARRAY_TASK_ID", "3")][..],
            &[("SLURM_ARRAY_TASK_ID", "x"), ("SLURM_ARRAY_TASK_COUNT", "8")],
            &[("SLURM_ARRAY_TASK_ID", "8"), ("SLURM_ARRAY_TASK_COUNT", "8")],
            &[("JOB_COMPLETION_INDEX", "1")],
            &[("JOB_COMPLETION_INDEX", "1"), ("TIERPROOF_SHARDS", "0")],
        ] {
            assert_eq!(of(variables).unwrap_err().kind(), ErrorKind::Config, "{variables:?}");
        }
        for text in ["", "1", "1/0", "2/2", "-1/2", "1/2/3", "0/9999999999"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
