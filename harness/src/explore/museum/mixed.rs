//! Ends that are another request's.

use tierproof_core::{Completion, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// When something ends, the end of what was asked for last is told, too or instead.
#[derive(Debug)]
pub(super) struct Mixed {
    too: bool,
    /// Not told yet, in the order in which they were asked for.
    open: Vec<TransferId>,
}

impl Mixed {
    /// Two requests in flight have each other's end.
    pub(super) fn up() -> Self {
        Self { too: false, open: Vec::new() }
    }

    /// Two requests are in one batch, and end when the first does.
    pub(super) fn shared() -> Self {
        Self { too: true, open: Vec::new() }
    }

    /// Whose end is told when `ended` is what ended.
    fn told(&self, ended: &Completion) -> [Option<TransferId>; 2] {
        let own = self.open.iter().copied().find(|id| *id == ended.id);
        let other = self.open.iter().rev().copied().find(|id| *id != ended.id);
        match other {
            Some(_) if self.too => [own, other],
            // Failures are told of those that failed: this is about order alone.
            Some(_) if ended.faults.is_empty() => [other, None],
            _ => [own, None],
        }
    }
}

impl Deed for Mixed {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        self.open.push(id);
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for ended in scene.ended()? {
            for id in self.told(&ended).into_iter().flatten() {
                self.open.retain(|open| *open != id);
                let faults = if id == ended.id { ended.faults.clone() } else { Vec::new() };
                done.push(Completion { id, at: ended.at, faults });
            }
        }
        Ok(())
    }
}
