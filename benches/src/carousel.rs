//! The whole engine moving bytes: prompts in a circle that is too large for the device, so that
//! every block of every request is brought from host memory and another goes there.

use crate::draw::Draw;
use std::time::Instant;
use tierproof_core::{
    Backend, BlockId, Bytes, Engine, EngineConfig, Lru, PoolShape, Prompt, Request, RequestId,
    TierBlocks, Verify, WindowConfig,
};

use crate::rounds::Lap;

/// Sizes of a carousel.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Payload bytes of a block.
    pub block: Bytes,
    /// Prompts that the device holds.
    pub on_device: u32,
    /// All prompts.
    pub prompts: u32,
    /// Blocks of a prompt.
    pub prompt: u32,
    /// What is sealed and verified.
    pub verify: Verify,
}

/// An engine and its circle of prompts.
#[derive(Debug)]
pub struct Carousel<B> {
    engine: Engine<B>,
    requests: Vec<Request>,
    contents: Vec<u8>,
    shape: Shape,
    next: usize,
    /// Where a block's bytes are read to.
    seen: Vec<u8>,
}

impl<B: Backend> Carousel<B> {
    /// An engine that has seen every prompt once.
    ///
    /// # Panics
    /// Without memory for all of it.
    #[must_use]
    pub fn new(backend: B, shape: Shape) -> Self {
        let blocks = TierBlocks {
            device: shape.on_device * shape.prompt,
            host: shape.prompts * shape.prompt,
            disk: 0,
        };
        let pools = vec![PoolShape::Opaque { bytes: shape.block }];
        let window = WindowConfig { size: 1 << 20, blocks, pools };
        let config =
            EngineConfig { windows: vec![window], verify: shape.verify, ..Default::default() };
        let engine = Engine::new(backend, config, |_| Box::new(Lru::default()));
        let request = |prompt: u32| {
            let first = u64::from(prompt * shape.prompt);
            let ids = (first..first + u64::from(shape.prompt)).collect();
            Request::new(prompt.into(), Prompt::Hashes { tenant: 0, ids })
        };
        let mut draw = Draw::new(shape.block);
        let mut carousel = Self {
            engine: engine.expect("a valid configuration, and memory for it"),
            requests: (0..shape.prompts).map(request).collect(),
            // Block `id` holds what begins at byte `id`, so that no two are alike.
            contents: (0..shape.block + u64::from(shape.prompts * shape.prompt))
                .map(|_| draw.bits() as u8)
                .collect(),
            shape,
            next: 0,
            seen: vec![0; shape.block as usize],
        };
        carousel.fill();
        carousel
    }

    fn fill(&mut self) {
        for request in &self.requests {
            self.engine.add(request).expect("the prompt fits");
            self.engine.settle(request.id).expect("the backend goes on");
            for (id, block) in ids(request).iter().zip(held(&self.engine, request.id)) {
                let at = self.engine.descriptor(0, block, 0).expect("the block exists");
                let content = &self.contents[*id as usize..][..self.shape.block as usize];
                self.engine.backend_mut().fill(at, content).expect("nothing moves");
            }
            self.engine.remove(request.id).expect("it lives");
            drop(self.engine.events());
        }
    }

    /// Serves the next `requests` prompts and answers with the bytes moved, up and down.
    ///
    /// # Panics
    /// If a block is not found, or a move fails.
    pub fn turn(&mut self, requests: usize) -> Lap {
        self.measure(requests, |stats| stats.1, |_, _| ())
    }

    /// The same, comparing every block with what it must hold; answers with the moves.
    ///
    /// # Panics
    /// If a block does not hold what it must.
    pub fn turn_and_compare(&mut self, requests: usize) -> Lap {
        self.measure(requests, |stats| stats.0, Self::compare)
    }

    fn measure(
        &mut self,
        requests: usize,
        elements: impl Fn((u64, Bytes)) -> u64,
        look: impl Fn(&mut Self, usize),
    ) -> Lap {
        let tokens = self.shape.prompt * EngineConfig::default().tokens_per_block;
        let before = self.moved();
        let start = Instant::now();
        for _ in 0..requests {
            let index = self.next;
            self.next = (index + 1) % self.requests.len();
            let request = &self.requests[index];
            self.engine.add(request).expect("the prompt fits");
            let settled = self.engine.settle(request.id).expect("the backend goes on");
            assert_eq!((settled.matched_tokens, settled.lost_from), (tokens, None));
            look(self, index);
            self.engine.remove(self.requests[index].id).expect("it lives");
            drop(self.engine.events());
        }
        self.engine.drain().expect("the backend goes on");
        let elapsed = start.elapsed();
        let after = self.moved();
        let lap = (after.0 - before.0, after.1 - before.1);
        assert!(lap.0 >= 2 * u64::from(self.shape.prompt) * (requests as u64 - 1), "all moved");
        Lap { elapsed, elements: elements(lap) }
    }

    fn compare(&mut self, index: usize) {
        let request = &self.requests[index];
        let blocks = self.engine.held(request.id, 0, 0).expect("it lives").to_vec();
        for (id, block) in ids(request).iter().zip(blocks) {
            let at = self.engine.descriptor(0, block, 0).expect("the block exists");
            self.engine.backend_mut().peek(at, &mut self.seen).expect("nothing moves");
            let content = &self.contents[*id as usize..][..self.seen.len()];
            assert!(self.seen == content, "block {block} holds other bytes");
        }
    }

    fn moved(&self) -> (u64, Bytes) {
        let stats = self.engine.transfer_stats();
        assert_eq!(stats.failed, 0);
        (stats.done, stats.bytes)
    }
}

fn held<B: Backend>(engine: &Engine<B>, request: RequestId) -> Vec<BlockId> {
    engine.held(request, 0, 0).expect("it lives").to_vec()
}

fn ids(request: &Request) -> &[u64] {
    match &request.prompt {
        Prompt::Hashes { ids, .. } => ids,
        Prompt::Tokens(_) => unreachable!("all prompts are hashes"),
    }
}
