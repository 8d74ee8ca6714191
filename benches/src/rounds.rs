//! Contenders side by side: every round runs each of them once, so that what else the machine
//! does hits all alike, and only ratios of the same round are compared.

use criterion::{Criterion, Throughput};
use std::fmt;
use std::time::{Duration, Instant};

/// What one run of a contender took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lap {
    /// Time of the measured part alone.
    pub elapsed: Duration,
    /// Elements handled in it: blocks, or bytes.
    pub elements: u64,
}

impl Lap {
    /// Times `work`, which handles `elements`.
    pub fn of<T>(elements: u64, work: impl FnOnce() -> T) -> (Self, T) {
        let start = Instant::now();
        let answer = work();
        (Self { elapsed: start.elapsed(), elements }, answer)
    }

    fn nanos_each(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.elements as f64
    }
}

/// What the elements are, which is how rates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds a block, million blocks a second.
    Blocks,
    /// GiB a second.
    Bytes,
}

struct Contender<'a> {
    name: String,
    run: Box<dyn FnMut() -> Lap + 'a>,
    laps: Vec<Lap>,
}

/// Contenders for one table. The first is what the others are compared with.
pub struct Rounds<'a> {
    title: String,
    unit: Unit,
    contenders: Vec<Contender<'a>>,
}

/// Rounds unless `TIERPROOF_ROUNDS` says otherwise.
const ROUNDS: usize = 7;

/// How many rounds to run.
///
/// # Panics
/// Where `TIERPROOF_ROUNDS` is no number of at least 1.
#[must_use]
pub fn rounds_wanted() -> usize {
    std::env::var("TIERPROOF_ROUNDS").map_or(ROUNDS, |text| {
        let rounds = text.parse().ok().filter(|&rounds| rounds > 0);
        rounds.expect("TIERPROOF_ROUNDS: give a number of at least 1")
    })
}

impl<'a> Rounds<'a> {
    /// A table without contenders.
    pub fn new(title: impl Into<String>, unit: Unit) -> Self {
        Self { title: title.into(), unit, contenders: Vec::new() }
    }

    /// Adds a contender. `run` does one lap and times only what is to be compared.
    pub fn add(&mut self, name: impl Into<String>, run: impl FnMut() -> Lap + 'a) {
        let (name, run) = (name.into(), Box::new(run));
        self.contenders.push(Contender { name, run, laps: Vec::new() });
    }

    /// Runs every contender once, not counted, and then `rounds` times in turn.
    pub fn run(&mut self, rounds: usize) {
        for contender in &mut self.contenders {
            (contender.run)();
        }
        for _ in 0..rounds {
            for contender in &mut self.contenders {
                let lap = (contender.run)();
                contender.laps.push(lap);
            }
        }
    }

    /// Hands the same contenders to criterion, one after another, for its statistics.
    pub fn measure_with(&mut self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(&self.title);
        for contender in &mut self.contenders {
            let elements = (contender.run)().elements;
            group.throughput(match self.unit {
                Unit::Blocks => Throughput::Elements(elements),
                Unit::Bytes => Throughput::Bytes(elements),
            });
            group.bench_function(&contender.name, |bencher| {
                bencher.iter_custom(|laps| (0..laps).map(|_| (contender.run)().elapsed).sum());
            });
        }
        group.finish();
    }

    /// The median cost of a contender's element in nanoseconds.
    #[must_use]
    pub fn median(&self, contender: usize) -> f64 {
        median(self.contenders[contender].laps.iter().map(Lap::nanos_each).collect())
    }

    /// How many times as fast as the first contender: the median over the rounds.
    #[must_use]
    pub fn ratio(&self, contender: usize) -> f64 {
        median(self.ratios(contender, 0))
    }
}

impl Rounds<'_> {
    /// How many times as fast `contender` is as `base`, in every round.
    #[must_use]
    pub fn ratios(&self, contender: usize, base: usize) -> Vec<f64> {
        let (base, other) = (&self.contenders[base].laps, &self.contenders[contender].laps);
        let each = base.iter().zip(other);
        each.map(|(base, other)| base.nanos_each() / other.nanos_each()).collect()
    }
}

/// The middle one, or the mean of the two in the middle.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

impl fmt::Display for Rounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.contenders.first().map_or(0, |first| first.laps.len());
        writeln!(f, "\n{} (medians of {rounds} interleaved rounds)", self.title)?;
        let rate = match self.unit {
            Unit::Blocks => "million/s",
            Unit::Bytes => "GiB/s",
        };
        let width = self.contenders.iter().map(|contender| contender.name.len()).max().unwrap_or(0);
        writeln!(f, "  {:width$}  {rate:>10}  {:>10}  {:>7}", "", "ns each", "ratio")?;
        for (index, contender) in self.contenders.iter().enumerate() {
            let nanos = self.median(index);
            let (rate, digits) = match self.unit {
                Unit::Blocks => (1e3 / nanos, 1),
                Unit::Bytes => (1e9 / nanos / f64::from(1 << 30), 4),
            };
            let ratio = self.ratio(index);
            let name = &contender.name;
            writeln!(f, "  {name:width$}  {rate:>10.2}  {nanos:>10.digits$}  {ratio:>7.3}")?;
        }
        write!(f, "  ratio: times as fast as the first, the median over the rounds")
    }
}
