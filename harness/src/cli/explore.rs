//! Settings of `tierproof explore` and `tierproof rerun`.

use clap::Args;
use std::ops::Range;
use std::path::PathBuf;
use tierproof::explore::Shard;
use tierproof::explore::museum::{EXHIBITS, Exhibit};
use tierproof_sim::faults::FaultClass;

use super::Backend;

/// Seeds without `--seeds` and `--minutes`.
const SEEDS_DEFAULT: u64 = 1_000;

/// Settings of `tierproof explore`.
#[derive(Debug, Args)]
pub(crate) struct Explore {
    /// Seeds to run, the end left out [default: 0..1000; with --minutes as many as there is time for]
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<Range<u64>>,
    /// Begin no more seeds after so long
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,
    /// What misbehaves
    #[command(flatten)]
    pub(crate) target: Target,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    /// Run only this part of the seeds, K from 0 [default: that of a Slurm array or an indexed
    /// Kubernetes job, if this is one]
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Classes of faults that may strike: all, none, or ids as F01,G03
    #[arg(long, value_name = "CLASSES", default_value = "all", value_parser = classes)]
    pub(crate) faults: Classes,
    /// Operations of a seed at most
    #[arg(long, value_name = "N", default_value_t = 120,
          value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) ops: u64,
    /// Run one seed in N three times, and compare: as it is, again, and from its saved plan
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat_every: u64,
    /// Fail too if a probe is never reached, or a class that may strike never strikes
    #[arg(long)]
    pub(crate) complete: bool,
    /// Do not stop at the first failure
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Save a failure's plan, made small, in this existing directory [default: the working directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    /// Append the counts to this file as one line of JSON; "-" prints it
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// Run nothing; add up the lines of these files
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["seeds", "minutes"])]
    pub(crate) merge: Vec<PathBuf>,
    /// Instead of a campaign show that it would see public bugs, rebuilt: this one, or all
    #[arg(long, value_name = "EXHIBIT", num_args = 0..=1, default_missing_value = "all",
          value_parser = exhibits, conflicts_with_all = ["seeds", "minutes", "merge", "shard"])]
    pub(crate) museum: Option<Exhibits>,
    /// Draw no live line
    #[arg(long)]
    pub(crate) no_progress: bool,
}

/// Settings of `tierproof rerun`.
#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// A saved plan
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// What it runs on
    #[command(flatten)]
    pub(crate) target: Target,
    /// Lines of the decision log to print before the break
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) events: usize,
}

/// A backend and what it needs.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// What the tiers are made of
    #[arg(long, value_enum, default_value_t = Backend::Sim)]
    pub(crate) backend: Backend,
    /// Existing directory for files [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// GPU of the backends that use one, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) gpu: u32,
}

/// Exhibits of the museum.
#[derive(Debug, Clone)]
pub(crate) struct Exhibits(pub(crate) Vec<&'static Exhibit>);

/// Classes of faults.
#[derive(Debug, Clone)]
pub(crate) struct Classes(pub(crate) Vec<FaultClass>);

impl Explore {
    /// The seeds that are asked for.
    pub(crate) fn seeds(&self) -> Range<u64> {
        let end = if self.minutes.is_some() { u64::MAX } else { SEEDS_DEFAULT };
        self.seeds.clone().unwrap_or(0..end)
    }

    /// Threads.
    pub(crate) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(cores, |jobs| jobs as usize)
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let ends = text
        .split_once("..")
        .and_then(|(first, end)| Some(first.parse::<u64>().ok()?..end.parse::<u64>().ok()?));
    match ends {
        Some(range) if !range.is_empty() => Ok(range),
        Some(_) => Err("there is no seed in it: give A..B with A below B".into()),
        None => Err("give A..B, as 0..1000".into()),
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= 100_000.0 => Ok(minutes),
        _ => Err("give a number of minutes above 0".into()),
    }
}

fn exhibits(text: &str) -> Result<Exhibits, String> {
    match Exhibit::named(text) {
        Some(exhibit) => Ok(Exhibits(vec![exhibit])),
        None if text == "all" => Ok(Exhibits(EXHIBITS.iter().collect())),
        None => {
            let names: Vec<&str> = EXHIBITS.iter().map(|exhibit| exhibit.id).collect();
            Err(format!("give all, or one of {}", names.join(", ")))
        }
    }
}

fn classes(text: &str) -> Result<Classes, String> {
    match text {
        "all" => Ok(Classes(FaultClass::ALL.to_vec())),
        "none" => Ok(Classes(Vec::new())),
        _ => {
            let mut classes = Vec::new();
            for id in text.split(',') {
                classes.push(id.trim().parse::<FaultClass>().map_err(|error| error.to_string())?);
            }
            classes.sort_unstable();
            classes.dedup();
            Ok(Classes(classes))
        }
    }
}
