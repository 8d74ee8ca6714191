//! When a run takes its detours: some points now and then, the others never.

use std::cell::Cell;
use std::marker::PhantomData;

/// The increment of splitmix64: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// A run uses one point in so many, and that one time in so many.
const ONE_IN: u64 = 4;

/// A run with detours, on this thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    seed: u64,
    /// Tells it from other runs of one seed.
    pub(super) number: u64,
}

thread_local! {
    static RUN: Cell<Option<Run>> = const { Cell::new(None) };
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn run() -> Option<Run> {
    RUN.get()
}

impl Run {
    /// Whether a point takes its detour the `times`-th time that it is asked, from 0.
    pub(super) fn detours(self, name: &str, times: u64) -> bool {
        let point = mix(self.seed ^ mix(name_hash(name)));
        point.is_multiple_of(ONE_IN)
            && mix(point.wrapping_add(STEP.wrapping_mul(times + 1))).is_multiple_of(ONE_IN)
    }
}

/// Detours are taken as long as this lives, on this thread. A later one of the same seed takes the same
/// ones. Where one lives already it has a pause meanwhile.
///
/// ```
/// use tierproof_core::probes::Buggify;
/// let detours = Buggify::new(7);
/// // Here an engine runs.
/// drop(detours);
/// ```
#[derive(Debug)]
pub struct Buggify {
    outer: Option<Run>,
    /// A run belongs to the thread that began it.
    here: PhantomData<*const ()>,
}

impl Buggify {
    /// The detours of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let number = RUNS.get() + 1;
        RUNS.set(number);
        Self { outer: RUN.replace(Some(Run { seed, number })), here: PhantomData }
    }
}

impl Drop for Buggify {
    fn drop(&mut self) {
        RUN.set(self.outer);
    }
}

/// FNV-1a: names are short, and the finalizer mixes.
fn name_hash(name: &str) -> u64 {
    let basis = 0xcbf2_9ce4_8422_2325;
    name.bytes()
        .fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::Counts;

    const POINTS: &[&str] = &["one", "other"];

    fn answers(counts: &Counts, seed: u64) -> Vec<bool> {
        let _run = Buggify::new(seed);
        (0..200).map(|time| counts.detours(time % 2)).collect()
    }

    #[test]
    fn a_seed_answers_alike_every_time_and_others_do_not() {
        let counts = Counts::new(&[], POINTS);
        let all: Vec<Vec<bool>> = (0..100).map(|seed| answers(&counts, seed)).collect();
        assert_eq!(all, (0..100).map(|seed| answers(&counts, seed)).collect::<Vec<_>>());
        // One point in four, one time in four: of 20 000 answers one in sixteen.
        let yes = all.iter().flatten().filter(|&&yes| yes).count();
        assert!((600..2200).contains(&yes), "{yes}");
        let quiet = all.iter().filter(|answers| !answers.contains(&true)).count();
        assert!((30..80).contains(&quiet), "nine in sixteen seeds use neither point: {quiet}");
        assert_eq!(counts.all().map(|(_, times)| times).sum::<u64>(), 2 * yes as u64);
        counts.reset();
        assert_eq!(counts.all().collect::<Vec<_>>(), [("one", 0), ("other", 0)]);
    }

    #[test]
    fn outside_a_run_the_answer_is_no_and_an_inner_run_is_a_pause() {
        let counts = Counts::new(&[], POINTS);
        assert!((0..100).all(|_| !counts.detours(0)));
        let loud = (0..).find(|&seed| answers(&counts, seed).contains(&true)).unwrap();
        let outer = Buggify::new(loud);
        drop(Buggify::new(loud));
        assert_eq!(
            (0..200).map(|time| counts.detours(time % 2)).collect::<Vec<_>>(),
            answers(&counts, loud)
        );
        drop(outer);
        assert!((0..100).all(|_| !counts.detours(1)));
    }

    #[test]
    fn hits_are_counted_by_name() {
        let counts = Counts::new(&["here", "there"], &["detour"]);
        counts.hit(1);
        counts.hit(1);
        assert_eq!(counts.all().collect::<Vec<_>>(), [("here", 0), ("there", 2), ("detour", 0)]);
        const { assert!(crate::probes::site("there", &["here", "there"]) == 1) };
    }
}
