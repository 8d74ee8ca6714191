//! Nothing is sent before what it depends on has completed, and nothing is asked of a backend that
//! has its memory back.

use crate::stage::{MockDevice, Stage, TIMEOUT, capability, done, filed, request, visit};
use tierproof_core::{
    Engine, EngineConfig, Lru, Nanos, PoolShape, RequestId, TierBlocks, TransferMode, WindowConfig,
};

/// 10 comes up into the slot that 20 leaves, from the slot that 10 went to: it waits for both stores.
#[test]
fn a_load_waits_for_the_store_of_its_bytes_and_the_store_that_makes_room() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d0>h0", TIMEOUT);
    stage.looks(5, &[]).sends(1, "d0>h1", 5 + TIMEOUT);
    // Settling: the store of 10 ends, then that of 20, then the load.
    stage.looks(6, &[]).waits(TIMEOUT);
    stage.looks(7, &[done(0)]).waits(5 + TIMEOUT);
    stage.looks(8, &[done(1)]).sends(2, "h0>d0", 8 + TIMEOUT).waits(8 + TIMEOUT);
    stage.looks(9, &[done(2)]);
    stage.releases(2);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    engine.add(&request(3, &[10])).unwrap();
    assert_eq!(engine.settle(RequestId(3)).unwrap().matched_tokens, 4);
    drop(engine.close().unwrap());
}

/// 10 goes to host memory and from there to a file, and 20 follows into the slot that it leaves.
#[test]
fn file_and_host_wait_for_each_other() {
    let mut stage = Stage::new();
    stage.allocates(3, capability());
    stage.looks(0, &[]).sends_as(TransferMode::Dram, 0, "d0>h0", TIMEOUT);
    stage.looks(1, &[]);
    stage.looks(2, &[]).waits(TIMEOUT);
    stage.looks(3, &[done(0)]).sends_as(TransferMode::Posix, 1, "h0>f0", 3 + TIMEOUT);
    stage.waits(3 + TIMEOUT);
    stage.looks(4, &[done(1)]).sends_as(TransferMode::Dram, 2, "d0>h0", 4 + TIMEOUT);
    stage.waits(4 + TIMEOUT);
    stage.looks(5, &[done(2)]);
    stage.releases(3);

    let mut engine = stage.play([1, 1, 1]);
    for (id, content) in [(1, 10), (2, 20), (3, 30)] {
        visit(&mut engine, &filed(id, &[content], TransferMode::Posix));
    }
    engine.drain().unwrap();
    assert_eq!(engine.transfer_stats().done, 3);
    drop(engine.close().unwrap());
}

#[test]
fn a_closing_engine_waits_before_it_gives_memory_back() {
    let mut stage = Stage::new();
    stage.allocates(2, capability());
    stage.looks(0, &[]).sends(0, "d0>h0", TIMEOUT);
    stage.looks(1, &[]).waits(TIMEOUT);
    stage.looks(2, &[done(0)]);
    stage.releases(2);

    let mut engine = stage.play([1, 1, 0]);
    visit(&mut engine, &request(1, &[10]));
    visit(&mut engine, &request(2, &[20]));
    drop(engine.close().unwrap());
}

#[test]
fn without_payload_nothing_is_asked_at_all() {
    let blocks = TierBlocks { device: 1, host: 1, disk: 1 };
    let pools = vec![PoolShape::Opaque { bytes: 64 }];
    let config = EngineConfig {
        windows: vec![WindowConfig { size: 1024, blocks, pools }],
        tokens_per_block: 4,
        sequence_tokens_max: 1024,
        payload: false,
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(MockDevice::new(), config, |_| Box::new(Lru::default())).unwrap();
    for (id, content) in [(1, 10), (2, 20), (3, 30)] {
        visit(&mut engine, &filed(id, &[content], TransferMode::Posix));
    }
    engine.add(&request(4, &[10])).unwrap();
    assert_eq!(engine.settle(RequestId(4)).unwrap().matched_tokens, 4);
    engine.advance(Nanos::from_millis(1));
    engine.drain().unwrap();
    assert!(engine.counters().onboards > 0);
    engine.close().unwrap();
}
