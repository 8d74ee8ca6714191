//! A device that is slow, full or hung holds up what goes its way, and nothing else.

use crate::stage::{Stage, TIMEOUT, capability, done, failed, request, visit};
use tierproof_core::{Capability, Completion, ErrorKind, RequestId};

/// The story: all moves waited in one queue, so a refused store kept a load of another request
/// waiting until the store's time was over.
#[test]
fn a_refused_store_does_not_keep_a_load_waiting() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d1>h0", TIMEOUT);
    stage.looks(1, &[done(0)]);
    stage.looks(2, &[]).refuses(ErrorKind::Busy, "d0>h1", 2 + TIMEOUT);
    stage.looks(3, &[]).refuses(ErrorKind::Busy, "d0>h1", 3 + TIMEOUT);
    stage.sends(1, "h0>d2", 3 + TIMEOUT);
    stage.looks(4, &[done(1)]).refuses(ErrorKind::Busy, "d0>h1", 4 + TIMEOUT);

    let mut engine = stage.play([3, 2, 0]);
    visit(&mut engine, &request(1, &[10]));
    engine.add(&request(2, &[20])).unwrap();
    let block = engine.held(RequestId(2), 0, 0).unwrap()[0];
    engine.offload(0, block).unwrap();
    engine.remove(RequestId(2)).unwrap();
    // The first block goes down while the second comes up.
    engine.add(&request(3, &[10])).unwrap();
    let block = engine.held(RequestId(3), 0, 0).unwrap()[0];
    engine.offload(0, block).unwrap();
    engine.add(&request(4, &[20])).unwrap();
    assert_eq!(engine.settle(RequestId(4)).unwrap().matched_tokens, 4);
}

#[test]
fn one_way_leaves_the_others_an_eighth_of_what_the_backend_takes() {
    let mut stage = Stage::new();
    stage.allocates(2, Capability { in_flight_parts_max: 8, ..capability() });
    stage.looks(0, &[]).sends(0, "d7>h0 d6>h1 d5>h2 d4>h3 d3>h4 d2>h5 d1>h6", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(2, &[done(0)]).sends(1, "d0>h7", 2 + TIMEOUT).waits(2 + TIMEOUT);
    stage.looks(3, &[done(1)]);

    let mut engine = stage.play([8, 8, 0]);
    let hashes = |first: u64| (first..first + 8).collect::<Vec<u64>>();
    visit(&mut engine, &request(1, &hashes(10)));
    visit(&mut engine, &request(2, &hashes(20)));
    engine.drain().unwrap();
}

/// Faults are promised by ascending part; a backend that breaks the promise must not turn a failure
/// into a success.
#[test]
fn faults_count_in_whatever_order_they_are_told() {
    let both = failed(0, 1, ErrorKind::Device).faults.into_iter();
    let both = both.chain(failed(0, 0, ErrorKind::Device).faults).collect();
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d1>h0 d0>h1", TIMEOUT);
    stage.looks(1, &[Completion { faults: both, ..done(0) }]);
    stage.sends(1, "d1>h0 d0>h1", 1 + TIMEOUT).waits(1 + TIMEOUT);
    stage.looks(2, &[done(1)]);

    let mut engine = stage.play([2, 2, 0]);
    visit(&mut engine, &request(1, &[10, 11]));
    visit(&mut engine, &request(2, &[20, 21]));
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().retries, 2);
}

/// Memory that a late transfer may still touch is not given back, and nor is any other: the answer
/// is an error before the first release.
#[test]
fn nothing_is_released_while_a_transfer_is_late() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d0>h0", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT).looks(TIMEOUT, &[]);
    stage.looks(TIMEOUT + 1, &[]);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.drain().unwrap();
    assert_eq!(engine.close().map(drop).unwrap_err().kind(), ErrorKind::Busy);
}
