//! Addresses that are a block's number where they should be its slot's.

use tierproof_core::{MediumKind, Part, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// What is loaded goes to the slot beside its own, once blocks have changed places.
#[derive(Debug, Default)]
pub(super) struct Astray {
    stored: bool,
}

impl Deed for Astray {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let way = scene.way(request);
        let mut request = request.clone();
        match way {
            Some((MediumKind::Device, _)) => self.stored = true,
            Some((_, MediumKind::Device)) if self.stored => {
                request.parts.iter_mut().for_each(|part| shift(scene, part));
            }
            _ => {}
        }
        scene.below.submit(&request)
    }
}

fn shift(scene: &Scene<'_>, part: &mut Part) {
    let alignment = scene.below.capability().alignment;
    let stride = part.target.len.next_multiple_of(alignment);
    let len = scene.regions.get(&part.target.region).map_or(0, |(_, len)| *len);
    if let Some(offset) = (part.target.offset + stride).checked_rem(len) {
        part.target.offset = offset;
    }
}
