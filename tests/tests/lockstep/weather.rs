//! Faults drawn for random plans: what becomes of each request is a hash of the seed and of its id, so
//! that a run can be done again.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use tierproof_core::{ErrorKind, Fault, Nanos, TransferId, TransferRequest};
use tierproof_sim::{Sim, SimConfig, Verdict};

/// What every attempt of a transfer may take.
pub(crate) const TIMEOUT: Nanos = Nanos::from_millis(2);

/// Kinds of trouble, each a bit of [`Weather::kinds`].
const KINDS: u64 = 8;

/// Why a part fails: kinds that are tried again, and kinds that are not.
const FAULTS: [ErrorKind; 6] = [
    ErrorKind::Device,
    ErrorKind::Corrupt,
    ErrorKind::Unavailable,
    ErrorKind::Exhausted,
    ErrorKind::TimedOut,
    ErrorKind::Busy,
];

/// How much of what goes wrong. Like a swarm, each run has only some kinds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    seed: u64,
    /// Of a thousand requests so many meet trouble.
    per_mille: u64,
    kinds: u8,
}

pub(crate) fn weathers() -> impl Strategy<Value = Weather> {
    let per_mille = prop_oneof![Just(50_u64), Just(200), Just(500), Just(1000)];
    (any::<u64>(), per_mille, 1_u8..).prop_map(|(seed, per_mille, kinds)| Weather {
        seed,
        per_mille,
        kinds,
    })
}

/// A hash of a seed and what is drawn.
pub(crate) fn draw(seed: u64, purpose: u64, subject: u64) -> u64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    for word in [purpose, subject] {
        state = (state ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 32;
    }
    state
}

impl Weather {
    fn verdict(self, request: &TransferRequest, id: TransferId) -> Verdict {
        let draw = |purpose| draw(self.seed, purpose, id.0);
        if draw(0) % 1000 >= self.per_mille {
            return Verdict::Proceed;
        }
        let which = draw(1) % u64::from(self.kinds.count_ones());
        let mut kinds = (0..KINDS).filter(|kind| self.kinds & (1 << kind) != 0);
        let kind = kinds.nth(which as usize).expect("it has as many kinds");
        let fault = FAULTS[(draw(2) % FAULTS.len() as u64) as usize];
        let parts = request.parts.len() as u32;
        match kind {
            // All of it.
            0 => {
                Verdict::Fail { parts: (0..parts).map(|part| (part, Fault::new(fault))).collect() }
            }
            // One part, or several for different reasons.
            1 => Verdict::Fail { parts: vec![(draw(3) as u32 % parts, Fault::new(fault))] },
            2 => {
                let failed = (0..parts).filter(|part| draw(4 + u64::from(*part)) % 2 == 0);
                let why = |part: u32| FAULTS[(draw(100 + u64::from(part)) % 6) as usize];
                Verdict::Fail { parts: failed.map(|part| (part, Fault::new(why(part)))).collect() }
            }
            3 => Verdict::Refuse(ErrorKind::Busy),
            4 => Verdict::Refuse(fault),
            5 => Verdict::Hang,
            6 => Verdict::Delay(TIMEOUT.saturating_add(Nanos(draw(5) % (2 * TIMEOUT.0)))),
            _ => Verdict::Delay(Nanos(draw(5) % TIMEOUT.0)),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    healed: bool,
    /// Requests that hang, in order.
    hanging: Vec<TransferId>,
}

/// A handle to what goes wrong on a simulator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sky(Rc<RefCell<State>>);

impl Sky {
    pub(crate) fn simulate(&self, weather: Weather, config: SimConfig) -> Sim {
        let state = Rc::clone(&self.0);
        let source = move |request: &TransferRequest, id: TransferId| {
            let mut state = state.borrow_mut();
            if state.healed {
                return Verdict::Proceed;
            }
            let verdict = weather.verdict(request, id);
            if verdict == Verdict::Hang {
                state.hanging.push(id);
            }
            verdict
        };
        Sim::with_faults(config, source).expect("the settings are valid")
    }

    /// Requests that hang go on, the oldest first.
    pub(crate) fn clear(&self, sim: &mut Sim, at_most: usize) {
        let mut state = self.0.borrow_mut();
        let count = state.hanging.len().min(at_most);
        for id in state.hanging.drain(..count) {
            sim.unhang(id).expect("it hangs");
        }
    }

    /// From now on all goes well.
    pub(crate) fn heal(&self, sim: &mut Sim) {
        self.0.borrow_mut().healed = true;
        self.clear(sim, usize::MAX);
    }
}
