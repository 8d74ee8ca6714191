//! Blocks of an earlier process that no request has come back for: on disk, evictable, not in the tree.

use super::{Demand, Window};
use crate::block::{BlockId, Spill, Tier};
use crate::event::Event;
use crate::eviction::End;
use crate::index::Found;
use crate::key::KeySpace;
use crate::order::Outbox;
use hashbrown::HashTable;

/// Blocks by their 256-bit key. Its leading bytes are as good a hash as any, since outsiders can't choose it;
/// they are the block's hash too as long as it is in here.
#[derive(Debug, Default)]
pub(crate) struct Unclaimed(HashTable<([u8; 32], BlockId)>);

fn hash_of(key: &[u8; 32]) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| key[i]))
}

impl Unclaimed {
    /// `key` is nobody's here.
    fn insert(&mut self, key: [u8; 32], block: BlockId) {
        self.0.insert_unique(hash_of(&key), (key, block), |(key, _)| hash_of(key));
    }

    fn take(&mut self, key: &[u8; 32]) -> Option<BlockId> {
        let entry = self.0.find_entry(hash_of(key), |(other, _)| other == key).ok()?;
        Some(entry.remove().0.1)
    }

    fn forget(&mut self, hash: u64, block: BlockId) {
        let entry = self.0.find_entry(hash, |&(_, other)| other == block);
        entry.expect("an unclaimed block is in the table").remove();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.allocation_size()
    }
}

impl Window {
    /// Contents of an earlier process lie in these slots, by ascending generation: the oldest is the first to
    /// leave. Only for a window that nobody has used.
    pub(crate) fn recover(&mut self, found: &[Found], out: &mut Outbox) {
        if found.is_empty() {
            return;
        }
        self.unclaimed.0.reserve(found.len(), |(key, _)| hash_of(key));
        for (slot, record) in found {
            let id = self.tiers.first_in(Tier::Disk, *slot);
            let block = &mut self.tree[id];
            block.unclaimed = true;
            block.hash = hash_of(&record.key);
            block.priority = record.priority;
            block.duration = record.duration;
            block.directory = record.directory;
            block.spill = Spill::to(record.directory, false);
            self.unclaimed.insert(record.key, id);
            self.queue(id, End::Back);
        }
        let tree = &self.tree;
        self.tiers.fill(Tier::Disk, |id| tree[id].unclaimed);
        let blocks = found.len() as u32;
        out.event(Event::Recovered { window: self.index, blocks });
    }

    /// Hangs blocks of an earlier process into the tree where a request's keys lead to them.
    pub(crate) fn graft(&mut self, demand: &Demand<'_>, keys: &KeySpace, out: &mut Outbox) {
        if self.unclaimed.0.is_empty() || !self.rules.reuse {
            return;
        }
        let mut parent = self.tree.root();
        for link in demand.chain.iter().take(demand.matchable()) {
            if let Some(child) = self.tree.child(parent, link) {
                parent = child;
                continue;
            }
            let Some(id) = self.unclaimed.take(&keys.identity(&link.key)) else { return };
            self.tree[id].unclaimed = false;
            out.event(Event::Grafted { window: self.index, block: id });
            self.hang(id, parent, link, out);
            parent = id;
        }
    }

    /// Gives up the content of an unclaimed block. `false` if it is none.
    pub(super) fn disown(&mut self, id: BlockId) -> bool {
        let block = &mut self.tree[id];
        let unclaimed = std::mem::take(&mut block.unclaimed);
        if unclaimed {
            self.unclaimed.forget(block.hash, id);
        }
        unclaimed
    }
}
