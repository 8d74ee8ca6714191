//! An engine in a storm: requests come, grow and go while transfers fail, hang, are refused and are late.
//! What comes of it is other suites' concern; here only that it goes on, and what it comes by.

use std::cell::RefCell;
use std::rc::Rc;

use tierproof_core::probes::Buggify;
use tierproof_core::{
    Backend, Element, Engine, EngineConfig, ErrorKind, Fault, Lru, Nanos, PoolShape, Prompt,
    Request, RequestId, Retention, RetryPolicy, TierBlocks, TokenPrompt, TransferId, TransferMode,
    TransferRequest, WindowConfig,
};
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Sim, SimConfig, Verdict};

/// What the next draw of a seed is about.
#[derive(Debug, Clone, Copy)]
struct Draws {
    seed: u64,
    asked: u64,
}

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.asked += 1;
        let mut value = self.seed.wrapping_add(self.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb_u64] {
            value = (value ^ (value >> 30)).wrapping_mul(multiplier);
        }
        (value ^ (value >> 31)) % end
    }
}

/// What becomes of requests. Hanging ones can be told to go on.
#[derive(Debug)]
struct Weather {
    draws: Draws,
    hanging: Vec<TransferId>,
}

impl Weather {
    fn verdict(&mut self, request: &TransferRequest, id: TransferId) -> Verdict {
        let kinds = [ErrorKind::Device, ErrorKind::Unavailable, ErrorKind::Busy];
        match self.draws.below(24) {
            0..=2 => {
                let kind = kinds[self.draws.below(3) as usize];
                let part = self.draws.below(request.parts.len() as u64) as u32;
                Verdict::Fail { parts: vec![(part, Fault::new(kind))] }
            }
            3..=4 => Verdict::Refuse(kinds[self.draws.below(3) as usize]),
            5 => {
                self.hanging.push(id);
                Verdict::Hang
            }
            6 => Verdict::Delay(Nanos::from_millis(self.draws.below(8))),
            _ => Verdict::Proceed,
        }
    }
}

fn config() -> EngineConfig {
    let shape = PoolShape::Attention {
        layers: 1,
        kv_factor: 1,
        heads: 1,
        head_dim: 8,
        element: Element::Bits8,
    };
    let window = |size, blocks| WindowConfig { size, blocks, pools: vec![shape; 2] };
    EngineConfig {
        windows: vec![
            window(64, TierBlocks { device: 4, host: 3, disk: 3 }),
            window(48, TierBlocks { device: 5, host: 2, disk: 0 }),
        ],
        tokens_per_block: 4,
        sequence_tokens_max: 64,
        reserve: 1,
        retry: RetryPolicy {
            timeout: Nanos::from_millis(5),
            attempts_max: 2,
            reread_corrupt: true,
        },
        ..EngineConfig::default()
    }
}

/// One of a few prompts that share their beginnings.
fn prompt(draws: &mut Draws) -> Prompt {
    let first = draws.below(3) as i32 * 100;
    let tokens = 1 + draws.below(16) as i32;
    let mut tokens: Vec<i32> = (first..first + tokens).collect();
    if draws.below(3) == 0
        && let Some(last) = tokens.last_mut()
    {
        *last = 999;
    }
    Prompt::Tokens(TokenPrompt::new(tokens))
}

/// Runs a seed.
pub(crate) fn storm(seed: u64) {
    let draws = Draws { seed, asked: 1 << 32 };
    let weather = Rc::new(RefCell::new(Weather { draws, hanging: Vec::new() }));
    let verdicts = Rc::clone(&weather);
    let settings =
        SimConfig { seed, request_parts_max: 3, in_flight_parts_max: 6, ..SimConfig::default() };
    let faults = move |request: &TransferRequest, id| verdicts.borrow_mut().verdict(request, id);
    let sim = Sim::with_faults(settings, faults).expect("the settings are valid");
    let engine = Engine::new(Shadowed::new(sim), config(), |_| Box::new(Lru::default()));
    let mut engine = engine.expect("a valid engine");
    let mut draws = Draws { seed, asked: 0 };
    let mut live: Vec<RequestId> = Vec::new();
    for id in 0..120 {
        let one = |draws: &mut Draws| match live.len() as u64 {
            0 => RequestId(u64::MAX),
            count => live[draws.below(count) as usize],
        };
        // Errors are part of the weather.
        match draws.below(12) {
            0..=3 => {
                let mut request = Request::new(id, prompt(&mut draws));
                if draws.below(2) == 0 {
                    let files = Retention::default().with_files(TransferMode::Posix, "kv");
                    request.retention = files.expect("a good name");
                }
                if engine.add(&request).is_ok() {
                    live.push(request.id);
                }
            }
            4..=5 => drop(engine.settle(one(&mut draws))),
            6..=7 => {
                let gone = one(&mut draws);
                live.retain(|&id| id != gone);
                let _ = engine.remove(gone);
            }
            8 => drop(engine.append(one(&mut draws), draws.below(9) as i32)),
            9 => {
                let held = engine.held(one(&mut draws), 0, 0).map(<[_]>::to_vec);
                if let Ok(&[block, ..]) = held.as_deref() {
                    let _ = engine.offload(0, block);
                    if draws.below(2) == 0 {
                        let _ = engine.onboard(0, block);
                    }
                }
            }
            10 => engine.drain().expect("the simulator goes on"),
            _ => {
                let hanging = std::mem::take(&mut weather.borrow_mut().hanging);
                let sim = engine.backend_mut().inner_mut();
                hanging.into_iter().for_each(|id| drop(sim.unhang(id)));
                let later = sim.now().saturating_add(Nanos::from_millis(draws.below(3)));
                sim.park(later);
            }
        }
    }
    assert_eq!(engine.backend().hazards(), [], "seed {seed}");
    assert_eq!(engine.backend().inner().misuses(), [], "seed {seed}");
}

pub(crate) fn run() {
    for seed in 0..400 {
        let _detours = Buggify::new(seed);
        storm(seed);
    }
}
