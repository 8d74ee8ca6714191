//! A campaign: many seeds, on all cores, until one breaks a law or time is up.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tierproof_core::Result;
use tierproof_sim::faults::FaultPlan;

use crate::lockstep::Law;

use super::case::{Case, Scope};
use super::museum::{self, Exhibit};
use super::run::{End, Ran};
use super::shard::Shard;
use super::tally::Tally;

/// A campaign. `run` runs a case on a backend of its own, from several threads.
pub struct Campaign<'a> {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Which of them are run here.
    pub shard: Shard,
    /// Which cases they become.
    pub scope: Scope,
    /// Threads, at least 1.
    pub jobs: usize,
    /// When to begin no more seeds.
    pub time: Option<Duration>,
    /// Go on after a failure.
    pub keep_going: bool,
    /// One seed in so many is run three times: as it is, once more, and from its saved plan with every
    /// fault by name. All three must be the same (D1, D3).
    pub repeat_every: u64,
    /// A bug that must be seen before any seed counts: [`CANARY`](super::museum::CANARY), outside of
    /// tests.
    pub canary: &'a Exhibit,
    /// Whether time is virtual, so that equal cases have equal traces. Elsewhere only what is decided is
    /// compared, and only where nothing failed.
    pub exact: bool,
    /// Runs a case.
    pub run: &'a (dyn Fn(&Case) -> Result<Ran> + Sync),
    /// Is shown the counts now and then.
    pub watch: &'a (dyn Fn(&Tally) + Sync),
}

/// A failure, to be shrunk.
#[derive(Debug)]
pub struct Failure {
    /// The case.
    pub case: Case,
    /// What it came to.
    pub ran: Ran,
}

/// The canary is seen within so many seeds, or lives.
const CANARY_SEEDS: u64 = 100;

/// Seeds that a thread runs before it adds its counts to the others'.
const BATCH: u64 = 32;

impl Campaign<'_> {
    /// Runs the seeds, and answers the counts and the failure of the least seed that failed. Runs none
    /// if the canary lives.
    ///
    /// # Errors
    /// What a backend can't be opened with.
    ///
    /// # Panics
    /// If a thread of the campaign's own panicked; what panics within a run is a failure of its seed.
    pub fn explore(&self) -> Result<(Tally, Option<Failure>)> {
        let canary = museum::visit(self.canary, CANARY_SEEDS, &Scope::default())?;
        let canaries = u64::from(canary.broke.is_some());
        let tally = Tally { shards: vec![self.shard], canaries, ..Tally::default() };
        if tally.canary_lived() {
            return Ok((tally, None));
        }
        let shared = Shared {
            began: Instant::now(),
            next: AtomicU64::new(self.seeds.start),
            stop: AtomicBool::new(false),
            sum: Mutex::new((tally, None)),
        };
        let workers: Vec<Result<()>> = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.jobs.max(1)).map(|_| scope.spawn(|| self.work(&shared))).collect();
            workers.into_iter().map(|worker| worker.join().expect("runs catch panics")).collect()
        });
        workers.into_iter().collect::<Result<()>>()?;
        let (mut tally, failure) = shared.sum.into_inner().expect("runs catch panics");
        tally.seconds = shared.began.elapsed().as_secs();
        Ok((tally, failure))
    }

    fn work(&self, shared: &Shared) -> Result<()> {
        loop {
            let first = shared.next.fetch_add(BATCH, Ordering::Relaxed);
            let batch = first..self.seeds.end.min(first.saturating_add(BATCH));
            if batch.is_empty() || shared.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let (mut tally, mut failure) = (Tally::default(), None);
            for seed in batch.filter(|&seed| self.shard.has(seed)) {
                let late = self.time.is_some_and(|time| shared.began.elapsed() >= time);
                if late || shared.stop.load(Ordering::Relaxed) {
                    break;
                }
                let (case, ran) = self.one(seed, &mut tally)?;
                tally.count(seed, &ran);
                if ran.broke().is_some() {
                    failure.get_or_insert(Failure { case, ran });
                    shared.stop.fetch_or(!self.keep_going, Ordering::Relaxed);
                }
            }
            let done = tally.seeds == 0;
            let mut sum = shared.sum.lock().expect("runs catch panics");
            sum.0.add(tally);
            let earlier =
                |new: &Failure| sum.1.as_ref().is_none_or(|old| new.case.seed < old.case.seed);
            if failure.as_ref().is_some_and(earlier) {
                sum.1 = failure;
            }
            (self.watch)(&sum.0);
            if done && self.time.is_some_and(|time| shared.began.elapsed() >= time) {
                return Ok(());
            }
        }
    }

    fn one(&self, seed: u64, tally: &mut Tally) -> Result<(Case, Ran)> {
        let case = Case::of_seed(seed, &self.scope);
        let mut ran = (self.run)(&case)?;
        if seed.is_multiple_of(self.repeat_every) && ran.broke().is_none() {
            tally.repeated += 1;
            let again = (self.run)(&case)?;
            let saved = named(&case, &ran);
            let replayed = (self.run)(&Case::from_json(&saved.to_json())?)?;
            for (law, other) in [(Law::D1, again), (Law::D3, replayed)] {
                let same = if self.exact { other.trace == ran.trace } else { alike(&ran, &other) };
                if !same {
                    let what =
                        format!("{:016x} the first time, now {:016x}", ran.trace, other.trace);
                    ran.end = End::broken(law, what);
                    break;
                }
            }
        }
        Ok((case, ran))
    }
}

/// Whether two runs decided alike, as they must where nothing failed.
fn alike(one: &Ran, other: &Ran) -> bool {
    one.decided == other.decided || !one.fired.is_empty() || !other.fired.is_empty()
}

/// The same case with every fault that struck by name.
pub(super) fn named(case: &Case, ran: &Ran) -> Case {
    let mut entries = case.faults.entries.clone();
    entries.extend(&ran.fired);
    entries.sort_unstable();
    entries.dedup();
    let faults = FaultPlan { rates: Default::default(), entries, ..case.faults.clone() };
    Case { faults, broke: ran.broke(), ..case.clone() }
}

/// What the threads of a campaign share.
struct Shared {
    began: Instant,
    next: AtomicU64,
    stop: AtomicBool,
    sum: Mutex<(Tally, Option<Failure>)>,
}
