//! What a replay leaves to the next one, and has of the one before.

use super::Replay;
use crate::payload::{Identity, NAMED_LEN};
use std::io::Write;
use tierproof_core::{BlockId, Result};

impl<W: Write> Replay<W> {
    /// Publishes what came to disk since the last time.
    pub(super) fn publish(&mut self) -> Result<()> {
        self.outcome.published += self.engine.call(|engine| engine.publish())?;
        Ok(())
    }

    /// Checks a block that an earlier replay filled: its bytes say whose they are, which must be `name`'s if
    /// given, and all of them must be that. Blocks of fewer bytes than it takes to say so are not compared.
    pub(super) fn check_inherited(
        &mut self,
        block: BlockId,
        name: Option<u64>,
        place: &str,
    ) -> Result<()> {
        if self.payload.len() < NAMED_LEN {
            return Ok(());
        }
        let source = self.engine.state().descriptor(0, block, 0)?;
        self.engine.backend_mut().peek(source, &mut self.payload)?;
        let Some(content) = Identity::of(&self.payload) else {
            self.verdicts.wrong(format!("{place}: damaged bytes of an earlier replay"));
            return Ok(());
        };
        if let Some(name) = name.filter(|&name| name != content.tag) {
            let tag = content.tag;
            self.verdicts.wrong(format!(
                "{place}: asked for {name:016x}, found {tag:016x} of an earlier replay"
            ));
        }
        self.verdicts.bytes(place, content.check(&self.payload));
        self.oracle.inherit(block, Some(content));
        Ok(())
    }
}
