//! A request to be changed.

use tierproof::lockstep::plan::{
    Op, PlanAdd, PlanMode, PlanMultimodal, PlanPrompt, PlanRange, PlanRetention, PlanTokens,
};

/// An image at these tokens.
#[must_use]
pub fn image(hash: i32, start: usize, len: usize) -> PlanMultimodal {
    PlanMultimodal { hash: [hash; 8], start, len }
}

/// A request to be changed: one beam, no retention.
#[derive(Debug, Clone)]
pub struct Request {
    add: PlanAdd,
    tokens: PlanTokens,
}

impl Request {
    /// A prompt of tokens.
    #[must_use]
    pub fn of(request: u64, tokens: impl Into<Vec<i32>>) -> Self {
        let add = PlanAdd {
            request,
            prompt: PlanPrompt::Hashes(Vec::new()),
            beams: 1,
            cross_attention: false,
            retention: PlanRetention::default(),
        };
        Self { add, tokens: PlanTokens { tokens: tokens.into(), ..PlanTokens::default() } }
    }

    /// A prompt of hashes.
    #[must_use]
    pub fn hashes(request: u64, hashes: &[u64]) -> Self {
        let mut all = Self::of(request, []);
        all.add.prompt = PlanPrompt::Hashes(hashes.to_vec());
        all
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.add.request
    }

    /// How many beams.
    #[must_use]
    pub fn beams(mut self, beams: usize) -> Self {
        self.add.beams = beams;
        self
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: u32) -> Self {
        self.tokens.tenant = tenant;
        self
    }

    /// An adapter.
    #[must_use]
    pub fn lora(mut self, lora: u64) -> Self {
        self.tokens.lora = Some(lora);
        self
    }

    /// Images behind some of the tokens.
    #[must_use]
    pub fn images(mut self, items: &[PlanMultimodal]) -> Self {
        self.tokens.multimodal = items.to_vec();
        self
    }

    /// The tokens `start..end` have this priority.
    #[must_use]
    pub fn range(self, start: usize, end: usize, priority: u8) -> Self {
        self.ranged(PlanRange { start, end: Some(end), priority, duration_ms: None })
    }

    /// The tokens `start..end` have this priority for so long.
    #[must_use]
    pub fn timed(self, start: usize, end: usize, priority: u8, millis: u64) -> Self {
        self.ranged(PlanRange { start, end: Some(end), priority, duration_ms: Some(millis) })
    }

    fn ranged(mut self, range: PlanRange) -> Self {
        self.add.retention.ranges.push(range);
        self
    }

    /// Generated tokens have this priority.
    #[must_use]
    pub fn decode(mut self, priority: u8) -> Self {
        self.add.retention.decode_priority = priority;
        self
    }

    /// Blocks may go to files through the system.
    #[must_use]
    pub fn files(self, directory: &str) -> Self {
        self.mode(PlanMode::Posix, directory)
    }

    /// Blocks may go to files directly.
    #[must_use]
    pub fn gds(self, directory: &str) -> Self {
        self.mode(PlanMode::Gds, directory)
    }

    fn mode(mut self, mode: PlanMode, directory: &str) -> Self {
        self.add.retention.mode = mode;
        self.add.retention.directory = directory.to_owned();
        self
    }

    /// The operation that adds it.
    #[must_use]
    pub fn op(mut self) -> Op {
        if self.add.prompt == PlanPrompt::Hashes(Vec::new()) {
            self.add.prompt = PlanPrompt::Tokens(self.tokens);
        }
        Op::Add(self.add)
    }
}
