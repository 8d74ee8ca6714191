//! An engine whose blocks are written and read by hand.

use tierproof::lockstep::driver::{Traffic, Watch};
use tierproof_core::{
    Admission, Backend, BlockId, Engine, EngineConfig, PoolShape, PriorityLru, Prompt, Request,
    RequestId, Retention, Settled, Tier, TierBlocks, TokenPrompt, TransferMode, Verify,
    WindowConfig,
};
use tierproof_tests::words::DIRECTORY;

/// The attention size of the one window.
pub(crate) const WINDOW: u32 = 4096;

/// One window.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) blocks: TierBlocks,
    pub(crate) tokens_per_block: u32,
    pub(crate) pool: PoolShape,
    pub(crate) verify: Verify,
    pub(crate) rank: u32,
}

impl Plan {
    /// Blocks of four tokens and 4096 bytes.
    pub(crate) fn of(device: u32, host: u32, disk: u32) -> Self {
        Self {
            blocks: TierBlocks { device, host, disk },
            tokens_per_block: 4,
            pool: PoolShape::Opaque { bytes: 4096 },
            verify: Verify::All,
            rank: 0,
        }
    }

    /// Without trailers.
    pub(crate) fn unverified(mut self) -> Self {
        self.verify = Verify::Off;
        self
    }

    /// Its configuration.
    pub(crate) fn config(&self) -> EngineConfig {
        let window = WindowConfig { size: WINDOW, blocks: self.blocks, pools: vec![self.pool] };
        EngineConfig {
            windows: vec![window],
            tokens_per_block: self.tokens_per_block,
            sequence_tokens_max: WINDOW,
            reserve: 1,
            rank: self.rank,
            directories: vec![DIRECTORY.to_owned()],
            verify: self.verify,
            ..EngineConfig::default()
        }
    }
}

/// An engine.
pub(crate) struct Rig<B: Backend> {
    pub(crate) engine: Engine<Watch<B>>,
}

impl<B: Backend> Rig<B> {
    pub(crate) fn new(config: EngineConfig, backend: B) -> Self {
        let policy = |_: &WindowConfig| Box::new(PriorityLru::new(30)) as _;
        let engine = Engine::new(Watch::new(backend), config, policy);
        Self { engine: engine.expect("the configuration is valid") }
    }

    /// A request of tokens whose blocks go to files by `mode`, if any.
    pub(crate) fn add(&mut self, id: u64, tokens: Vec<i32>, mode: TransferMode) -> Admission {
        self.add_in(id, tokens, mode, DIRECTORY)
    }

    pub(crate) fn add_in(
        &mut self,
        id: u64,
        tokens: Vec<i32>,
        mode: TransferMode,
        directory: &str,
    ) -> Admission {
        let mut request = Request::new(id, Prompt::Tokens(TokenPrompt::new(tokens)));
        request.retention = Retention::default().with_files(mode, directory).expect("a short name");
        self.engine.add(&request).expect("there is room")
    }

    pub(crate) fn settle(&mut self, id: u64) -> Settled {
        self.engine.settle(RequestId(id)).expect("the request lives")
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.engine.remove(RequestId(id)).expect("the request lives");
    }

    pub(crate) fn drain(&mut self) {
        self.engine.drain().expect("the backend goes on");
    }

    pub(crate) fn offload(&mut self, block: u32) {
        self.engine.offload(0, BlockId(block)).expect("there is room below");
    }

    pub(crate) fn onboard(&mut self, block: u32) {
        self.engine.onboard(0, BlockId(block)).expect("there is room on the device");
    }

    /// Block ids of a request.
    pub(crate) fn ids(&self, id: u64) -> Vec<u32> {
        self.ids_in(0, id)
    }

    pub(crate) fn ids_in(&self, window: usize, id: u64) -> Vec<u32> {
        let held = self.engine.held(RequestId(id), window, 0).expect("the request lives");
        held.iter().map(|block| block.0).collect()
    }

    pub(crate) fn place(&self, block: u32) -> (Tier, u32) {
        let mut blocks = self.engine.blocks(0).expect("the window is there");
        let place = blocks.nth(block as usize).expect("the block is there").place;
        (place.tier, place.slot)
    }

    pub(crate) fn findable(&self, block: u32) -> bool {
        let mut blocks = self.engine.blocks(0).expect("the window is there");
        blocks.nth(block as usize).expect("the block is there").findable
    }

    /// Blocks of a tier that a request could have.
    pub(crate) fn free(&self, tier: Tier) -> usize {
        self.engine.tier_use(0, tier).expect("the window is there").free()
    }

    pub(crate) fn write(&mut self, window: usize, block: u32, bytes: &[u8]) {
        let at = self.engine.descriptor(window, BlockId(block), 0).expect("the block is there");
        self.engine.backend_mut().fill(at, bytes).expect("nothing is in flight there");
    }

    pub(crate) fn read(&mut self, window: usize, block: u32) -> Vec<u8> {
        let at = self.engine.descriptor(window, BlockId(block), 0).expect("the block is there");
        let mut bytes = vec![0; at.len as usize];
        self.engine.backend_mut().peek(at, &mut bytes).expect("nothing is in flight there");
        bytes
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.engine.backend().traffic()
    }
}

/// A block of bytes that tell `seed` and place apart.
pub(crate) fn bytes(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ seed).collect()
}
