//! Offline jobs.

use super::history::History;
use crate::arrival::Arrival;
use crate::draw::Draws;
use tierproof_core::Nanos;

/// Passes over the items of a job.
const PASSES: u64 = 3;

/// One job after the other. A job has a template and many items, and goes over all items several
/// times, each time with one more question behind the item: the same order every time, which is
/// the worst case of "least recently used". All requests of a job arrive at once.
#[derive(Debug)]
pub struct Batch {
    draws: Draws,
    job: u64,
    pass: u64,
    item: u64,
    now: Nanos,
}

impl Batch {
    /// The jobs of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let draws = Draws::new(seed).stream(u64::from_be_bytes(*b"batch   "));
        Self { draws, job: 0, pass: 0, item: 0, now: Nanos::ZERO }
    }

    fn prompt(&self) -> History {
        let job = self.draws.stream(1).stream(self.job);
        let mut prompt = History::default();
        prompt.say(job.at(0), self.draws.stream(2).between(self.job, 4, 12));
        prompt.say(job.stream(1).at(self.item), job.stream(2).between(self.item, 1, 6));
        for pass in 0..=self.pass {
            prompt.say(job.stream(3).at(pass), 1);
        }
        prompt
    }

    /// To the next item, the next pass, the next job.
    fn advance(&mut self) {
        self.item += 1;
        if self.item < self.draws.stream(3).between(self.job, 32, 256) {
            return;
        }
        self.item = 0;
        self.pass += 1;
        if self.pass == PASSES {
            self.pass = 0;
            self.job += 1;
            self.now += Nanos::from_millis(60_000);
        }
    }
}

impl Iterator for Batch {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let arrival = Arrival::of_hashes(self.now, self.prompt().ids());
        self.advance();
        Some(arrival)
    }
}
