//! Wishes, and how they become operations.

use proptest::prelude::*;

use tierproof::lockstep::model::{Model, Outcome};
use tierproof::lockstep::plan::{Op, PlanAdd, PlanConfig};

use super::Shape;
use super::request::{adds, token};

/// What a plan is to do next; `who` and `which` choose among what exists then.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    kind: Kind,
    who: u8,
    which: u8,
    amount: u8,
    /// Refer to something that perhaps never existed.
    wild: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Add(Box<PlanAdd>),
    Append,
    Speculate,
    Rewind,
    Store,
    StoreNew,
    Remove,
    Pin,
    Unpin,
    Offload,
    Onboard,
    Advance,
    Settle,
    Drain,
    Step,
}

pub(super) fn wish(shape: &Shape) -> impl Strategy<Value = Wish> + use<> {
    let add = adds(shape).prop_map(|add| Kind::Add(Box::new(add)));
    let kind = prop_oneof![
        8 => add,
        8 => Just(Kind::Append),
        2 => Just(Kind::Speculate),
        1 => Just(Kind::Rewind),
        3 => Just(Kind::Store),
        2 => Just(Kind::StoreNew),
        8 => Just(Kind::Remove),
        1 => Just(Kind::Pin),
        1 => Just(Kind::Unpin),
        3 => Just(Kind::Offload),
        3 => Just(Kind::Onboard),
        2 => Just(Kind::Advance),
        1 => Just(Kind::Settle),
        1 => Just(Kind::Drain),
        1 => Just(Kind::Step),
    ];
    (kind, any::<u8>(), any::<u8>(), 0_u8..8, prop::bool::weighted(0.03))
        .prop_map(|(kind, who, which, amount, wild)| Wish { kind, who, which, amount, wild })
}

/// Turns wishes into operations.
pub(super) struct Writer {
    swarm: u16,
    pub(super) ops: Vec<Op>,
    /// What the operations so far have led to.
    model: Model,
    tokens_per_block: usize,
    next: u64,
    pins: usize,
}

impl Writer {
    pub(super) fn new(config: &PlanConfig, swarm: u16) -> Self {
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
    pub(super) fn write(&mut self, wish: &Wish) {
        if !self.in_swarm(&wish.kind) {
            return;
        }
        for op in self.ops(wish).unwrap_or_default() {
            if let Op::Append { request, .. } = op
                && !self.fetch_last(request)
            {
                return;
            }
            self.push(op);
        }
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
        for (window, view) in self.model.views().iter().enumerate() {
            let Some(sequence) = view.sequences.get(&request) else { return true };
            if sequence.tokens.is_multiple_of(self.tokens_per_block) {
                continue;
            }
            let index = sequence.beams[0].len() - 1;
            for (beam, blocks) in sequence.beams.iter().enumerate() {
                match (view.blocks[blocks[index]].tier, beam) {
                    (0, _) => {}
                    (_, 0) => below.push(Op::Onboard { request, window, index }),
                    _ => return false,
                }
            }
        }
        below.into_iter().all(|op| self.push(op) == Outcome::Done)
    }

    /// The operations, or nothing without a live request to do them to.
    fn ops(&mut self, wish: &Wish) -> Option<Vec<Op>> {
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

    /// Requests come and go in every plan.
    fn in_swarm(&self, kind: &Kind) -> bool {
        let bit = match kind {
            Kind::Add(_) | Kind::Remove => return true,
            Kind::Append => 0,
            Kind::Rewind | Kind::Speculate => 1,
            Kind::Store => 2,
            Kind::StoreNew => 3,
            Kind::Pin | Kind::Unpin => 4,
            Kind::Offload => 5,
            Kind::Onboard => 6,
            Kind::Advance => 7,
            Kind::Settle | Kind::Drain | Kind::Step => 8,
        };
        self.swarm & (1 << bit) == 0
    }

    /// One of the live requests.
    fn request(&self, wish: &Wish) -> Option<u64> {
        if wish.wild {
            return Some(u64::from(wish.who % 8));
        }
        let live: Vec<u64> = self.model.views()[0].sequences.keys().copied().collect();
        chosen(&live, wish.who)
    }

    /// One of the blocks of live requests that are in such a tier.
    fn block(&self, wish: &Wish, wanted: impl Fn(usize) -> bool) -> Option<(u64, usize, usize)> {
        if wish.wild {
            let (window, index) = (usize::from(wish.which % 3), usize::from(wish.amount));
            return Some((u64::from(wish.who % 8), window, index));
        }
        let mut blocks = Vec::new();
        for (window, view) in self.model.views().iter().enumerate() {
            for (request, sequence) in &view.sequences {
                for (index, block) in sequence.beams[0].iter().enumerate() {
                    if wanted(view.blocks[*block].tier) {
                        blocks.push((*request, window, index));
                    }
                }
            }
        }
        chosen(&blocks, wish.who)
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

fn chosen<T: Copy>(from: &[T], which: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(which) % from.len()])
}
