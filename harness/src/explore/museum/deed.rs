//! What a misdeed may change, and what it sees.

use std::collections::BTreeMap;
use std::fmt;

use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, MediumKind, Nanos, Part, RegionId, Result, TransferId,
    TransferRequest,
};

/// What a request moves between: its source's medium and its target's. All parts of one are alike.
pub(super) type Way = (MediumKind, MediumKind);

/// The backend that a misdeed is committed to.
pub(super) struct Scene<'a> {
    pub(super) below: &'a mut dyn Backend,
    pub(super) regions: &'a BTreeMap<RegionId, (MediumKind, Bytes)>,
}

/// A misdeed: a backend's calls, each of which may do something else than asked.
pub(super) trait Deed: fmt::Debug {
    fn fill(&mut self, scene: &mut Scene<'_>, target: Descriptor, bytes: &[u8]) -> Result<()> {
        scene.below.fill(target, bytes)
    }

    fn peek(&mut self, scene: &mut Scene<'_>, source: Descriptor, out: &mut [u8]) -> Result<()> {
        scene.below.peek(source, out)
    }

    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        scene.below.submit(request)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        scene.below.poll(done)
    }

    fn park(&mut self, scene: &mut Scene<'_>, until: Nanos) -> Nanos {
        scene.below.park(until)
    }
}

impl Scene<'_> {
    /// The time.
    pub(super) fn now(&mut self) -> Nanos {
        self.below.park(Nanos::ZERO)
    }

    /// Where the parts of a request move. Nowhere if it has none, or they are in no known region.
    pub(super) fn way(&self, request: &TransferRequest) -> Option<Way> {
        request.parts.first().and_then(|part| self.way_of(part))
    }

    /// Where a part moves.
    pub(super) fn way_of(&self, part: &Part) -> Option<Way> {
        let kind = |at: Descriptor| self.regions.get(&at.region).map(|(kind, _)| *kind);
        Some((kind(part.source)?, kind(part.target)?))
    }

    /// The bytes of a range, unless a transfer writes them.
    pub(super) fn bytes(&mut self, at: Descriptor) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(at.len).ok()?];
        self.below.peek(at, &mut bytes).ok().map(|()| bytes)
    }

    /// Replaces the bytes of a range. A range that a transfer uses stays as it is: there the misdeed
    /// is not committed.
    pub(super) fn replace(&mut self, at: Descriptor, bytes: &[u8]) {
        let _ = self.below.fill(at, bytes);
    }

    /// What ended below since the last time.
    pub(super) fn ended(&mut self) -> Result<Vec<Completion>> {
        let mut ended = Vec::new();
        self.below.poll(&mut ended).map(|()| ended)
    }
}

/// Whether two ranges share a byte.
pub(super) fn overlap(a: Descriptor, b: Descriptor) -> bool {
    let end = |at: Descriptor| at.offset.saturating_add(at.len);
    a.region == b.region && a.offset < end(b) && b.offset < end(a)
}
