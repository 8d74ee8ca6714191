//! What a prompt has come to so far, as chained block ids.

use crate::draw::fold;

/// Block ids of which each names itself and all before it.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    ids: Vec<u64>,
}

impl History {
    /// Continues by `blocks` blocks of the content called `content`. The same content after the
    /// same history has the same ids.
    pub(super) fn say(&mut self, content: u64, blocks: u64) {
        for block in 0..blocks {
            let before = self.ids.last().copied().unwrap_or(0);
            self.ids.push(fold(before, fold(content, block)));
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.ids.len() as u64
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.ids.clone()
    }
}
