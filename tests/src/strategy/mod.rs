//! Random plans: small configurations, few distinct tokens, and operations most of which refer
//! to something that exists.
//!
//! In the manner of swarm testing each plan uses only some kinds of operation, so that some plans
//! do much of one thing. A plan is made from a list of *wishes* that are independent of each other:
//! removing one leaves the others as they are, which is what makes failures shrink well. A wish
//! becomes an operation by asking the model what exists at that moment.

use proptest::collection::vec;
use proptest::prelude::*;

use tierproof::explore::Writer;
use tierproof::lockstep::plan::{Plan, PlanConfig, PlanPolicy, PlanWindow};

mod request;
mod wish;

pub use request::adds;
pub use tierproof::explore::DIRECTORY;

use wish::wish;

/// What plans are drawn.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The most windows.
    pub windows_max: usize,
    /// The most blocks of a tier.
    pub blocks_max: usize,
    /// The most operations.
    pub ops_max: usize,
    /// The most tokens of a prompt.
    pub prompt_max: usize,
    /// The most beams.
    pub beams_max: usize,
    /// How many of the windows slide, 0 to 1.
    pub sliding: f64,
    /// How many of the requests ask for nothing but files, 0 to 1.
    pub plain: f64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            windows_max: 2,
            blocks_max: 12,
            ops_max: 60,
            prompt_max: 14,
            beams_max: 3,
            sliding: 0.3,
            plain: 0.2,
        }
    }
}

impl Shape {
    /// Few blocks, so that everything is evicted all the time.
    #[must_use]
    pub fn tight() -> Self {
        Self { windows_max: 1, blocks_max: 5, beams_max: 2, ..Self::default() }
    }

    /// Few blocks in each tier and many requests that come back, so that content sinks to the bottom
    /// and is fetched from there.
    #[must_use]
    pub fn deep() -> Self {
        Self { ops_max: 120, sliding: 0.0, plain: 0.9, ..Self::tight() }
    }

    /// One window that slides.
    #[must_use]
    pub fn sliding() -> Self {
        Self { windows_max: 1, beams_max: 1, sliding: 1.0, ..Self::default() }
    }
}

/// Plans of a shape. All are valid; their operations are mostly.
pub fn plans(shape: &Shape) -> impl Strategy<Value = Plan> + use<> {
    plans_for(shape, |_| {})
}

/// Plans of a shape for configurations that `fit` has changed.
pub fn plans_for<F: Fn(&mut PlanConfig)>(
    shape: &Shape,
    fit: F,
) -> impl Strategy<Value = Plan> + use<F> {
    let wishes = vec(wish(shape), 1..=shape.ops_max);
    (configs(shape), any::<u16>(), wishes).prop_map(move |(mut config, swarm, wishes)| {
        fit(&mut config);
        let mut writer = Writer::new(&config, swarm);
        for wish in &wishes {
            writer.write(wish);
        }
        Plan::new(config, writer.ops())
    })
}

/// Configurations of a shape.
pub fn configs(shape: &Shape) -> impl Strategy<Value = PlanConfig> + use<> {
    let windows = vec(window(shape), 1..=shape.windows_max);
    let policy = prop_oneof![Just(PlanPolicy::PriorityLru), Just(PlanPolicy::Lru)];
    let usually = || prop::bool::weighted(0.85);
    let switches = (usually(), usually(), usually(), usually());
    (
        windows,
        switches,
        policy,
        prop_oneof![1 => Just(1_usize), 6 => 2_usize..=4],
        prop_oneof![4 => Just(30_u8), 1 => 0_u8..=100],
        1_usize..=2,
    )
        .prop_map(
            move |(windows, switches, policy, tokens_per_block, offload_priority_min, reserve)| {
                let (reuse, partial_reuse, copy_on_partial_reuse, onboard) = switches;
                PlanConfig {
                    windows: distinct(windows),
                    tokens_per_block,
                    sequence_tokens_max: 64,
                    reuse,
                    partial_reuse,
                    copy_on_partial_reuse,
                    onboard,
                    reserve,
                    policy,
                    offload_priority_min,
                    directories: vec![DIRECTORY.to_owned()],
                    block_bytes: 64 * tokens_per_block as u64,
                }
            },
        )
}

/// Sizes 64, 65 and so on do not slide in sequences of at most 64 tokens.
fn distinct(windows: Vec<(PlanWindow, bool)>) -> Vec<PlanWindow> {
    let mut chosen: Vec<PlanWindow> = Vec::new();
    for (mut window, slides) in windows {
        if !slides {
            window.size += 64;
        }
        while chosen.iter().any(|other| other.size == window.size) {
            window.size += 1;
        }
        chosen.push(window);
    }
    chosen
}

fn window(shape: &Shape) -> impl Strategy<Value = (PlanWindow, bool)> + use<> {
    let (blocks_max, slides) = (shape.blocks_max, prop::bool::weighted(shape.sliding));
    let lower = || prop_oneof![1 => Just(0), 3 => 1..=blocks_max];
    let device = prop_oneof![1 => 1..=blocks_max, 2 => blocks_max.div_ceil(2)..=blocks_max];
    (1_usize..=8, device, lower(), lower(), slides).prop_map(
        |(size, device, host, disk, slides)| (PlanWindow { size, device, host, disk }, slides),
    )
}
