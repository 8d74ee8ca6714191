//! Scenarios: plans short enough that what is decided for them can be read whole.

use tierproof::lockstep::plan::{Op, Plan};
use tierproof_tests::words::{DIRECTORY, R, Request, Script, config};

/// Two conversations take turns. While one speaks the other one sinks, through host to disk; each
/// turn brings its history back and adds to it.
pub(crate) fn chat_over_three_tiers() -> Plan {
    let turn = |id, from: i32, len: i32| Request::of(id, R(from, from + len)).files(DIRECTORY);
    Script::new(config(4, 4, 64).host(2).disk(4))
        .admit(turn(0, 0, 9))
        .generate(0, &[9, 10, 11])
        .remove(0)
        .admit(turn(1, 100, 9))
        .generate(1, &[109, 110, 111])
        .remove(1)
        .admit(turn(2, 0, 14))
        .generate(2, &[14, 15])
        .remove(2)
        .admit(turn(3, 100, 14))
        .generate(3, &[114, 115])
        .remove(3)
        .visit(turn(4, 0, 16))
        .plan()
}

/// Device, host and disk hold one block each and are full. What is found at the bottom changes
/// places with what is above it, and nothing is dropped.
pub(crate) fn exchange_in_a_full_hierarchy() -> Plan {
    let of = |id, hash| Request::hashes(id, &[hash]).files(DIRECTORY);
    Script::new(config(4, 1, 64).host(1).disk(1).lru())
        .visit(of(0, 7))
        .visit(of(1, 8))
        .visit(of(2, 9))
        .visit(of(3, 7))
        .visit(of(4, 8))
        .visit(of(5, 8))
        .plan()
}

/// A system prompt at 90 outlives better timed blocks whose time is over; a throw-away prompt at 10
/// goes first and is not kept below.
pub(crate) fn priorities_and_their_end() -> Plan {
    Script::new(config(4, 4, 64).host(2))
        .visit(Request::hashes(0, &[1, 2]).range(0, 4, 90).timed(4, 8, 95, 20))
        .visit(Request::hashes(1, &[3]).range(0, 4, 10))
        .visit(Request::hashes(2, &[4]).timed(0, 4, 50, 5))
        .advance(4)
        .visit(Request::hashes(3, &[5]))
        .advance(1)
        .visit(Request::hashes(4, &[6]))
        .advance(15)
        .visit(Request::hashes(5, &[7, 8, 9]))
        .visit(Request::hashes(6, &[1, 2]).range(0, 4, 40))
        .plan()
}

/// The first tokens of a block that nobody uses are taken with the block; those of a block in use
/// are copied, from wherever it is.
pub(crate) fn partial_reuse_in_place_and_copied() -> Plan {
    Script::new(config(4, 4, 64).host(2))
        .visit(Request::of(0, R(0, 8)))
        .admit(Request::of(1, [0, 1, 2, 3, 4, 5, 90, 91]))
        .remove(1)
        .admit(Request::of(2, R(0, 9)))
        .store(2)
        .offload(2, 0)
        .admit(Request::of(3, [0, 1, 2, 80, 81]))
        .remove(2)
        .remove(3)
        .plan()
}

/// A window of four tokens: blocks leave at the front while tokens come at the back. One sequence
/// ends with everything intact and is stored; of the other one its first block was taken.
pub(crate) fn sliding_window() -> Plan {
    Script::new(config(2, 5, 64).window(4))
        .admit(Request::of(0, R(0, 5)))
        .generate(0, &[5, 6, 7])
        .remove(0)
        .visit(Request::of(1, R(0, 7)))
        .admit(Request::of(2, R(50, 54)))
        .generate(2, &[54, 55, 56])
        .admit(Request::of(3, R(70, 74)))
        .generate(2, &[57])
        .remove(2)
        .remove(3)
        .plan()
}

/// A small sliding window and a large one decide apart, and a request that one of them has no room
/// for changes neither.
pub(crate) fn two_windows() -> Plan {
    Script::new(config(2, 4, 64).window(4).host(2).and_window(64, [6, 2, 0]))
        .admit(Request::of(0, R(0, 5)))
        .generate(0, &[5, 6, 7, 8])
        .remove(0)
        .visit(Request::of(1, R(0, 7)))
        .admit(Request::of(2, R(30, 37)))
        .admit(Request::of(3, R(60, 64)))
        .generate(2, &[37, 38])
        .remove(2)
        .plan()
}

/// Two beams share the prompt but for its last block, then each one grows by itself; nothing of
/// them is found afterwards but what was stored as context.
pub(crate) fn beams() -> Plan {
    Script::new(config(4, 10, 64))
        .admit(Request::of(0, R(0, 10)).beams(2))
        .generate(0, &[10, 11, 12])
        .store(0)
        .remove(0)
        .admit(Request::of(1, R(0, 10)).beams(3))
        .remove(1)
        .plan()
}

/// A pin keeps what its request gives up; rejected drafts give their block back to be taken next.
pub(crate) fn pin_and_rewind() -> Plan {
    Script::new(config(4, 4, 64).host(2))
        .admit(Request::of(0, R(0, 8)))
        .pin(0)
        .generate(0, &[8, 9, 10, 11, 12])
        .rewind(0, 4)
        .generate(0, &[20, 21, 22, 23])
        .store_new(0)
        .remove(0)
        .admit(Request::of(1, R(50, 62)))
        .unpin(0)
        .admit(Request::of(1, R(50, 62)))
        .remove(1)
        .plan()
}

/// Four requests ask for files. One names no directory, one an undeclared one; their blocks stop at
/// the host, and are dropped where the others sink on.
pub(crate) fn files_fall_back() -> Plan {
    Script::new(config(4, 1, 64).host(1).disk(2))
        .visit(Request::hashes(0, &[1]).files(DIRECTORY))
        .visit(Request::hashes(1, &[2]).files(""))
        .visit(Request::hashes(2, &[3]).gds("elsewhere"))
        .visit(Request::hashes(3, &[4]).gds(DIRECTORY))
        .visit(Request::hashes(4, &[5]))
        .visit(Request::hashes(5, &[6]))
        .visit(Request::hashes(6, &[1]))
        .plan()
}

/// Where there is no room nothing changes: not for a prompt, not for a token, not for a block that
/// is sent down. With the partial match that stands in its way given up, a prompt fits.
pub(crate) fn rejection() -> Plan {
    Script::new(config(4, 3, 64).host(1))
        .admit(Request::of(0, R(0, 8)))
        .admit(Request::of(1, R(20, 32)))
        .admit(Request::of(2, R(40, 44)))
        .generate(2, &[44])
        .offload(0, 0)
        .offload(0, 1)
        .onboard(0, 0)
        .remove(2)
        .remove(0)
        .admit(Request::of(3, [0, 1, 2, 77, 78, 79, 80, 81, 82, 83, 84, 85]))
        .remove(3)
        .plan()
}

/// Hundreds of conversations that share beginnings, over all tiers, priorities and windows: too
/// long to be read, so that its golden is what it adds up to.
pub(crate) fn a_long_day() -> Plan {
    let mut script = Script::new(config(4, 24, 96).host(12).disk(30).and_window(24, [16, 6, 6]));
    let mut draw = Draw(1);
    let mut live: Vec<u64> = Vec::new();
    for id in 0..300 {
        let (topic, shared, own) = (draw.below(9), 8 + draw.below(24), 1 + draw.below(12));
        let mut tokens: Vec<i32> = (0..shared).map(|at| topic * 100 + at).collect();
        tokens.extend((0..own).map(|_| 1000 + draw.below(3)));
        let request = Request::of(id, tokens).files(DIRECTORY);
        let request = match draw.below(4) {
            0 => request.range(0, 16, 80),
            1 => request.timed(0, 16, 60, 25).decode(20),
            _ => request,
        };
        script = script.admit(request).advance(u64::from(draw.below(4).unsigned_abs()));
        live.push(id);
        for _ in 0..draw.below(7) {
            script = script.generate(id, &[2000 + draw.below(2)]);
        }
        if draw.below(3) == 0 {
            script = script.store_new(id).then(Op::Settle { request: id });
        }
        while live.len() > 2 {
            let gone = live.remove(draw.below(2) as usize);
            script = script.remove(gone);
        }
    }
    script.plan()
}

/// A linear congruential generator: the same numbers everywhere.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: i32) -> i32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((self.0 >> 33) % u64::from(bound.unsigned_abs())).expect("below the bound")
    }
}
