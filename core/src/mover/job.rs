//! Jobs: moves that were ordered and have not ended, by number.

use super::{Spot, Way};
use crate::block::Tier;
use crate::order::Move;
use crate::transfer::Fault;
use crate::units::Nanos;
use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

/// Numbers jobs in the order of their decisions.
pub(super) type Seq = u64;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) moved: Move,
    /// Unfinished jobs that this one waits for, and those that wait for it.
    pub(super) waits: u32,
    pub(super) waiting: Vec<Waiting>,
    pub(super) attempt: u8,
    /// Parts of the present attempt not yet ended.
    pub(super) parts_left: u32,
    /// Parts of the present attempt handed to the backend so far, of how many.
    pub(super) boarded: usize,
    pub(super) pools: usize,
    pub(super) fault: Option<Fault>,
    /// Until when the present attempt may be refused; since it was first offered.
    pub(super) give_up_at: Option<Nanos>,
    /// The content that it is to move was lost before it came here.
    pub(super) doomed: bool,
    /// Its target is to be written anew, so what becomes of it is no news.
    pub(super) stale: bool,
    pub(super) finished: bool,
}

/// A later job that waits for an earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) seq: Seq,
    /// It moves on what the earlier one brings.
    pub(super) feeds: bool,
}

impl Job {
    /// A job whose move waits for `waits` others.
    pub(super) fn new(moved: Move, pools: usize, waits: u32, doomed: bool) -> Self {
        Self {
            moved,
            waits,
            waiting: Vec::new(),
            attempt: 1,
            parts_left: 0,
            boarded: 0,
            pools,
            fault: None,
            give_up_at: None,
            doomed,
            stale: false,
            finished: false,
        }
    }

    /// Source and target.
    pub(super) fn spots(&self) -> [Spot; 2] {
        [self.moved.source, self.moved.target].map(|place| Spot::new(self.moved.window, place))
    }

    pub(super) fn way(&self) -> Way {
        Way::of(&self.moved)
    }
}

/// Jobs from number `first` on; finished ones leave at the front.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    list: VecDeque<Job>,
    first: Seq,
}

impl Index<Seq> for Jobs {
    type Output = Job;
    fn index(&self, seq: Seq) -> &Job {
        &self.list[(seq - self.first) as usize]
    }
}

impl IndexMut<Seq> for Jobs {
    fn index_mut(&mut self, seq: Seq) -> &mut Job {
        &mut self.list[(seq - self.first) as usize]
    }
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of the next job.
    pub(super) fn next(&self) -> Seq {
        self.first + self.list.len() as Seq
    }

    pub(super) fn push(&mut self, job: Job) {
        self.list.push_back(job);
    }

    /// Forgets finished jobs that none before them keeps here.
    pub(super) fn retire(&mut self) {
        while self.list.front().is_some_and(|job| job.finished) {
            self.list.pop_front();
            self.first += 1;
        }
    }
}

/// Comes by the probes of a move that waits for `before` others, of which one `brings` its content.
pub(super) fn note_order(moved: &Move, brings: bool, before: usize) {
    let (from, to) = (moved.source.tier, moved.target.tier);
    sometimes!(before > 1, "a move waits for several");
    sometimes!(brings && moved.tokens.is_some(), "tokens are copied from a block in flight");
    sometimes!(
        brings && from == Tier::Device && to != from,
        "a block is evicted while its load is in flight"
    );
    sometimes!(
        brings && from == Tier::Host && to == Tier::Disk,
        "a block is demoted while its offload is in flight"
    );
    sometimes!(
        brings && from != Tier::Device && to == Tier::Device,
        "a block is loaded while its offload is in flight"
    );
}
