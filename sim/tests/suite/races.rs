//! Promise: the shadow names both parties of public bugs of missing order, also where the bytes came out
//! right by luck, and is silent where the order is there.
//!
//! Each story is told three times: as it was, with the timing that hid it, and put right.

use crate::bench::{DEVICE, ONE_LINK, at, config, copy, request};
use rstest::rstest;
use tierproof_core::{Backend, Bytes, Descriptor, ErrorKind, Medium, Nanos, RegionId, TransferId};
use tierproof_sim::shadow::{
    Access, Actor, FaultId, Hazard, HazardKind, Missing, Party, Shadowed, What,
};
use tierproof_sim::{Kernel, Sim, StreamId};

/// A block of the device's.
const LEN: Bytes = 64;
/// A transfer of a block: 100 ns of latency, and 64 bytes at 1 byte/ns.
const MOVE: u64 = 164;

/// How a story goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The order is missing, and so are the bytes.
    Wrong,
    /// The order is missing, and the bytes come out right.
    Lucky,
    /// The order is there.
    Right,
}

use Told::{Lucky, Right, Wrong};

/// A GPU, host memory, and a block of known bytes in each.
struct Gpu {
    sim: Shadowed<Sim>,
    device: RegionId,
    host: RegionId,
    a: StreamId,
    b: StreamId,
}

impl Gpu {
    fn new() -> Self {
        let sim = Sim::new(config(ONE_LINK)).expect("valid settings");
        let mut sim = Shadowed::new(sim);
        let device = sim.allocate(&DEVICE, 16 * LEN).expect("there is a device");
        let host = sim.allocate(&Medium::Host, 16 * LEN).expect("there is memory");
        let (a, b) = (sim.stream(), sim.stream());
        let mut gpu = Self { sim, device, host, a, b };
        for block in 0..4 {
            gpu.fill(gpu.block(block), 10 + block as u8);
            gpu.fill(gpu.slot(block), 20 + block as u8);
        }
        gpu
    }

    fn block(&self, block: Bytes) -> Descriptor {
        at(self.device, block * LEN, LEN)
    }

    fn slot(&self, slot: Bytes) -> Descriptor {
        at(self.host, slot * LEN, LEN)
    }

    fn fill(&mut self, at: Descriptor, byte: u8) {
        self.sim.fill(at, &[byte; LEN as usize]).expect("nothing is in flight there");
    }

    fn holds(&mut self, at: Descriptor) -> u8 {
        let mut bytes = [0; LEN as usize];
        // What is looked at is what is there, whoever should have waited for it.
        self.sim.inner_mut().peek(at, &mut bytes).expect("nothing is in flight there");
        assert!(bytes.iter().all(|&byte| byte == bytes[0]), "one write is whole");
        bytes[0]
    }

    fn kernel(
        &mut self,
        stream: StreamId,
        name: &'static str,
        from: Descriptor,
        to: Descriptor,
        ns: u64,
    ) {
        let kernel = Kernel { name, reads: vec![from], writes: vec![to], duration: Nanos(ns) };
        self.sim.launch(stream, &kernel).expect("a kernel in bounds");
    }

    fn transfer(&mut self, from: Descriptor, to: Descriptor) -> TransferId {
        self.sim.submit(&request(&[copy(from, to)])).expect("an acceptable request")
    }

    /// Lets time pass, and polls what ended in it.
    fn pass(&mut self, ns: u64) {
        let until = self.sim.inner().now().saturating_add(Nanos(ns));
        let mut done = Vec::new();
        while self.sim.park(until) < until {
            self.sim.poll(&mut done).expect("the simulator goes on");
        }
        self.sim.poll(&mut done).expect("the simulator goes on");
    }

    /// Lets time pass without looking.
    fn wait(&mut self, ns: u64) {
        let until = self.sim.inner().now().saturating_add(Nanos(ns));
        self.sim.inner_mut().park(until);
    }

    fn hazard(&self, told: Told) -> Option<Hazard> {
        let hazards = self.sim.hazards();
        assert_eq!(hazards.len(), usize::from(told != Right), "{hazards:?}");
        hazards.first().copied()
    }
}

fn party(actor: Actor, access: Access, what: What) -> Party {
    Party { actor, access, what }
}

fn stream(stream: StreamId, access: Access, kernel: &'static str) -> Party {
    party(Actor::Stream(stream), access, What::Named(kernel))
}

fn transfer(id: TransferId, access: Access) -> Party {
    party(Actor::Transfer(id), access, What::Part(0))
}

/// vLLM #45704: attention ran on its stream while the connector's load of the block was still on its
/// way, because nothing let the one wait for the other.
#[rstest]
fn a_consumer_reads_before_the_load_is_done(#[values(Wrong, Lucky, Right)] told: Told) {
    let mut gpu = Gpu::new();
    let (block, out) = (gpu.block(0), gpu.block(8));
    let load = gpu.transfer(gpu.slot(0), block);
    match told {
        Wrong => {}
        // The load happens to have ended when the kernel begins; nobody asked.
        Lucky => gpu.wait(MOVE),
        Right => gpu.sim.stream_after(block, gpu.a).expect("nothing is verified on its way"),
    }
    gpu.kernel(gpu.a, "attention", block, out, 10);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G03, HazardKind::Raw));
        assert_eq!(hazard.first, transfer(load, Access::Write));
        assert_eq!(hazard.second, stream(gpu.a, Access::Read, "attention"));
        assert_eq!((hazard.missing, hazard.range), (Missing::Poll, block));
    }
    gpu.pass(1_000);
    assert_eq!(gpu.holds(out), if told == Wrong { 10 } else { 20 });
}

/// vLLM #48596 and #29870, TensorRT-LLM #9056: the block of an offload that was still reading was given
/// to the next request, whose prefill wrote it.
#[rstest]
fn a_block_is_used_again_while_the_store_reads_it(#[values(Wrong, Lucky, Right)] told: Told) {
    let mut gpu = Gpu::new();
    let (block, slot) = (gpu.block(0), gpu.slot(8));
    let store = gpu.transfer(block, slot);
    if told == Right {
        gpu.pass(MOVE);
    }
    let late = if told == Lucky { 2 * MOVE } else { 10 };
    gpu.kernel(gpu.a, "prefill", gpu.block(1), block, late);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G04, HazardKind::War));
        assert_eq!(hazard.first, transfer(store, Access::Read));
        assert_eq!(hazard.second, stream(gpu.a, Access::Write, "prefill"));
        assert_eq!(hazard.missing, Missing::Poll);
    }
    gpu.pass(1_000);
    assert_eq!(gpu.holds(slot), if told == Wrong { 11 } else { 10 });
}

/// TensorRT-LLM #9056, the other half: two stores went to one slot. The simulator refuses the second as
/// a transfer, so it is an asynchronous copy on a stream here, as it was there.
#[rstest]
fn two_stores_go_to_one_slot(#[values(Wrong, Lucky, Right)] told: Told) {
    let mut gpu = Gpu::new();
    let slot = gpu.slot(8);
    let late = if told == Wrong { 50 } else { 10 };
    gpu.kernel(gpu.a, "first store", gpu.block(0), slot, late);
    if told == Right {
        let mark = gpu.sim.record(gpu.a).expect("the stream is there");
        gpu.sim.wait(gpu.b, &mark).expect("both are there");
    }
    gpu.kernel(gpu.b, "second store", gpu.block(1), slot, 20);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G05, HazardKind::Waw));
        assert_eq!(hazard.first, stream(gpu.a, Access::Write, "first store"));
        assert_eq!(hazard.second, stream(gpu.b, Access::Write, "second store"));
        assert_eq!(hazard.missing, Missing::Wait);
    }
    gpu.pass(1_000);
    assert_eq!(gpu.holds(slot), if told == Wrong { 10 } else { 11 }, "the later one should win");
}

/// `LMCache` #4870: the store waited for an event, but it was recorded on the stream of the store itself
/// instead of the one on which the model wrote the block.
#[rstest]
fn an_event_is_recorded_on_the_wrong_stream(#[values(Wrong, Lucky, Right)] told: Told) {
    let mut gpu = Gpu::new();
    let (block, slot) = (gpu.block(0), gpu.slot(8));
    let late = if told == Lucky { 10 } else { 1_000 };
    gpu.kernel(gpu.a, "prefill", gpu.block(1), block, late);
    let recorded_on = if told == Right { gpu.a } else { gpu.b };
    gpu.sim.transfers_after(block, recorded_on).expect("the block is on the device");
    let store = gpu.transfer(block, slot);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G06, HazardKind::Raw));
        assert_eq!(hazard.first, stream(gpu.a, Access::Write, "prefill"));
        assert_eq!(hazard.second, transfer(store, Access::Read));
        assert_eq!(hazard.missing, Missing::EventElsewhere(gpu.b));
    }
    gpu.pass(2_000);
    assert_eq!(gpu.holds(slot), if told == Wrong { 10 } else { 11 });
}

/// The same fault, and the other way to make it: the event is on the right stream, and the consumer
/// does not wait for it.
#[rstest]
fn an_event_is_recorded_and_nobody_waits(#[values(Wrong, Lucky, Right)] told: Told) {
    let mut gpu = Gpu::new();
    let (block, out) = (gpu.block(0), gpu.block(8));
    gpu.kernel(gpu.a, "prefill", gpu.block(1), block, 100);
    let mark = gpu.sim.record(gpu.a).expect("the stream is there");
    match told {
        Wrong => {}
        Lucky => gpu.wait(100),
        Right => gpu.sim.wait(gpu.b, &mark).expect("both are there"),
    }
    gpu.kernel(gpu.b, "decode", block, out, 10);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G06, HazardKind::Raw));
        assert_eq!(hazard.first, stream(gpu.a, Access::Write, "prefill"));
        assert_eq!(hazard.second, stream(gpu.b, Access::Read, "decode"));
        assert_eq!(hazard.missing, Missing::WaitForEvent);
    }
    gpu.pass(1_000);
    assert_eq!(gpu.holds(out), if told == Wrong { 10 } else { 11 });
}

/// TensorRT-LLM #15546: the host filled a pinned staging buffer anew while the asynchronous copy from it
/// was queued behind a kernel. A copy reads when it runs, not when it is enqueued.
#[rstest]
fn a_staging_buffer_is_overwritten_while_its_copy_is_pending(
    #[values(Wrong, Lucky, Right)] told: Told,
) {
    let mut gpu = Gpu::new();
    let (staging, block) = (gpu.slot(0), gpu.block(0));
    gpu.kernel(gpu.a, "decode", gpu.block(2), gpu.block(9), 500);
    gpu.kernel(gpu.a, "copy", staging, block, 10);
    match told {
        Wrong => {}
        Lucky => gpu.wait(510),
        Right => gpu.sim.synchronize(gpu.a).expect("the stream ends"),
    }
    gpu.fill(staging, 99);
    if let Some(hazard) = gpu.hazard(told) {
        assert_eq!((hazard.fault, hazard.kind), (FaultId::G07, HazardKind::War));
        assert_eq!(hazard.first, stream(gpu.a, Access::Read, "copy"));
        assert_eq!(hazard.second, party(Actor::Host, Access::Write, What::Named("fill")));
        assert_eq!(hazard.missing, Missing::Wait);
        let said = hazard.to_string();
        assert_eq!(
            said,
            "S3, G07 War: bytes 0..64 of region 1: stream 0 reads them (copy), then the host writes \
             them (fill); the second never waited for the first"
        );
    }
    gpu.pass(1_000);
    assert_eq!(gpu.holds(block), if told == Wrong { 99 } else { 20 });
}

/// The simulator refuses a fill in the way of a transfer; a fill that is refused is no hazard.
#[test]
fn a_refused_fill_is_not_noted() {
    let mut gpu = Gpu::new();
    gpu.transfer(gpu.block(0), gpu.slot(8));
    let refused = gpu.sim.fill(gpu.block(0), &[1; LEN as usize]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    gpu.hazard(Right);
}
