//! What a seed decides before anything happens: the sizes, the kinds of requests, the device, and
//! which faults may strike.
//!
//! In the manner of swarm testing each seed uses only some of everything, so that some runs do much
//! of one thing.

use tierproof_core::{Nanos, RetryPolicy, Verify};
use tierproof_sim::faults::{FaultClass, FaultPlan};

use crate::lockstep::driver::{Bytes, Pools, Setup, Trouble};
use crate::lockstep::plan::{PlanConfig, PlanPolicy, PlanWindow};

use super::case::Device;
use super::choices::Choices;

/// The directory that every random configuration declares.
pub const DIRECTORY: &str = "spill";

/// What kinds of requests come.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// The most tokens of a prompt.
    pub(super) prompt_max: usize,
    /// The most beams.
    pub(super) beams_max: usize,
    /// Trust domains.
    pub(super) tenants: usize,
    /// Of a hundred requests, so many give hashes instead of tokens.
    pub(super) hashes: u64,
    /// Of a hundred requests, so many ask for nothing but files.
    pub(super) plain: u64,
    /// Of a hundred prompts of tokens, so many have adapters, salts or images.
    pub(super) dressed: u64,
}

impl Shape {
    pub(super) fn chosen(choices: &mut Choices<'_>) -> Self {
        Self {
            prompt_max: choices.of(&[5, 9, 14, 20]),
            beams_max: choices.weighted(&[(3, 1), (1, 3)]),
            tenants: choices.of(&[1, 1, 2, 3]),
            hashes: choices.of(&[0, 25, 100]),
            plain: choices.of(&[20, 90, 100]),
            dressed: choices.of(&[0, 0, 15]),
        }
    }
}

/// Tiers, windows, switches.
pub(super) fn config(choices: &mut Choices<'_>) -> PlanConfig {
    let blocks_max = choices.of(&[3, 5, 8, 12]);
    let mut windows: Vec<PlanWindow> = Vec::new();
    for _ in 0..choices.weighted(&[(3, 1), (1, 2)]) {
        let mut chosen = window(choices, blocks_max);
        while windows.iter().any(|other| other.size == chosen.size) {
            chosen.size += 1;
        }
        windows.push(chosen);
    }
    let tokens_per_block = choices.weighted(&[(1, 1), (3, 2), (2, 3), (2, 4)]);
    PlanConfig {
        windows,
        tokens_per_block,
        sequence_tokens_max: TOKENS_MAX,
        reuse: choices.percent(90),
        partial_reuse: choices.percent(80),
        copy_on_partial_reuse: choices.percent(80),
        onboard: choices.percent(90),
        reserve: choices.of(&[1, 2]),
        policy: choices.of(&[PlanPolicy::Lru, PlanPolicy::PriorityLru]),
        offload_priority_min: choices.weighted(&[(4, 30), (1, 0), (1, 60)]),
        directories: vec![DIRECTORY.to_owned()],
        block_bytes: 64 * tokens_per_block as u64,
    }
}

/// Windows at least this large do not slide.
const TOKENS_MAX: usize = 64;

fn window(choices: &mut Choices<'_>, blocks_max: u64) -> PlanWindow {
    let size = choices.between(1, 8) as usize;
    let slides = choices.percent(20);
    let lower = |choices: &mut Choices<'_>| {
        if choices.percent(20) { 0 } else { choices.between(1, blocks_max) as usize }
    };
    PlanWindow {
        size: if slides { size } else { size + TOKENS_MAX },
        device: choices.between(blocks_max.div_ceil(2), blocks_max) as usize,
        host: lower(choices),
        disk: lower(choices),
    }
}

/// How bytes are laid out, sealed, compared, and tried again.
pub(super) fn setup(choices: &mut Choices<'_>) -> Setup {
    Setup {
        bytes: choices.weighted(&[(4, Bytes::Lazy), (1, Bytes::Every)]),
        pools: choices.of(&[Pools::Attention, Pools::Opaque]),
        verify: choices.weighted(&[(6, Verify::All), (1, Verify::Disk), (1, Verify::Off)]),
        retry: RetryPolicy {
            attempts_max: choices.between(1, 3) as u8,
            timeout: Nanos::from_millis(choices.of(&[5, 50])),
            reread_corrupt: choices.percent(80),
        },
        trouble: Trouble::Expected,
    }
}

/// As many bytes as the largest block has in one pool.
const REQUEST_BYTES: u64 = 256;

/// How narrow the device is.
pub(super) fn device(choices: &mut Choices<'_>) -> Device {
    Device {
        seed: choices.any(),
        alignment: choices.of(&[64, 64, 512]),
        request_parts_max: choices.of(&[1, 2, 3, 64]),
        request_bytes_max: choices.of(&[1 << 30, 1 << 30, REQUEST_BYTES]),
        in_flight_parts_max: choices.of(&[1, 3, 8, 64]),
    }
}

/// How often classes strike, in a million.
const RATES: [u32; 4] = [2_000, 10_000, 50_000, 200_000];

/// Some of the classes that may strike, each at a rate of its own.
pub(super) fn faults(choices: &mut Choices<'_>, allowed: &[FaultClass]) -> FaultPlan {
    let mut plan = FaultPlan { seed: choices.any(), ..FaultPlan::default() };
    let swarm = choices.of(&[10, 25, 60]);
    for class in allowed {
        let rate = choices.of(&RATES);
        if choices.percent(swarm) {
            plan.rates.insert(*class, rate);
        }
    }
    plan
}
