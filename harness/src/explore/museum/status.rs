//! Failures that are told wrong.

use std::collections::BTreeMap;

use tierproof_core::{Completion, Fault, Result, TransferId, TransferRequest};

use super::deed::{Deed, Scene};

/// Parts of a batch, below which there are several.
const BATCH: u32 = 2;

/// What is made of the failures of a request with so many parts.
type Telling = fn(u32, &mut Vec<(u32, Fault)>);

/// Failures are told otherwise than they were.
#[derive(Debug)]
pub(super) struct Status {
    telling: Telling,
    parts: BTreeMap<TransferId, u32>,
}

impl Status {
    fn told(telling: Telling) -> Self {
        Self { telling, parts: BTreeMap::new() }
    }

    /// Ends are counted, and how they ended is not looked at.
    pub(super) fn ignored() -> Self {
        Self::told(|_, faults| faults.clear())
    }

    /// The status of the last batch of a request is that of the request.
    pub(super) fn overwritten() -> Self {
        Self::told(|parts, faults| {
            let last = parts.saturating_sub(1) / BATCH * BATCH;
            faults.retain(|(part, _)| *part >= last);
        })
    }

    /// The list of failures is read as if each stood where its part does.
    pub(super) fn positional() -> Self {
        Self::told(|_, faults| {
            for (position, (part, _)) in (0..).zip(faults) {
                *part = position;
            }
        })
    }
}

impl Deed for Status {
    fn submit(&mut self, scene: &mut Scene<'_>, request: &TransferRequest) -> Result<TransferId> {
        let id = scene.below.submit(request)?;
        self.parts.insert(id, request.parts.len() as u32);
        Ok(id)
    }

    fn poll(&mut self, scene: &mut Scene<'_>, done: &mut Vec<Completion>) -> Result<()> {
        for mut completion in scene.ended()? {
            if let Some(parts) = self.parts.remove(&completion.id) {
                (self.telling)(parts, &mut completion.faults);
            }
            done.push(completion);
        }
        Ok(())
    }
}
