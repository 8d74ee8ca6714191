//! Promise: `settle`, or a stream told to wait, is all that a serving engine's own streams need, and
//! without it the shadow names the kernel and the transfer.

use rstest::rstest;
use tierproof_core::{
    Descriptor, Engine, EngineConfig, Lru, Nanos, PoolShape, Prompt, Request, RequestId,
    TierBlocks, Verify, WindowConfig,
};
use tierproof_sim::shadow::{Actor, FaultId, Shadowed};
use tierproof_sim::{Kernel, Sim, SimConfig, StreamId};

/// What lets a kernel and the transfers of its block keep out of each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Nothing,
    Settle,
    Streams,
}

struct Bench {
    engine: Engine<Shadowed<Sim>>,
    stream: StreamId,
}

impl Bench {
    /// One device block and one below.
    fn new() -> Self {
        let window = WindowConfig {
            size: 1024,
            blocks: TierBlocks { device: 1, host: 2, disk: 0 },
            pools: vec![PoolShape::Opaque { bytes: 64 }],
        };
        let config = EngineConfig {
            windows: vec![window],
            tokens_per_block: 4,
            sequence_tokens_max: 1024,
            // What is verified on its way no stream can wait for.
            verify: Verify::Off,
            ..EngineConfig::default()
        };
        let sim = Sim::new(SimConfig::default()).expect("the default is valid");
        let mut sim = Shadowed::new(sim);
        let stream = sim.stream();
        let engine = Engine::new(sim, config, |_| Box::new(Lru::default()));
        Self { engine: engine.expect("a valid engine"), stream }
    }

    fn add(&mut self, id: u64, content: u64) -> Descriptor {
        let prompt = Prompt::Hashes { tenant: 0, ids: vec![content] };
        self.engine.add(&Request::new(id, prompt)).expect("there is room");
        let block = self.engine.held(RequestId(id), 0, 0).expect("it lives")[0];
        self.engine.descriptor(0, block, 0).expect("it is on the device")
    }

    /// A kernel that writes the block of a request.
    fn kernel(&mut self, name: &'static str, block: Descriptor, order: Order, id: u64) {
        let stream = self.stream;
        match order {
            Order::Nothing => {}
            Order::Settle => drop(self.engine.settle(RequestId(id)).expect("it settles")),
            Order::Streams => {
                let sim = self.engine.backend_mut();
                sim.stream_after(block, stream).expect("nothing is verified on its way");
            }
        }
        let kernel = Kernel { name, reads: vec![], writes: vec![block], duration: Nanos(10) };
        self.engine.backend_mut().launch(stream, &kernel).expect("the block is on the device");
    }

    /// The kernels of a request have ended, or its block's transfers will wait for them.
    fn remove(&mut self, id: u64, block: Descriptor, order: Order) {
        let (sim, stream) = (self.engine.backend_mut(), self.stream);
        match order {
            Order::Nothing => {}
            Order::Settle => sim.synchronize(stream).expect("the stream ends"),
            Order::Streams => sim.transfers_after(block, stream).expect("it is on the device"),
        }
        self.engine.remove(RequestId(id)).expect("it lives");
    }
}

/// The block of request 1 goes down, request 2 writes it anew, and request 3 brings the first content up
/// again.
fn story(order: Order) -> Bench {
    let mut bench = Bench::new();
    let block = bench.add(1, 10);
    bench.kernel("first prefill", block, order, 1);
    bench.remove(1, block, order);
    assert_eq!(bench.add(2, 20), block);
    bench.kernel("second prefill", block, order, 2);
    bench.remove(2, block, order);
    assert_eq!(bench.add(3, 10), block);
    bench.kernel("decode", block, order, 3);
    bench.remove(3, block, order);
    bench.engine.drain().expect("the simulator goes on");
    assert_eq!(bench.engine.counters().onboards, 1);
    bench
}

#[rstest]
fn with_an_order_there_is_no_hazard(#[values(Order::Settle, Order::Streams)] order: Order) {
    assert_eq!(story(order).engine.backend().hazards(), []);
}

#[test]
fn without_one_both_parties_of_each_are_named() {
    let bench = story(Order::Nothing);
    let mut named = Vec::new();
    for hazard in bench.engine.backend().hazards() {
        let kernel =
            [hazard.first, hazard.second].map(|party| matches!(party.actor, Actor::Stream(_)));
        assert_eq!(kernel.iter().filter(|&&kernel| kernel).count(), 1, "{hazard}");
        named.push(hazard.fault);
    }
    // The store reads what the first kernel may still write; the second writes what the store may still
    // read; the load writes what the second may still write; the third what the load does.
    for fault in [FaultId::G03, FaultId::G04, FaultId::G05] {
        assert!(named.contains(&fault), "{named:?}");
    }
}
