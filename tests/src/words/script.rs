//! A plan as it is written down, operation by operation.

use tierproof::lockstep::plan::{Op, Plan};

use super::{Config, Request};

/// A plan to be continued.
#[derive(Debug, Clone)]
pub struct Script(Plan);

impl Script {
    /// Nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self(Plan::new(config.0, Vec::new()))
    }

    /// One operation more.
    #[must_use]
    pub fn then(mut self, op: Op) -> Self {
        self.0.ops.push(op);
        self
    }

    /// A request comes.
    #[must_use]
    pub fn admit(self, request: Request) -> Self {
        self.then(request.op())
    }

    /// A request comes and goes.
    #[must_use]
    pub fn visit(self, request: Request) -> Self {
        let id = request.id();
        self.admit(request).remove(id)
    }

    /// A request generates tokens.
    #[must_use]
    pub fn generate(self, request: u64, tokens: &[i32]) -> Self {
        tokens.iter().fold(self, |script, token| script.then(Op::Append { request, token: *token }))
    }

    /// A request takes tokens back.
    #[must_use]
    pub fn rewind(self, request: u64, tokens: usize) -> Self {
        self.then(Op::Rewind { request, tokens })
    }

    /// A request's prompt can be found.
    #[must_use]
    pub fn store(self, request: u64) -> Self {
        self.then(Op::Store { request })
    }

    /// What a request has just filled can be found.
    #[must_use]
    pub fn store_new(self, request: u64) -> Self {
        self.then(Op::StoreNew { request })
    }

    /// A request ends.
    #[must_use]
    pub fn remove(self, request: u64) -> Self {
        self.then(Op::Remove { request })
    }

    /// A request's blocks are pinned.
    #[must_use]
    pub fn pin(self, request: u64) -> Self {
        self.then(Op::Pin { request })
    }

    /// A pin ends.
    #[must_use]
    pub fn unpin(self, pin: usize) -> Self {
        self.then(Op::Unpin { pin })
    }

    /// A block of the first window is sent down.
    #[must_use]
    pub fn offload(self, request: u64, index: usize) -> Self {
        self.then(Op::Offload { request, window: 0, index })
    }

    /// A block of the first window is fetched.
    #[must_use]
    pub fn onboard(self, request: u64, index: usize) -> Self {
        self.then(Op::Onboard { request, window: 0, index })
    }

    /// Time passes.
    #[must_use]
    pub fn advance(self, millis: u64) -> Self {
        self.then(Op::Advance { millis })
    }

    /// The plan.
    ///
    /// # Panics
    /// If no manager could be built for it.
    #[must_use]
    pub fn plan(self) -> Plan {
        self.0.validate().expect("scripts are valid");
        self.0
    }
}
