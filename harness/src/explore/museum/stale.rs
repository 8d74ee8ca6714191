//! Stores that overtake the computation of what they store.

use tierproof_core::{Completion, Descriptor, MediumKind, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene, overlap};

/// What is computed reaches the device's memory only when somebody looks, or after the request that
/// reads it has ended.
#[derive(Debug, Default)]
pub(super) struct Stale {
    computed: Vec<(Descriptor, Vec<u8>)>,
}

impl Stale {
    /// Writes what no request reads that is `spared`. What is in use waits for the next time.
    fn catch_up(&mut self, scene: &mut Scene<'_>, spared: impl Fn(Descriptor) -> bool) {
        self.computed.retain(|(at, bytes)| spared(*at) || scene.below.fill(*at, bytes).is_err());
    }
}

impl Deed for Stale {
    fn fill(&mut self, scene: &mut Scene<'_>, target: Descriptor, bytes: &[u8]) -> Result<()> {
        let device =
            scene.regions.get(&target.region).is_some_and(|(kind, _)| *kind == MediumKind::Device);
        if device {
            self.computed.push((target, bytes.to_vec()));
            return Ok(());
        }
        scene.below.fill(target, bytes)
    }

    fn peek(&mut self, scene: &mut Scene<'_>, source: Descriptor, out: &mut [u8]) -> Result<()> {
        self.catch_up(scene, |_| false);
        scene.below.peek(source, out)
    }

    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        self.catch_up(scene, |at| request.parts.iter().any(|part| overlap(part.source, at)));
        scene.below.submit(request)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        scene.below.poll(done)?;
        if !done.is_empty() {
            self.catch_up(scene, |_| false);
        }
        Ok(())
    }
}
