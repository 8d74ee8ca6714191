//! Bytes that are not what they should be when a request has ended, and nobody checks.

use std::collections::BTreeMap;

use tierproof_core::{Completion, MediumKind, Part, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene, Way};

/// What the target holds in the end: made of what it should hold and what it held before.
type Damage = fn(now: Vec<u8>, before: &[u8]) -> Vec<u8>;

/// A part, and what its target held before.
type Overwritten = (Part, Vec<u8>);

/// The targets of parts of some ways are damaged.
#[derive(Debug)]
pub(super) struct Tamper {
    ways: fn(Way) -> bool,
    damage: Damage,
    /// Trailers are not looked at.
    unchecked: bool,
    under_way: BTreeMap<TransferId, Vec<Overwritten>>,
}

impl Tamper {
    fn with(ways: fn(Way) -> bool, damage: Damage, unchecked: bool) -> Self {
        Self { ways, damage, unchecked, under_way: BTreeMap::new() }
    }

    /// Writes to files stop half way, and are told done.
    pub(super) fn short_writes() -> Self {
        let half = |mut now: Vec<u8>, before: &[u8]| {
            let cut = now.len() / 2;
            now[cut..].copy_from_slice(&before[cut..]);
            now
        };
        Self::with(|(_, target)| target == MediumKind::File, half, false)
    }

    /// What is loaded has keys and values the other way round: right bytes, of another layout.
    pub(super) fn swapped_halves() -> Self {
        let swapped = |mut now: Vec<u8>, _: &[u8]| {
            let half = now.len() / 2;
            now.rotate_left(half);
            now
        };
        let loads = |(source, target)| source != target && target == MediumKind::Device;
        Self::with(loads, swapped, false)
    }

    /// A bit of what is stored rots; the length is right, and no loader looks further.
    pub(super) fn rotten() -> Self {
        let rotten = |mut now: Vec<u8>, _: &[u8]| {
            if let Some(byte) = now.first_mut() {
                *byte ^= 1;
            }
            now
        };
        Self::with(|(_, target)| target != MediumKind::Device, rotten, true)
    }

    /// Others truncate the file and it grows again: where a block was there are zeros.
    pub(super) fn truncated() -> Self {
        let zeros = |now: Vec<u8>, _: &[u8]| vec![0; now.len()];
        Self::with(|(_, target)| target == MediumKind::File, zeros, true)
    }

    /// Nothing is read from files, and what the target held is taken for what was to be read.
    pub(super) fn unread() -> Self {
        let nothing = |_, before: &[u8]| before.to_vec();
        Self::with(|(source, _)| source == MediumKind::File, nothing, true)
    }

    fn strike(&self, scene: &mut Scene<'_>, (part, before): &Overwritten) {
        if let Some(now) = scene.bytes(part.target) {
            scene.replace(part.target, &(self.damage)(now, before));
        }
    }
}

impl Deed for Tamper {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let struck = |part: &&Part| scene.way_of(part).is_some_and(self.ways);
        let parts: Vec<Part> = request.parts.iter().filter(struck).copied().collect();
        let mut before = Vec::new();
        for part in parts {
            before.extend(scene.bytes(part.target).map(|bytes| (part, bytes)));
        }
        let mut request = request.clone();
        if self.unchecked {
            request.parts.iter_mut().for_each(|part| part.check = None);
        }
        let id = scene.below.submit(&request)?;
        self.under_way.insert(id, before);
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for completion in scene.ended()? {
            let parts = self.under_way.remove(&completion.id).unwrap_or_default();
            if completion.faults.is_empty() {
                parts.iter().for_each(|part| self.strike(scene, part));
            }
            done.push(completion);
        }
        Ok(())
    }
}
