//! What never ends.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{Completion, MediumKind, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// Parts that there is a place for.
const PLACES: usize = 2;
/// A load that always fails is tried so often before the rest of time is taken for granted.
const TRIES: u32 = 8;

/// A request with more parts than there are places for waits for the rest of them for ever.
#[derive(Debug, Default)]
pub(super) struct SmallPool {
    stuck: BTreeSet<TransferId>,
}

impl Deed for SmallPool {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        if request.parts.len() > PLACES {
            self.stuck.insert(id);
        }
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        done.extend(scene.ended()?.into_iter().filter(|ended| !self.stuck.contains(&ended.id)));
        Ok(())
    }
}

/// A load that failed is tried again, and again, and nobody is told.
#[derive(Debug, Default)]
pub(super) struct Livelock {
    loads: BTreeMap<TransferId, (TransferRequest, u32)>,
}

impl Deed for Livelock {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        if scene.way(request).is_some_and(|(from, to)| from != to && to == MediumKind::Device) {
            self.loads.insert(id, (request.clone(), 0));
        }
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for completion in scene.ended()? {
            match self.loads.remove(&completion.id) {
                // What failed once always fails: what it is to read is gone.
                Some((request, tries)) if tries > 0 || !completion.faults.is_empty() => {
                    if tries < TRIES
                        && let Ok(id) = scene.below.submit(&request)
                    {
                        self.loads.insert(id, (request, tries + 1));
                    }
                }
                _ => done.push(completion),
            }
        }
        Ok(())
    }
}
