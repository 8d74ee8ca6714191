//! The prefix tree: blocks under their parents by key.
//!
//! Most blocks are only children, so a parent finds its eldest child through its own link and only
//! the others through one table over all blocks. The table holds ids alone; keys and hashes stay in
//! the blocks. A chain of a hundred blocks costs one entry, and walks neighbours in memory.

use crate::block::{Block, BlockId, Tier};
use crate::key::{BlockKey, ChainKey};
use hashbrown::HashTable;

#[derive(Debug)]
pub(crate) struct Tree {
    /// All blocks by id, and the root behind them.
    blocks: Vec<Block>,
    table: HashTable<BlockId>,
}

impl std::ops::Index<BlockId> for Tree {
    type Output = Block;
    fn index(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }
}

impl std::ops::IndexMut<BlockId> for Tree {
    fn index_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.index()]
    }
}

impl Tree {
    pub(crate) fn new(mut blocks: Vec<Block>) -> Self {
        blocks.push(Block::new(Tier::Device, u32::MAX));
        Self { blocks, table: HashTable::new() }
    }

    pub(crate) fn root(&self) -> BlockId {
        BlockId(self.len() as u32)
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len() - 1
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = BlockId> + use<> {
        (0..self.len() as u32).map(BlockId)
    }

    /// The child of `parent` with exactly this key.
    pub(crate) fn child(&self, parent: BlockId, link: &ChainKey) -> Option<BlockId> {
        let eldest = self[parent].child.some()?;
        if self.is(eldest, link) {
            return Some(eldest);
        }
        self[eldest].next.some()?;
        let same = |&id: &BlockId| self[id].parent == parent && self.is(id, link);
        self.table.find(mix(parent, link.hash), same).copied()
    }

    fn is(&self, id: BlockId, link: &ChainKey) -> bool {
        let block = &self[id];
        block.hash == link.hash && block.key == link.key
    }

    /// The child of `parent` that `accept`s and shares the longest prefix with `key`, ties by
    /// lowest id, with the number of tokens shared.
    pub(crate) fn closest_child(
        &self,
        parent: BlockId,
        key: &BlockKey,
        accept: impl Fn(&Block) -> bool,
    ) -> Option<(BlockId, u32)> {
        // Hashes are equal or have nothing in common.
        if matches!(key, BlockKey::Hash { .. }) {
            return None;
        }
        let shared = |id| (self[id].key.common_prefix(key), id);
        self.children(parent)
            .filter(|&id| accept(&self[id]))
            .map(shared)
            .filter(|&(tokens, _)| tokens > 0)
            .max_by_key(|&(tokens, id)| (tokens, std::cmp::Reverse(id)))
            .map(|(tokens, id)| (id, tokens))
    }

    fn children(&self, parent: BlockId) -> impl Iterator<Item = BlockId> {
        let first = self[parent].child.some();
        std::iter::successors(first, |&id| self[id].next.some())
    }

    /// Hangs a block under `parent` by a key that no other child there has.
    pub(crate) fn insert(&mut self, id: BlockId, parent: BlockId, link: &ChainKey) {
        debug_assert!(!self[id].findable() && self[id].child == BlockId::NONE);
        let eldest = self[parent].child;
        let block = &mut self[id];
        block.key = link.key.clone();
        block.hash = link.hash;
        block.parent = parent;
        block.prev = eldest;
        if eldest == BlockId::NONE {
            block.next = BlockId::NONE;
            self[parent].child = id;
            return;
        }
        // Behind the eldest, which stays where its parent finds it.
        let next = std::mem::replace(&mut self[eldest].next, id);
        self[id].next = next;
        if next != BlockId::NONE {
            self[next].prev = id;
        }
        self[id].indexed = true;
        let blocks = &self.blocks;
        let hash_of = |&id: &BlockId| {
            let block = &blocks[id.index()];
            mix(block.parent, block.hash)
        };
        self.table.insert_unique(mix(parent, link.hash), id, hash_of);
    }

    /// Takes a block without children out.
    pub(crate) fn remove(&mut self, id: BlockId) {
        let block = &mut self[id];
        debug_assert!(block.findable() && block.child == BlockId::NONE);
        let parent = std::mem::replace(&mut block.parent, BlockId::NONE);
        let prev = std::mem::replace(&mut block.prev, BlockId::NONE);
        let next = std::mem::replace(&mut block.next, BlockId::NONE);
        let hash = block.hash;
        if std::mem::take(&mut block.indexed) {
            let entry = self.table.find_entry(mix(parent, hash), |&other| other == id);
            entry.expect("an indexed block is in the table").remove();
        }
        match prev.some() {
            Some(prev) => self[prev].next = next,
            None => self[parent].child = next,
        }
        if next != BlockId::NONE {
            self[next].prev = prev;
        }
    }

    /// A block and all beneath it: descendants first, siblings by ascending id.
    pub(crate) fn subtree(&self, id: BlockId) -> Vec<BlockId> {
        let mut order = Vec::new();
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            order.push(id);
            let first = stack.len();
            stack.extend(self.children(id));
            stack[first..].sort_unstable();
        }
        order.reverse();
        order
    }

    /// Bytes that blocks and table take.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>() + self.table.allocation_size()
    }
}

fn mix(parent: BlockId, hash: u64) -> u64 {
    let mixed = (hash ^ (u64::from(parent.0) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}
