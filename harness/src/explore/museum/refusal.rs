//! Refusals that have an effect.

use std::collections::BTreeSet;

use tierproof_core::{Completion, Error, ErrorKind, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// One request in so many is refused.
const EVERY: u64 = 3;
/// So many are submitted before what was refused is carried out.
const AFTER: u64 = 2;

/// What is refused is carried out all the same, later.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    asked: u64,
    leftovers: Vec<(u64, TransferRequest)>,
    silent: BTreeSet<TransferId>,
}

impl Deed for Dirty {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        self.asked += 1;
        let asked = self.asked;
        for (_, leftover) in self.leftovers.extract_if(.., |(due, _)| *due <= asked) {
            self.silent.extend(scene.below.submit(&leftover));
        }
        if asked.is_multiple_of(EVERY) {
            self.leftovers.push((asked + AFTER, request.clone()));
            return Err(Error::new(ErrorKind::Device, "no entry of the pool is left"));
        }
        scene.below.submit(request)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        let silent = &mut self.silent;
        done.extend(scene.ended()?.into_iter().filter(|ended| !silent.remove(&ended.id)));
        Ok(())
    }
}

/// What failed keeps its place in a pool for ever. Once none is left, everything is refused.
#[derive(Debug)]
pub(super) struct Leak {
    places: usize,
}

impl Leak {
    /// So many may fail.
    pub(super) fn of(places: usize) -> Self {
        Self { places }
    }
}

impl Deed for Leak {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        if self.places == 0 {
            return Err(Error::new(ErrorKind::Busy, "the pool is exhausted"));
        }
        scene.below.submit(request)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        let first = done.len();
        scene.below.poll(done)?;
        let failed = done[first..].iter().filter(|completion| !completion.faults.is_empty());
        self.places = self.places.saturating_sub(failed.count());
        Ok(())
    }
}
