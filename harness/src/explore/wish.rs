//! Wishes: what a plan is to do next, before it is known what exists then.
//!
//! Wishes are independent of each other. Leaving one out leaves the others as they are, which is what
//! makes plans shrink well.

use crate::lockstep::plan::PlanAdd;

use super::choices::Choices;
use super::prompt;
use super::swarm::Shape;

/// What a plan is to do next; `who` and `which` choose among what exists then.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What kind of operation.
    pub kind: Kind,
    /// To whom.
    pub who: u8,
    /// To what of it, or which token.
    pub which: u8,
    /// How much, 0 to 7.
    pub amount: u8,
    /// Refer to something that perhaps never existed.
    pub wild: bool,
}

/// What kind of operation a wish is for.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "they are those of `Op`; one that is not says what it is")]
pub enum Kind {
    Add(Box<PlanAdd>),
    Append,
    /// Some tokens; what they filled is stored; some of them are taken back.
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

impl Kind {
    /// The bit of a swarm that leaves this kind out; requests come and go in every plan.
    pub(super) fn bit(&self) -> Option<u32> {
        match self {
            Self::Add(_) | Self::Remove => None,
            Self::Append => Some(0),
            Self::Rewind | Self::Speculate => Some(1),
            Self::Store => Some(2),
            Self::StoreNew => Some(3),
            Self::Pin | Self::Unpin => Some(4),
            Self::Offload => Some(5),
            Self::Onboard => Some(6),
            Self::Advance => Some(7),
            Self::Settle | Self::Drain | Self::Step => Some(8),
        }
    }
}

/// How often a request is wished for, beside [`OTHERS`].
const ADDS: u64 = 8;

/// Every kind but [`Kind::Add`], and how often each is wished for.
static OTHERS: [(u64, Kind); 14] = [
    (8, Kind::Append),
    (2, Kind::Speculate),
    (1, Kind::Rewind),
    (3, Kind::Store),
    (2, Kind::StoreNew),
    (8, Kind::Remove),
    (1, Kind::Pin),
    (1, Kind::Unpin),
    (3, Kind::Offload),
    (3, Kind::Onboard),
    (2, Kind::Advance),
    (1, Kind::Settle),
    (1, Kind::Drain),
    (1, Kind::Step),
];

impl Wish {
    /// A wish of a shape.
    pub(super) fn chosen(choices: &mut Choices<'_>, shape: &Shape) -> Self {
        let others: u64 = OTHERS.iter().map(|(weight, _)| weight).sum();
        let kind = if choices.between(0, ADDS + others - 1) < ADDS {
            Kind::Add(Box::new(prompt::add(choices, shape)))
        } else {
            let weights = OTHERS.each_ref().map(|(weight, kind)| (*weight, kind));
            choices.weighted(&weights).clone()
        };
        Self {
            kind,
            who: choices.between(0, 255) as u8,
            which: choices.between(0, 255) as u8,
            amount: choices.between(0, 7) as u8,
            wild: choices.percent(3),
        }
    }
}
