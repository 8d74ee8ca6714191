//! Requests that a planner makes: prompts that begin alike, priorities, durations, modes.

use crate::lockstep::plan::{
    PlanAdd, PlanMode, PlanMultimodal, PlanPrompt, PlanRange, PlanRetention, PlanTokens,
};

use super::choices::Choices;
use super::swarm::{DIRECTORY, Shape};

/// A request, with the id 0.
pub(super) fn add(choices: &mut Choices<'_>, shape: &Shape) -> PlanAdd {
    let prompt = if choices.percent(shape.hashes) {
        PlanPrompt::Hashes(names(choices, shape.prompt_max.div_ceil(3)))
    } else {
        PlanPrompt::Tokens(tokens(choices, shape))
    };
    let many = shape.beams_max > 1 && choices.percent(20);
    let retention = if choices.percent(shape.plain) { files() } else { retention(choices) };
    PlanAdd {
        request: 0,
        prompt,
        beams: if many { choices.between(1, shape.beams_max as u64) as usize } else { 1 },
        cross_attention: choices.percent(20),
        retention,
    }
}

/// The beginning of one of the base sequences, and perhaps a tail of its own.
fn alike(choices: &mut Choices<'_>, len_max: usize, base: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let (which, len) = (choices.below(3), choices.between(1, len_max as u64) as usize);
    let tail = choices.below(3);
    let mut all: Vec<u8> = (0..len).map(|at| base(which, at)).collect();
    all.extend((0..tail).map(|_| choices.between(0, 2) as u8));
    all.truncate(len_max);
    all
}

/// A hash names its whole prefix, so no two paths share one.
fn names(choices: &mut Choices<'_>, len_max: usize) -> Vec<u64> {
    let path = alike(choices, len_max, |base, at| ((base % 2 + at) % 3) as u8);
    let mut name = 0;
    let longer = |digit: &u8| {
        name = name * 4 + u64::from(*digit) + 1;
        name
    };
    path.iter().map(longer).collect()
}

fn tokens(choices: &mut Choices<'_>, shape: &Shape) -> PlanTokens {
    let base = |base, at: usize| [0, u8::from(!at.is_multiple_of(2)), u8::from(at % 3 > 1)][base];
    let tokens: Vec<i32> =
        alike(choices, shape.prompt_max, base).into_iter().map(i32::from).collect();
    let mut prompt = PlanTokens { tokens, ..PlanTokens::default() };
    if shape.tenants > 1 {
        prompt.tenant = choices.below(shape.tenants) as u32;
    }
    if choices.percent(shape.dressed) {
        dress(choices, &mut prompt);
    }
    prompt
}

/// Adds what tells prompts of equal tokens apart.
fn dress(choices: &mut Choices<'_>, prompt: &mut PlanTokens) {
    let len = prompt.tokens.len();
    let perhaps = |choices: &mut Choices<'_>| choices.percent(50).then(|| choices.between(0, 1));
    prompt.lora = perhaps(choices);
    prompt.salt = perhaps(choices);
    if choices.percent(50) {
        prompt.extra_ids = Some((0..len).map(|_| choices.between(0, 1)).collect());
    }
    for _ in 0..choices.below(3) {
        let (hash, start) = (choices.between(0, 1) as i32, choices.below(len));
        let len = (choices.between(1, 4) as usize).min(len - start);
        prompt.multimodal.push(PlanMultimodal { hash: [hash; 8], start, len });
    }
}

/// Files and nothing else.
fn files() -> PlanRetention {
    PlanRetention {
        mode: PlanMode::Posix,
        directory: DIRECTORY.to_owned(),
        ..PlanRetention::default()
    }
}

fn retention(choices: &mut Choices<'_>) -> PlanRetention {
    let mut ranges = Vec::new();
    let mut at = 0;
    for _ in 0..choices.below(3) {
        let start = at + choices.below(4);
        at = start + choices.between(1, 5) as usize;
        let end = (!choices.percent(10)).then_some(at);
        let (priority, duration_ms) = (priority(choices), duration(choices));
        ranges.push(PlanRange { start, end, priority, duration_ms });
    }
    let directory = choices.weighted(&[(6, DIRECTORY), (1, ""), (1, "elsewhere")]);
    PlanRetention {
        ranges,
        decode_priority: priority(choices),
        decode_duration_ms: duration(choices),
        mode: choices.of(&[PlanMode::Posix, PlanMode::Gds, PlanMode::Dram]),
        directory: directory.to_owned(),
    }
}

fn priority(choices: &mut Choices<'_>) -> u8 {
    match choices.below(5) {
        0 => choices.between(0, 101) as u8,
        which => [35, 20, 30, 80][which - 1],
    }
}

fn duration(choices: &mut Choices<'_>) -> Option<u64> {
    choices.percent(50).then(|| choices.between(0, 11))
}
