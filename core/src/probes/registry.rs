//! What one crate lists, and how often each of it was come by.

use super::detour;
use std::cell::Cell;

/// Counts of the probes and points of one crate, on one thread.
#[derive(Debug)]
pub struct Counts {
    sometimes: &'static [&'static str],
    buggify: &'static [&'static str],
    hits: Vec<Cell<u64>>,
    /// Of each point: in which run it was asked last, how often then, and how often it said yes.
    asked: Vec<Cell<(u64, u64)>>,
    detours: Vec<Cell<u64>>,
}

impl Counts {
    /// All zero.
    #[must_use]
    pub fn new(sometimes: &'static [&'static str], buggify: &'static [&'static str]) -> Self {
        Self {
            sometimes,
            buggify,
            hits: vec![Cell::new(0); sometimes.len()],
            asked: vec![Cell::new((0, 0)); buggify.len()],
            detours: vec![Cell::new(0); buggify.len()],
        }
    }

    /// Probe number `site` was come by.
    pub fn hit(&self, site: usize) {
        self.hits[site].update(|hits| hits + 1);
    }

    /// Whether point number `site` takes its detour now. Never outside a run.
    #[must_use]
    pub fn detours(&self, site: usize) -> bool {
        let Some(run) = detour::run() else { return false };
        let (last, times) = self.asked[site].get();
        let times = if last == run.number { times } else { 0 };
        self.asked[site].set((run.number, times + 1));
        let yes = run.detours(self.buggify[site], times);
        self.detours[site].update(|detours| detours + u64::from(yes));
        yes
    }

    /// Every probe, and every point that can take a detour, with how often it was.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = self.sometimes.iter().chain(self.buggify).copied();
        names.zip(self.hits.iter().chain(&self.detours).map(Cell::get))
    }

    /// All are zero again.
    pub fn reset(&self) {
        self.hits.iter().chain(&self.detours).for_each(|count| count.set(0));
    }
}

/// The number of `name` in `list`.
///
/// # Panics
/// If it is not there: while compiling, where the macros ask.
#[must_use]
pub const fn site(name: &str, list: &[&str]) -> usize {
    let mut at = 0;
    while at < list.len() {
        if equal(name.as_bytes(), list[at].as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("list this name with `probe_sites!`");
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Lists the probes and the points of a crate, in a module `probes` at its root.
#[macro_export]
macro_rules! probe_sites {
    (sometimes: [$($sometimes:literal),* $(,)?], buggify: [$($buggify:literal),* $(,)?] $(,)?) => {
        pub(crate) const SOMETIMES: &[&str] = &[$($sometimes),*];
        pub(crate) const BUGGIFY: &[&str] = &[$($buggify),*];

        std::thread_local! {
            pub(crate) static COUNTS: $crate::probes::Counts =
                $crate::probes::Counts::new(SOMETIMES, BUGGIFY);
        }

        /// Every probe and every point of this crate.
        pub fn list() -> impl Iterator<Item = &'static str> {
            SOMETIMES.iter().chain(BUGGIFY).copied()
        }

        /// How often each was come by on this thread, or took its detour, since the last reset.
        #[must_use]
        pub fn snapshot() -> Vec<(&'static str, u64)> {
            COUNTS.with(|counts| counts.all().collect())
        }

        /// All counts of this thread are zero again.
        pub fn reset() {
            COUNTS.with($crate::probes::Counts::reset);
        }
    };
}
