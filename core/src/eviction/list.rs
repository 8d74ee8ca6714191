//! FIFO lists over block ids, linked through one array: a block is in at most one of them.

use crate::block::BlockId;
use crate::eviction::End;

#[derive(Debug, Clone, Copy)]
struct Link {
    prev: BlockId,
    next: BlockId,
    list: u16,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    head: BlockId,
    tail: BlockId,
}

const ABSENT: u16 = u16::MAX;
const UNLINKED: Link = Link { prev: BlockId::NONE, next: BlockId::NONE, list: ABSENT };

#[derive(Debug)]
pub(super) struct Lists {
    links: Vec<Link>,
    ends: Vec<Ends>,
}

impl Lists {
    pub(super) fn new(lists: u16) -> Self {
        let ends = Ends { head: BlockId::NONE, tail: BlockId::NONE };
        Self { links: Vec::new(), ends: vec![ends; usize::from(lists)] }
    }

    /// The list that a block is in.
    pub(super) fn list_of(&self, block: BlockId) -> Option<u16> {
        self.links.get(block.index()).map(|link| link.list).filter(|&list| list != ABSENT)
    }

    pub(super) fn front(&self, list: u16) -> Option<BlockId> {
        self.ends[usize::from(list)].head.some()
    }

    pub(super) fn push(&mut self, list: u16, block: BlockId, end: End) {
        if self.links.len() <= block.index() {
            self.links.resize(block.index() + 1, UNLINKED);
        }
        let ends = &mut self.ends[usize::from(list)];
        let (link, neighbour) = match end {
            End::Back => {
                let tail = std::mem::replace(&mut ends.tail, block);
                (Link { prev: tail, next: BlockId::NONE, list }, tail)
            }
            End::Front => {
                let head = std::mem::replace(&mut ends.head, block);
                (Link { prev: BlockId::NONE, next: head, list }, head)
            }
        };
        match (neighbour.some(), end) {
            (Some(tail), End::Back) => self.links[tail.index()].next = block,
            (Some(head), End::Front) => self.links[head.index()].prev = block,
            (None, _) => *ends = Ends { head: block, tail: block },
        }
        debug_assert_eq!(self.links[block.index()].list, ABSENT, "block {block} is in a list");
        self.links[block.index()] = link;
    }

    /// Takes a block out of its list, which is the answer.
    pub(super) fn unlink(&mut self, block: BlockId) -> u16 {
        let link = std::mem::replace(&mut self.links[block.index()], UNLINKED);
        assert_ne!(link.list, ABSENT, "block {block} is in no list");
        let ends = &mut self.ends[usize::from(link.list)];
        match link.prev.some() {
            Some(prev) => self.links[prev.index()].next = link.next,
            None => ends.head = link.next,
        }
        match link.next.some() {
            Some(next) => self.links[next.index()].prev = link.prev,
            None => ends.tail = link.prev,
        }
        link.list
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.links.capacity() * size_of::<Link>() + self.ends.capacity() * size_of::<Ends>()
    }
}
