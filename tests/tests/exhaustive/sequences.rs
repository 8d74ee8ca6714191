//! Promise: engine and model agree on every sequence of up to three operations on a cache of two device
//! blocks, with a block of host memory and one on disk: fresh, and with all of it in use.

use rstest::rstest;
use tierproof::lockstep::driver::{Bytes, Driver, Pools, Setup};
use tierproof::lockstep::plan::{Op, Plan, PlanConfig};
use tierproof_core::Verify;
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Sim, SimConfig};
use tierproof_tests::words::{DIRECTORY, Request, Script, config};

/// Two blocks of two tokens; the second block holds one token that nobody computed yet.
const PROMPT: [i32; 3] = [1, 2, 3];

/// Every kind of operation, on two requests, with arguments that make sense at some time and at others
/// do not.
fn alphabet() -> Vec<Op> {
    let request = |id, tokens: &[i32]| Request::of(id, tokens);
    let mut ops: Vec<Op> = [
        request(1, &PROMPT),
        // Nothing is left for anybody else.
        request(1, &[1, 2, 3, 4]),
        // More than there is.
        request(1, &[1, 2, 3, 4, 5]),
        // Agrees with the first token only.
        request(1, &[1, 9, 8]).files(DIRECTORY),
        request(2, &PROMPT),
        request(2, &[1, 9]).files(DIRECTORY).timed(0, 2, 10, 5),
        request(2, &[7]).beams(2),
        Request::hashes(2, &[70]),
    ]
    .into_iter()
    .map(Request::op)
    .collect();
    for request in [1, 2] {
        ops.extend([
            Op::Append { request, token: 4 },
            Op::Store { request },
            Op::Remove { request },
            Op::Settle { request },
            Op::Offload { request, window: 0, index: 0 },
        ]);
    }
    ops.extend([
        Op::Rewind { request: 1, tokens: 1 },
        Op::StoreNew { request: 1 },
        Op::Pin { request: 1 },
        Op::Unpin { pin: 0 },
        Op::Onboard { request: 1, window: 0, index: 0 },
        Op::Advance { millis: 10 },
        Op::Drain,
        Op::Step,
    ]);
    ops
}

/// What is there when the sequence begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// Nothing.
    Fresh,
    /// Findable blocks on every tier: some of what the alphabet asks for, some of what it does not.
    Used,
    /// The same, and request 1 holds blocks that it shares with what is stored, and grew.
    Held,
}

impl Start {
    fn script(self) -> Script {
        let fresh = Script::new(config(2, 2, 16).host(1).disk(1));
        let used = |script: Script| {
            let script = script.visit(Request::of(8, [1, 2, 3]).files(DIRECTORY));
            let script = script.visit(Request::of(9, [50, 51, 52]).files(DIRECTORY));
            script.visit(Request::of(7, [60]).files(DIRECTORY))
        };
        match self {
            Self::Fresh => fresh,
            Self::Used => used(fresh),
            Self::Held => used(fresh).admit(Request::of(1, PROMPT)).generate(1, &[4]),
        }
    }
}

/// Whether a sequence ran to its end. One of its operations may ask a request to compute tokens into a
/// block that it has sent away, which no serving engine does: until there it was compared.
fn run(config: &PlanConfig, ops: &[Op], setup: Setup) -> bool {
    let sim = Sim::new(SimConfig::default()).expect("the default is valid");
    let plan = Plan::new(config.clone(), ops.to_vec());
    match Driver::run(&plan, setup, Shadowed::new(sim)) {
        Err(mismatch) if mismatch.what.ends_with("onboard it first") => return false,
        Err(mismatch) => panic!("{mismatch}\n{}", plan.to_json()),
        Ok(ended) => {
            let shadowed = ended.closed().expect("the device goes on");
            assert_eq!(shadowed.hazards(), [], "{}", plan.to_json());
            assert_eq!(shadowed.inner().misuses(), [], "{}", plan.to_json());
        }
    }
    true
}

#[rstest]
#[case::fresh(Start::Fresh, 1)]
#[case::used(Start::Used, 1)]
#[case::held(Start::Held, 0)]
fn every_short_sequence_is_decided_alike(
    #[case] start: Start,
    #[case] cut_short: usize,
    #[values(Bytes::Lazy, Bytes::Every)] bytes: Bytes,
) {
    let setup = Setup { bytes, pools: Pools::Opaque, verify: Verify::All, ..Setup::PLAIN };
    let Plan { config, ops: before, .. } = start.script().plan();
    let alphabet = alphabet();
    let mut ended = Vec::new();
    let mut sequences = vec![before];
    for _ in 0..3 {
        let longer = sequences.iter().flat_map(|sequence| {
            alphabet.iter().map(move |op| [sequence.as_slice(), std::slice::from_ref(op)].concat())
        });
        sequences = longer.collect();
        ended.extend(sequences.iter().map(|sequence| run(&config, sequence, setup)));
    }
    let whole = ended.iter().filter(|&&whole| whole).count();
    assert_eq!((ended.len(), ended.len() - whole), (26 + 26 * 26 + 26 * 26 * 26, cut_short));
}
