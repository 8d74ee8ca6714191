//! What ends the process, or should.

use std::collections::{BTreeMap, BTreeSet};
use std::panic;

use tierproof_core::{
    Completion, Descriptor, ErrorKind, Fault, MediumKind, Result, TransferId, TransferRequest,
};

use super::deed::{Deed, Scene};

/// A block may come in once, and is asserted not to have been there before.
#[derive(Debug, Default)]
pub(super) struct Assertion {
    admitted: BTreeSet<Descriptor>,
}

impl Deed for Assertion {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        for part in &request.parts {
            let loads = scene.way_of(part).is_some_and(|(_, target)| target == MediumKind::Device);
            if !loads {
                self.admitted.remove(&part.target);
            } else if !self.admitted.insert(part.source) {
                // The hook that prints panics need not hear of this one.
                panic::resume_unwind(Box::new("assertion failed: the block is not admitted yet"));
            }
        }
        Ok(id)
    }
}

/// After the first failure of the device every request fails, and the engine works on.
#[derive(Debug, Default)]
pub(super) struct Sticky {
    failed: bool,
    parts: BTreeMap<TransferId, u32>,
}

impl Deed for Sticky {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        self.parts.insert(id, request.parts.len() as u32);
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        let device = |(_, fault): &(u32, Fault)| fault.kind == ErrorKind::Device;
        for mut completion in scene.ended()? {
            let parts = self.parts.remove(&completion.id).unwrap_or(0);
            self.failed |= completion.faults.iter().any(device);
            if self.failed {
                completion.faults =
                    (0..parts).map(|part| (part, Fault::new(ErrorKind::Device))).collect();
            }
            done.push(completion);
        }
        Ok(())
    }
}
