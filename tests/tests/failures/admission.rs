//! Admission and growth are all or nothing: what is refused in one window has changed none.

use crate::bench::{Bench, Setup, hashes, tokens};
use tierproof_core::{BlockState, Counters, ErrorKind, RequestId, Tier, TierUse};
use tierproof_sim::Sim;

/// Everything that a refusal must not change.
#[derive(Debug, PartialEq)]
struct Snapshot {
    blocks: Vec<Vec<BlockState>>,
    uses: Vec<TierUse>,
    counters: Counters,
    moves: u64,
}

fn snapshot(bench: &Bench<Sim>) -> Snapshot {
    let engine = &bench.engine;
    let windows = [0, 1];
    let uses = windows
        .iter()
        .flat_map(|&window| Tier::ALL.map(|tier| engine.tier_use(window, tier).unwrap()));
    Snapshot {
        blocks: windows.iter().map(|&window| engine.blocks(window).unwrap().collect()).collect(),
        uses: uses.collect(),
        counters: Counters { rejected: 0, ..*engine.counters() },
        moves: engine.transfer_stats().moves,
    }
}

/// Window 0 has more blocks than window 1, so that it is the second one that refuses.
fn start() -> Bench<Sim> {
    let setup = Setup { windows: vec![[6, 2, 0], [3, 2, 0]], ..Setup::new([6, 2, 0]) };
    let (mut bench, _) = setup.simulate();
    bench.visit(&hashes(1, &[10, 11]));
    bench
}

#[test]
fn a_request_is_rejected_without_a_trace_at_every_level_of_use() {
    for used in 0..=3 {
        let mut bench = start();
        for id in 0..used {
            bench.add(&hashes(100 + id, &[50 + id])).unwrap();
            bench.run(100 + id);
        }
        // One block more than window 1 has left: unknown, known, and known in part.
        let more = 3 - used as usize + 1;
        let unknown: Vec<u64> = (60..).take(more).collect();
        let known: Vec<u64> = [10, 11].into_iter().chain(60..).take(more).collect();
        for prompt in [&unknown, &known] {
            if used == 3 && prompt[0] == 10 {
                // Nothing of window 1's is left to be found on its device.
                continue;
            }
            let before = snapshot(&bench);
            let rejected = bench.engine.counters().rejected;
            bench.log();
            assert_eq!(
                bench.add(&hashes(7, prompt)),
                Err(ErrorKind::Exhausted),
                "{used} {prompt:?}"
            );
            assert_eq!(bench.log(), ["reject 7"]);
            assert_eq!(snapshot(&bench), before);
            assert_eq!(bench.engine.counters().rejected, rejected + 1);
        }
    }
}

#[test]
fn a_token_is_refused_without_a_trace_at_every_level_of_use() {
    for others in 0..=2 {
        let mut bench = start();
        for id in 0..others {
            bench.add(&hashes(100 + id, &[50 + id])).unwrap();
            bench.run(100 + id);
        }
        bench.add(&tokens(2, 0..1)).unwrap();
        bench.run(2);
        // Window 1 has room for so many tokens; the one after them starts a block too many.
        let room = 4 * (3 - others as i32);
        for token in 1..room {
            bench.append(2, token).unwrap();
            bench.run(2);
        }
        let (before, held) = (snapshot(&bench), bench.held(2));
        bench.log();
        assert_eq!(bench.append(2, room), Err(ErrorKind::Exhausted));
        assert_eq!(bench.log(), [""; 0]);
        assert_eq!(snapshot(&bench), before);
        assert_eq!(bench.held(2), held);
        assert_eq!(bench.engine.tokens(RequestId(2)).unwrap(), room as u32);
    }
}

#[test]
fn what_was_refused_leaves_later_decisions_as_they_are() {
    let run = |refused: bool| {
        let mut bench = start();
        for id in 0..6 {
            if refused {
                assert_eq!(bench.add(&hashes(99, &[70, 71, 72, 73])), Err(ErrorKind::Exhausted));
            }
            bench.visit(&hashes(10 + id, &[10, 20 + id % 3]));
        }
        let mut log = bench.log();
        log.retain(|line| line != "reject 99");
        log
    };
    assert_eq!(run(true), run(false));
}
