//! Copies that read their source when they are carried out, not when they are asked for.

use std::collections::BTreeSet;

use tierproof_core::{
    Completion, Descriptor, MediumKind, Nanos, Result, TransferId, TransferRequest,
};

use super::deed::{Deed, Scene};

/// Ids of requests that the backend has not seen yet; its own are small.
const OURS: u64 = 1 << 48;

/// Stores are told done at once and carried out when the next request comes or somebody looks.
#[derive(Debug, Default)]
pub(super) struct Late {
    next: u64,
    pending: Vec<TransferRequest>,
    told: Vec<TransferId>,
    silent: BTreeSet<TransferId>,
    ended: Vec<Completion>,
}

impl Late {
    /// Carries out what was put off, and waits for it.
    fn catch_up(&mut self, scene: &mut Scene<'_>) -> Result<()> {
        for request in std::mem::take(&mut self.pending) {
            // What is refused is lost, and nobody is told.
            let Ok(id) = scene.below.submit(&request) else { continue };
            self.silent.insert(id);
            while self.silent.contains(&id) && scene.now() < request.deadline {
                scene.below.park(request.deadline);
                self.collect(scene)?;
            }
        }
        Ok(())
    }

    fn collect(&mut self, scene: &mut Scene<'_>) -> Result<()> {
        let silent = &mut self.silent;
        self.ended.extend(scene.ended()?.into_iter().filter(|ended| !silent.remove(&ended.id)));
        Ok(())
    }
}

impl Deed for Late {
    fn peek(&mut self, scene: &mut Scene<'_>, source: Descriptor, out: &mut [u8]) -> Result<()> {
        self.catch_up(scene)?;
        scene.below.peek(source, out)
    }

    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        self.catch_up(scene)?;
        match scene.way(request) {
            Some((MediumKind::Device, MediumKind::Host)) => {
                let id = TransferId(OURS + self.next);
                self.next += 1;
                self.pending.push(request.clone());
                self.told.push(id);
                Ok(id)
            }
            _ => scene.below.submit(request),
        }
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        self.collect(scene)?;
        done.append(&mut self.ended);
        let at = scene.now();
        done.extend(self.told.drain(..).map(|id| Completion { id, at, faults: Vec::new() }));
        Ok(())
    }

    fn park(&mut self, scene: &mut Scene<'_>, until: Nanos) -> Nanos {
        let news = !self.told.is_empty() || !self.ended.is_empty();
        scene.below.park(if news { Nanos::ZERO } else { until })
    }
}
