//! Stored bytes that are not what was stored are refused with the reason, whatever put them there,
//! and the load is a miss.

use crate::bench::{Bench, Device, Host, Setup, hashes};
use rstest::rstest;
use tierproof_core::{
    Backend, BlockId, Bytes, Capability, Completion, Descriptor, Medium, Nanos, Prompt, Refusal,
    RegionId, Request, Result, RetryPolicy, Settled, Stamp, TransferId, TransferRequest,
};
use tierproof_sim::{Sim, SimConfig};

/// Notes why bytes were refused.
struct Witness {
    sim: Sim,
    refusals: Vec<Refusal>,
}

impl Backend for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }
    fn capability(&self) -> &Capability {
        self.sim.capability()
    }
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.sim.allocate(medium, len)
    }
    fn release(&mut self, region: RegionId) -> Result<()> {
        self.sim.release(region)
    }
    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.sim.fill(target, bytes)
    }
    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.sim.peek(source, bytes)
    }
    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.sim.submit(request)
    }
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let before = done.len();
        self.sim.poll(done)?;
        let faults = done[before..].iter().flat_map(|completion| &completion.faults);
        self.refusals.extend(faults.filter_map(|(_, fault)| fault.refusal));
        Ok(())
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        self.sim.park(until)
    }
}

fn tenant(tenant: u32, id: u64, ids: &[u64]) -> Request {
    Request::new(id, Prompt::Hashes { tenant, ids: ids.to_vec() })
}

/// Content 10 of `owner` and content 11 lie in host memory, as blocks 0 and 1.
fn start(owner: u32) -> Bench<Witness> {
    let retry = RetryPolicy { reread_corrupt: false, ..RetryPolicy::default() };
    let sim = Sim::new(SimConfig::default()).unwrap();
    let witness = Witness { sim, refusals: Vec::new() };
    let setup = Setup { retry, ..Setup::new([4, 2, 0]) };
    let mut bench = setup.on(witness, |witness| witness.sim.misuses());
    bench.visit(&tenant(owner, 1, &[10, 11]));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    bench.drain();
    bench
}

/// All bytes of the slot of a block, its trailer included.
fn slot(bench: &Bench<Witness>, block: u32) -> Descriptor {
    let payload = bench.engine.descriptor(0, BlockId(block), 0).unwrap();
    let alignment = bench.engine.backend().capability().alignment;
    Descriptor { len: Stamp::sealed_len(payload.len, alignment).unwrap(), ..payload }
}

fn peek(bench: &mut Bench<Witness>, at: Descriptor) -> Vec<u8> {
    let mut bytes = vec![0; at.len as usize];
    bench.engine.backend_mut().peek(at, &mut bytes).unwrap();
    bytes
}

fn fill(bench: &mut Bench<Witness>, at: Descriptor, bytes: &[u8]) {
    bench.engine.backend_mut().fill(at, bytes).unwrap();
}

/// The request wants one block, whose stored bytes are to be refused.
fn is_refused(bench: &mut Bench<Witness>, request: &Request, why: Refusal) {
    assert_eq!(bench.add(request), Ok(4));
    let settled = bench.run(request.id.0);
    assert_eq!(settled, Settled { matched_tokens: 0, lost_from: Some(0) });
    assert_eq!(bench.engine.backend().inner().refusals, [why]);
    let stats = bench.engine.transfer_stats();
    assert_eq!((stats.corrupt, stats.failed, stats.retries), (1, 1, 0));
}

#[rstest]
#[case::first_byte_of_the_payload(0, Refusal::BitRot)]
#[case::last_byte_of_the_payload(63, Refusal::BitRot)]
#[case::magic(64, Refusal::Torn)]
#[case::key(64 + 8, Refusal::Torn)]
#[case::checksum(64 + 96, Refusal::Torn)]
fn one_flipped_bit_is_refused(#[case] at: usize, #[case] why: Refusal) {
    let mut bench = start(0);
    let slot = slot(&bench, 0);
    let mut bytes = peek(&mut bench, slot);
    bytes[at] ^= 4;
    fill(&mut bench, slot, &bytes);
    is_refused(&mut bench, &hashes(3, &[10]), why);
}

#[test]
fn a_wiped_slot_is_torn() {
    let mut bench = start(0);
    let slot = slot(&bench, 0);
    fill(&mut bench, slot, &vec![0; slot.len as usize]);
    is_refused(&mut bench, &hashes(3, &[10]), Refusal::Torn);
}

#[test]
fn the_block_of_another_slot_was_misdirected() {
    let mut bench = start(0);
    let [first, second] = [0, 1].map(|block| slot(&bench, block));
    let [ten, eleven] = [first, second].map(|slot| peek(&mut bench, slot));
    fill(&mut bench, first, &eleven);
    fill(&mut bench, second, &ten);
    is_refused(&mut bench, &hashes(3, &[10]), Refusal::Misdirected);
}

/// The slot that 10 had is 20's by now, and shows its former content again: a write that was
/// acknowledged and lost.
#[rstest]
#[case::of_the_same_tenant(0, Refusal::Stale)]
#[case::of_another_tenant(7, Refusal::ForeignTenant)]
fn what_a_slot_held_before_is_refused(#[case] owner: u32, #[case] why: Refusal) {
    let mut bench = start(owner);
    let before = slot(&bench, 0);
    let ten = peek(&mut bench, before);
    // 23 and 22 take the slots of 11 and 10, and 21 and 20 take them in turn.
    bench.visit(&hashes(3, &[30, 31, 32, 33]));
    bench.drain();
    let twenty = (0..).map(BlockId).zip(bench.engine.blocks(0).unwrap());
    let mut here = twenty.filter(|(_, block)| block.findable && block.place.tier == Host);
    let at = |id: BlockId| bench.engine.descriptor(0, id, 0).unwrap().offset == before.offset;
    assert!(here.any(|(id, _)| at(id)), "somebody's content is there");
    drop(here);
    fill(&mut bench, before, &ten);
    is_refused(&mut bench, &hashes(4, &[20]), why);
    assert_eq!(bench.quarantined(Device), 0);
}
