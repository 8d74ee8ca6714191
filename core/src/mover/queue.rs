//! Jobs that may start, by the way they take: a way that is full or refused does not hold up others.

use super::job::Seq;
use crate::block::Tier;
use crate::order::Move;
use crate::transfer::TransferMode;
use crate::units::Nanos;
use std::collections::{BTreeMap, VecDeque};

/// How content goes. All parts of a request go one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    source: Tier,
    target: Tier,
    pub(super) mode: TransferMode,
}

impl Way {
    pub(super) fn of(moved: &Move) -> Self {
        let (source, target) = (moved.source.tier, moved.target.tier);
        let files = source == Tier::Disk || target == Tier::Disk;
        let mode = match (files, moved.gds) {
            (false, _) => TransferMode::Dram,
            (true, true) => TransferMode::Gds,
            (true, false) => TransferMode::Posix,
        };
        Self { source, target, mode }
    }
}

/// The jobs of one way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) ready: VecDeque<Seq>,
    /// Parts that the backend works on.
    pub(super) parts_in_flight: u32,
    /// When a refused request is to be offered again.
    pub(super) again_at: Option<Nanos>,
}

/// The jobs of every way that was ever taken.
#[derive(Debug, Default)]
pub(super) struct Queues(BTreeMap<Way, Queue>);

impl Queues {
    pub(super) fn of(&mut self, way: Way) -> &mut Queue {
        self.0.entry(way).or_default()
    }

    /// The way of the oldest job at the front of a queue, those that are `stuck` left out.
    pub(super) fn next(&self, stuck: &[Way]) -> Option<Way> {
        let fronts = self.0.iter().filter(|(way, _)| !stuck.contains(way));
        let fronts = fronts.filter_map(|(&way, queue)| Some((*queue.ready.front()?, way)));
        fronts.min().map(|(_, way)| way)
    }

    /// Takes the jobs for which `out` holds off their ways.
    pub(super) fn withdraw(&mut self, out: impl Fn(Seq) -> bool, withdrawn: &mut VecDeque<Seq>) {
        for queue in self.0.values_mut() {
            queue.ready.retain(|&seq| {
                let goes = out(seq);
                withdrawn.extend(goes.then_some(seq));
                !goes
            });
        }
    }

    /// When the first refused request is to be offered again.
    pub(super) fn again_at(&self) -> Option<Nanos> {
        let waiting = self.0.values().filter(|queue| !queue.ready.is_empty());
        waiting.filter_map(|queue| queue.again_at).min()
    }

    pub(super) fn parts_in_flight(&self) -> u32 {
        self.0.values().map(|queue| queue.parts_in_flight).sum()
    }
}
