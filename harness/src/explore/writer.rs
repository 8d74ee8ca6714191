//! How wishes become operations: by asking the model what exists at that moment.

use crate::lockstep::model::{Model, Outcome};
use crate::lockstep::plan::{Op, PlanAdd, PlanConfig};

use super::wish::{Kind, Wish};

/// Turns wishes into operations.
#[derive(Debug)]
pub struct Writer {
    swarm: u16,
    ops: Vec<Op>,
    /// What the operations so far have led to.
    model: Model,
    tokens_per_block: usize,
    next: u64,
    pins: usize,
}

impl Writer {
    /// Nothing written yet. Bits of `swarm` leave kinds of operations out.
    #[must_use]
    pub fn new(config: &PlanConfig, swarm: u16) -> Self {
        Self {
            swarm,
            ops: Vec::new(),
            model: Model::new(config),
            tokens_per_block: config.tokens_per_block,
            next: 0,
            pins: 0,
        }
    }

    /// Appends what the wish comes to, if there is something to do it to.
    pub fn write(&mut self, wish: &Wish) {
        if !self.in_swarm(&wish.kind) {
            return;
        }
        for op in self.ops_of(wish).unwrap_or_default() {
            if let Op::Append { request, .. } = op
                && !self.fetch_last(request)
            {
                return;
            }
            self.push(op);
        }
    }

    /// What was written.
    #[must_use]
    pub fn ops(self) -> Vec<Op> {
        self.ops
    }

    fn push(&mut self, op: Op) -> Outcome {
        let outcome = self.model.apply(&op);
        if matches!(op, Op::Pin { .. }) && outcome == Outcome::Done {
            self.pins += 1;
        }
        self.ops.push(op);
        outcome
    }

    /// Tokens are computed on the device: a half full last block that was sent down is fetched
    /// before the sequence grows. False where that can't be: without room, or in another beam than
    /// the first, which no operation can name.
    fn fetch_last(&mut self, request: u64) -> bool {
        let mut below = Vec::new();
        let Some(tokens) = self.model.requests.get(&request).map(|live| live.len()) else {
            return true;
        };
        if tokens.is_multiple_of(self.tokens_per_block) {
            return true;
        }
        for (number, window) in self.model.windows.iter().enumerate() {
            let held = &window.held[&request].blocks;
            let index = held.len() - 1;
            for (beam, block) in held[index].iter().enumerate() {
                match (window.blocks[*block].tier, beam) {
                    (0, _) => {}
                    (_, 0) => below.push(Op::Onboard { request, window: number, index }),
                    _ => return false,
                }
            }
        }
        below.into_iter().all(|op| self.push(op) == Outcome::Done)
    }

    /// The operations, or nothing without a live request to do them to.
    fn ops_of(&mut self, wish: &Wish) -> Option<Vec<Op>> {
        let request = self.request(wish);
        let op = match &wish.kind {
            Kind::Add(add) => {
                let request = if wish.wild { u64::from(wish.who % 8) } else { self.next };
                self.next += 1;
                Op::Add(PlanAdd { request, ..PlanAdd::clone(add) })
            }
            Kind::Append => return Some(appends(request?, wish)),
            Kind::Speculate => return Some(speculation(request?, wish)),
            Kind::Rewind => Op::Rewind { request: request?, tokens: usize::from(wish.amount / 3) },
            Kind::Store => Op::Store { request: request? },
            Kind::StoreNew => Op::StoreNew { request: request? },
            Kind::Remove => Op::Remove { request: request? },
            Kind::Pin => Op::Pin { request: request? },
            Kind::Unpin if self.pins == 0 && !wish.wild => return None,
            Kind::Unpin => Op::Unpin { pin: usize::from(wish.who) % (self.pins + 1) },
            Kind::Offload => {
                let (request, window, index) = self.block(wish, |tier| tier == 0)?;
                Op::Offload { request, window, index }
            }
            Kind::Onboard => {
                let (request, window, index) = self.block(wish, |tier| tier > 0)?;
                Op::Onboard { request, window, index }
            }
            Kind::Advance => Op::Advance { millis: u64::from(wish.amount) },
            Kind::Settle => Op::Settle { request: request? },
            Kind::Drain => Op::Drain,
            Kind::Step => Op::Step,
        };
        Some(vec![op])
    }

    fn in_swarm(&self, kind: &Kind) -> bool {
        kind.bit().is_none_or(|bit| self.swarm & (1 << bit) == 0)
    }

    /// One of the live requests.
    fn request(&self, wish: &Wish) -> Option<u64> {
        if wish.wild {
            return Some(u64::from(wish.who % 8));
        }
        let live = &self.model.requests;
        let which = usize::from(wish.who).checked_rem(live.len())?;
        live.keys().nth(which).copied()
    }

    /// One of the blocks of live requests that are in such a tier.
    fn block(&self, wish: &Wish, wanted: impl Fn(usize) -> bool) -> Option<(u64, usize, usize)> {
        if wish.wild {
            let (window, index) = (usize::from(wish.which % 3), usize::from(wish.amount));
            return Some((u64::from(wish.who % 8), window, index));
        }
        let mut blocks = Vec::new();
        for (number, window) in self.model.windows.iter().enumerate() {
            for (request, held) in &window.held {
                for (index, beams) in held.blocks.iter().enumerate() {
                    if wanted(window.blocks[beams[0]].tier) {
                        blocks.push((*request, number, index));
                    }
                }
            }
        }
        let which = usize::from(wish.who).checked_rem(blocks.len())?;
        Some(blocks[which])
    }
}

/// Some tokens, all alike.
fn appends(request: u64, wish: &Wish) -> Vec<Op> {
    let append = Op::Append { request, token: token(wish.which) };
    vec![append; 1 + usize::from(wish.amount / 2)]
}

/// Some tokens; what they filled is stored; some of them are taken back.
fn speculation(request: u64, wish: &Wish) -> Vec<Op> {
    let mut ops = appends(request, wish);
    let tokens = usize::from(wish.which) % (ops.len() + 1);
    ops.extend([Op::StoreNew { request }, Op::Rewind { request, tokens }]);
    ops
}

/// Most tokens that are generated are alike, too.
fn token(which: u8) -> i32 {
    [0, 0, 0, 0, 1, 2][usize::from(which % 6)]
}
