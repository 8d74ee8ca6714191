//! Fences: for each slot in use, the last job that writes it and those that read it since.

use super::{Seq, Spot};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Fence {
    writer: Option<Seq>,
    readers: Vec<Seq>,
}

/// Only slots that unfinished jobs touch are here.
#[derive(Debug, Default)]
pub(super) struct Fences {
    by_spot: BTreeMap<Spot, Fence>,
}

impl Fences {
    /// A new job reads `source` and writes `target`. Answers the unfinished jobs that it must wait
    /// for, each once.
    pub(super) fn pass(&mut self, seq: Seq, source: Spot, target: Spot) -> Vec<Seq> {
        let read = self.by_spot.entry(source).or_default();
        let mut before: Vec<Seq> = read.writer.into_iter().collect();
        read.readers.push(seq);
        let write = self.by_spot.entry(target).or_default();
        before.extend(write.writer.replace(seq));
        before.append(&mut write.readers);
        before.sort_unstable();
        before.dedup();
        before
    }

    /// A job has ended.
    pub(super) fn leave(&mut self, seq: Seq, source: Spot, target: Spot) {
        for spot in [source, target] {
            let Some(fence) = self.by_spot.get_mut(&spot) else { continue };
            fence.writer = fence.writer.filter(|&writer| writer != seq);
            fence.readers.retain(|&reader| reader != seq);
            if fence.writer.is_none() && fence.readers.is_empty() {
                self.by_spot.remove(&spot);
            }
        }
    }

    pub(super) fn writer(&self, spot: Spot) -> Option<Seq> {
        self.by_spot.get(&spot)?.writer
    }

    pub(super) fn busy(&self, spot: Spot) -> bool {
        self.by_spot.contains_key(&spot)
    }
}
