//! The floor: a prefix cache that is a hash table and a linked list of indices, and nothing else.

use hashbrown::HashTable;

#[derive(Debug, Clone, Copy)]
struct Node {
    key: u64,
    before: u32,
    after: u32,
}

/// LRU over blocks with 64-bit keys: no tree, no tiers, no events, no priorities.
#[derive(Debug)]
pub struct BareLru {
    table: HashTable<u32>,
    /// The last node is the list's head and tail.
    nodes: Vec<Node>,
    used: u32,
    held: Vec<u32>,
    hits: u64,
}

fn hash(key: u64) -> u64 {
    (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl BareLru {
    /// A cache of `blocks` blocks.
    #[must_use]
    pub fn new(blocks: u32) -> Self {
        let anchor = Node { key: 0, before: blocks, after: blocks };
        Self {
            table: HashTable::with_capacity(blocks as usize + 1),
            nodes: vec![anchor; blocks as usize + 1],
            used: 0,
            held: Vec::new(),
            hits: 0,
        }
    }

    /// One request: takes its leading blocks that are here, then room for the rest, and releases
    /// all from last to first.
    pub fn serve(&mut self, ids: &[u64]) {
        let found = ids.iter().take_while(|&&id| self.take_found(id)).count();
        self.hits += found as u64;
        for &id in &ids[found..] {
            let node = self.take_room();
            self.nodes[node as usize].key = id;
            let nodes = &self.nodes;
            self.table.insert_unique(hash(id), node, |&node| hash(nodes[node as usize].key));
            self.held.push(node);
        }
        while let Some(node) = self.held.pop() {
            self.link_last(node);
        }
    }

    /// Blocks found so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    fn take_found(&mut self, id: u64) -> bool {
        let nodes = &self.nodes;
        let found = self.table.find(hash(id), |&node| nodes[node as usize].key == id).copied();
        if let Some(node) = found {
            self.unlink(node);
            self.held.push(node);
        }
        found.is_some()
    }

    fn take_room(&mut self) -> u32 {
        let anchor = self.nodes.len() as u32 - 1;
        if self.used < anchor {
            self.used += 1;
            return self.used - 1;
        }
        let victim = self.nodes[anchor as usize].after;
        assert_ne!(victim, anchor, "the request is larger than the cache");
        self.unlink(victim);
        let key = self.nodes[victim as usize].key;
        let entry = self.table.find_entry(hash(key), |&node| node == victim);
        entry.expect("every used node is in the table").remove();
        victim
    }

    fn unlink(&mut self, node: u32) {
        let Node { before, after, .. } = self.nodes[node as usize];
        self.nodes[before as usize].after = after;
        self.nodes[after as usize].before = before;
    }

    fn link_last(&mut self, node: u32) {
        let anchor = self.nodes.len() - 1;
        let last = std::mem::replace(&mut self.nodes[anchor].before, node);
        self.nodes[last as usize].after = node;
        let linked = &mut self.nodes[node as usize];
        (linked.before, linked.after) = (last, anchor as u32);
    }
}
