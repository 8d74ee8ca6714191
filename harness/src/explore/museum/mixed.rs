//! Ends that are another request's.

use std::collections::BTreeSet;

use tierproof_core::{Completion, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// When something ends, the end of something else is told, too or instead.
#[derive(Debug)]
pub(super) struct Mixed {
    /// Two requests have one end; else each has the other's.
    shared: bool,
    /// Not told yet, in the order in which they were asked for.
    open: Vec<TransferId>,
    told: BTreeSet<TransferId>,
}

impl Mixed {
    /// Whoever was asked for last is told to have ended when anything does.
    pub(super) fn up() -> Self {
        Self { shared: false, open: Vec::new(), told: BTreeSet::new() }
    }

    /// Two requests are put into one batch, and end when the first does.
    pub(super) fn shared() -> Self {
        Self { shared: true, ..Self::up() }
    }

    fn tell(&mut self, completion: Completion, done: &mut Vec<Completion>) {
        self.open.retain(|id| *id != completion.id);
        self.told.insert(completion.id);
        done.push(completion);
    }
}

impl Deed for Mixed {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        self.open.push(id);
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for completion in scene.ended()? {
            let other = self.open.iter().rev().copied().find(|id| *id != completion.id);
            let known = self.open.contains(&completion.id) || self.told.contains(&completion.id);
            let (id, at) = (completion.id, completion.at);
            match other {
                _ if !known => done.push(completion),
                // The other's end is told in its place when that comes.
                Some(other) if !self.shared => {
                    if completion.faults.is_empty() {
                        self.tell(Completion { id: other, ..completion }, done);
                    } else if !self.told.contains(&id) {
                        self.tell(completion, done);
                    }
                }
                _ => {
                    if !self.told.contains(&id) {
                        self.tell(completion, done);
                    }
                    if let Some(id) = other {
                        self.tell(Completion { id, at, faults: Vec::new() }, done);
                    }
                }
            }
        }
        Ok(())
    }
}
