//! Wishes as proptest draws them.

use proptest::prelude::*;

use tierproof::explore::{Kind, Wish};

use super::Shape;
use super::request::adds;

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
