//! How sequences grow, shrink, slide and end.

use crate::bench::Bench;
use crate::words::{R, Request, config};
use tierproof::lockstep::model::Outcome;
use tierproof::lockstep::model::Refusal::Invalid;

#[test]
fn new_blocks_are_stored_when_one_was_just_filled() {
    let mut bench = Bench::new(config(4, 8, 64));
    bench.add(Request::of(0, R(0, 4)));
    bench.store_new(0);
    bench.generate(0, &[4, 5]);
    bench.store_new(0);
    assert_eq!(bench.stored(), [""; 0]);
    assert_eq!(bench.rewind(0, 1), Outcome::Done);
    bench.store_new(0);
    assert_eq!(bench.stored(), ["0 -1"]);
}

#[test]
fn a_rewound_block_is_the_next_to_be_taken() {
    let mut bench = Bench::new(config(2, 4, 64));
    bench.visit(Request::of(0, R(0, 6)));
    bench.add(Request::of(1, R(10, 12)));
    bench.generate(1, &[1]);
    let last = bench.ids(1)[1];
    assert_eq!(bench.rewind(1, 2), Outcome::Refused(Invalid));
    assert_eq!(bench.rewind(1, 1), Outcome::Done);
    bench.generate(1, &[2]);
    assert_eq!(bench.ids(1)[1], last);
}

/// Block 1 was stored with generated tokens. Whoever finds it must find these, so the sequence may
/// not come back to overwrite them. The rule book said nothing about this.
#[test]
fn a_sequence_does_not_come_back_into_a_stored_block() {
    let mut bench = Bench::new(config(4, 4, 64));
    bench.add(Request::of(0, R(0, 4)));
    bench.generate(0, &[4, 5, 6, 7, 8]);
    bench.store_new(0);
    assert_eq!(bench.stored(), ["0 -1", "1 0"]);
    assert_eq!(bench.rewind(0, 3), Outcome::Refused(Invalid));
    assert_eq!(bench.rewind(0, 1), Outcome::Done);
    bench.generate(0, &[9]);
    assert_eq!(bench.rewind(0, 5), Outcome::Done);
}

/// Rewound to the end of a stored block, the sequence ends: its last token does not count, so the
/// key of that block is one token short. The block keeps the key it has, and whoever hangs under
/// it.
#[test]
fn a_stored_block_keeps_its_key_after_a_rewind() {
    let mut bench = Bench::new(config(4, 4, 64));
    bench.add(Request::of(0, R(0, 4)));
    bench.generate(0, &[4, 5, 6, 7, 8, 9, 10, 11, 12]);
    bench.store_new(0);
    assert_eq!(bench.stored(), ["0 -1", "1 0", "2 1"]);
    assert_eq!(bench.rewind(0, 5), Outcome::Done);
    bench.remove(0);
    assert_eq!(bench.stored(), [""; 0]);
    assert_eq!(bench.find(1, R(0, 13)), 12);
}

#[test]
fn a_sliding_sequence_is_stored_whole_or_not_at_all() {
    let slide = |device| {
        let mut bench = Bench::new(config(2, device, 64).window(4));
        bench.add(Request::of(0, R(0, 4)));
        bench.generate(0, &[4, 5, 6]);
        assert_eq!(bench.model().views()[0].sequences[&0].front, 1);
        bench.remove(0);
        bench.stored()
    };
    assert_eq!(slide(4), ["0 -1", "1 0", "2 1"]);
    // With three blocks the fourth one of the sequence is its own first one again.
    assert_eq!(slide(3), [""; 0]);
}

/// Both blocks of the first four tokens have left at the front; the second one is then taken over
/// by a request that shares only its first token. Stored, it would promise what it no longer holds.
#[test]
fn a_sliding_sequence_does_not_store_what_another_took_over() {
    let mut bench = Bench::new(config(2, 8, 64).window(4));
    bench.visit(Request::of(0, R(0, 5)));
    assert_eq!(bench.decide(Request::of(1, R(0, 5))), ["hit 0 0 0", "hit 0 1 0", "alloc 0 3"]);
    bench.generate(1, &[5, 6, 7]);
    assert_eq!(bench.model().views()[0].sequences[&1].front, 2);
    let log = bench.decide(Request::of(2, [0, 1, 2, 9]));
    assert_eq!(log, ["hit 0 0 0", "partial 0 1 1", "remove 0 1"]);
    bench.remove(1);
    assert_eq!(bench.stored(), [""; 0]);
}

#[test]
fn a_sliding_sequence_does_not_come_back_before_its_front() {
    let mut bench = Bench::new(config(2, 8, 64).window(2));
    bench.add(Request::of(0, R(0, 2)));
    bench.generate(0, &[2, 3, 4, 5]);
    assert_eq!(bench.model().views()[0].sequences[&0].front, 2);
    assert_eq!(bench.rewind(0, 3), Outcome::Refused(Invalid));
    assert_eq!(bench.rewind(0, 2), Outcome::Done);
    bench.generate(0, &[4]);
}

/// The rewound tokens had filled a block, and others took their place: it is stored under what it
/// holds. The engine once stored it under the tokens that were taken back.
#[test]
fn a_block_filled_again_after_a_rewind_has_the_key_of_what_it_holds() {
    let mut bench = Bench::new(config(1, 8, 64));
    bench.add(Request::of(0, [0, 1]));
    bench.generate(0, &[2, 3]);
    bench.store_new(0);
    assert_eq!(bench.stored(), ["0 -1", "1 0", "2 1"]);
    assert_eq!(bench.rewind(0, 2), Outcome::Done);
    bench.generate(0, &[7, 8]);
    bench.store_new(0);
    let third = bench.ids(0)[2];
    assert_eq!(bench.stored(), [format!("{third} 1")]);
    bench.remove(0);
    assert_eq!(bench.find(1, vec![0, 1, 7, 9]), 3);
}
