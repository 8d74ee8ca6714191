//! Requests: prompts that begin alike, priorities, durations, modes.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use tierproof::lockstep::plan::{
    PlanAdd, PlanMode, PlanMultimodal, PlanPrompt, PlanRange, PlanRetention, PlanTokens,
};

use super::{DIRECTORY, Shape};

/// Requests of a shape, all with the id 0.
pub fn adds(shape: &Shape) -> impl Strategy<Value = PlanAdd> + use<> {
    let beams = prop_oneof![4 => Just(1), 1 => 1..=shape.beams_max];
    (prompts(shape.prompt_max), beams, prop::bool::weighted(0.2), retentions(shape.plain)).prop_map(
        |(prompt, beams, cross_attention, retention)| PlanAdd {
            request: 0,
            prompt,
            beams,
            cross_attention,
            retention,
        },
    )
}

fn prompts(len_max: usize) -> impl Strategy<Value = PlanPrompt> {
    prop_oneof![
        3 => tokens(len_max).prop_map(PlanPrompt::Tokens),
        1 => alike(len_max.div_ceil(3), |base, at| ((base % 2 + at) % 3) as u8)
            .prop_map(|path| PlanPrompt::Hashes(prefix_names(&path))),
    ]
}

/// A hash names its whole prefix, so no two paths share one.
fn prefix_names(path: &[u8]) -> Vec<u64> {
    let mut name = 0;
    let longer = |digit: &u8| {
        name = name * 4 + u64::from(*digit) + 1;
        name
    };
    path.iter().map(longer).collect()
}

/// The beginning of one of three base sequences, and perhaps a tail of its own.
fn alike<T: From<u8> + std::fmt::Debug + Clone>(
    len_max: usize,
    base: impl Fn(usize, usize) -> T,
) -> impl Strategy<Value = Vec<T>> {
    let tail = vec((0_u8..3).prop_map(T::from), 0..3);
    (0_usize..3, 1..=len_max, tail).prop_map(move |(which, len, tail)| {
        let mut all: Vec<T> = (0..len).map(|at| base(which, at)).chain(tail).collect();
        all.truncate(len_max);
        all
    })
}

/// Most prompts are nothing but tokens; some have one or several of the other things.
fn tokens(len_max: usize) -> impl Strategy<Value = PlanTokens> {
    let plain = alike(len_max, |base, at| [0, i32::from(at % 2 > 0), i32::from(at % 3 > 1)][base]);
    let several = (
        option::of(vec(0_u64..2, len_max)),
        option::of(0_u64..2),
        option::of(0_u64..2),
        0_u32..2,
        vec((0_i32..2, 0..len_max, 1_usize..5), 0..3),
    );
    let others = prop_oneof![5 => Just((None, None, None, 0, Vec::new())), 1 => several];
    (plain, others).prop_map(|(tokens, (extra_ids, lora, salt, tenant, items))| PlanTokens {
        extra_ids: extra_ids.map(|ids| ids[..tokens.len()].to_vec()),
        multimodal: items.into_iter().filter_map(|item| multimodal_in(&tokens, item)).collect(),
        tokens,
        lora,
        salt,
        tenant,
    })
}

/// An item, cut where the prompt ends.
fn multimodal_in(tokens: &[i32], item: (i32, usize, usize)) -> Option<PlanMultimodal> {
    let (hash, start, len) = item;
    let len = len.min(tokens.len().saturating_sub(start));
    (len > 0).then_some(PlanMultimodal { hash: [hash; 8], start, len })
}

/// Files and nothing else, or anything.
fn retentions(plain: f64) -> impl Strategy<Value = PlanRetention> {
    let files = PlanRetention {
        mode: PlanMode::Posix,
        directory: DIRECTORY.to_owned(),
        ..PlanRetention::default()
    };
    (prop::bool::weighted(plain), any_retentions())
        .prop_map(move |(plain, any)| if plain { files.clone() } else { any })
}

fn any_retentions() -> impl Strategy<Value = PlanRetention> {
    let duration = || option::of(0_u64..12);
    let priority = || prop_oneof![Just(35_u8), Just(20), Just(30), Just(80), 0_u8..=101];
    let span = (0_usize..4, 1_usize..6, prop::bool::weighted(0.1), priority(), duration());
    let mode = prop_oneof![Just(PlanMode::Posix), Just(PlanMode::Gds), Just(PlanMode::Dram)];
    let directory = prop_oneof![6 => Just(DIRECTORY), 1 => Just(""), 1 => Just("elsewhere")];
    (vec(span, 0..3), priority(), duration(), mode, directory).prop_map(
        |(spans, decode_priority, decode_duration_ms, mode, directory)| {
            let mut ranges = Vec::new();
            let mut at = 0;
            for (gap, len, open, priority, duration_ms) in spans {
                let start = at + gap;
                at = start + len;
                let end = (!open).then_some(at);
                ranges.push(PlanRange { start, end, priority, duration_ms });
            }
            let directory = directory.to_owned();
            PlanRetention { ranges, decode_priority, decode_duration_ms, mode, directory }
        },
    )
}
