//! Promise: the wrapper changes nothing, counts trailers as part of their blocks, and does not take a
//! backend's word for order: a transfer is over when its completion was polled.

use crate::bench::{DEVICE, at, copy, drain, kind, read, request, sim, stamp, submit, times};
use rstest::rstest;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, ErrorKind, Medium, Nanos, Part, RegionId,
    Result, TransferId, TransferRequest,
};
use tierproof_sim::Sim;
use tierproof_sim::shadow::{FaultId, Missing, Shadowed, What};

const LEN: Bytes = 64;

/// Accepts everything, and says of no transfer that it has ended until it is told to.
struct Lax {
    capability: Capability,
    regions: u32,
    transfers: u64,
    ended: Vec<TransferId>,
}

impl Lax {
    fn shadowed() -> Shadowed<Self> {
        let capability = sim().capability().clone();
        Shadowed::new(Self { capability, regions: 0, transfers: 0, ended: Vec::new() })
    }
}

impl Backend for Lax {
    fn name(&self) -> &'static str {
        "lax"
    }
    fn capability(&self) -> &Capability {
        &self.capability
    }
    fn allocate(&mut self, _: &Medium, _: Bytes) -> Result<RegionId> {
        self.regions += 1;
        Ok(RegionId(self.regions))
    }
    fn release(&mut self, _: RegionId) -> Result<()> {
        Ok(())
    }
    fn fill(&mut self, _: Descriptor, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn peek(&mut self, _: Descriptor, _: &mut [u8]) -> Result<()> {
        Ok(())
    }
    fn submit(&mut self, _: &TransferRequest) -> Result<TransferId> {
        self.transfers += 1;
        Ok(TransferId(self.transfers))
    }
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let ended = self.ended.drain(..);
        done.extend(ended.map(|id| Completion { id, at: Nanos::ZERO, faults: Vec::new() }));
        Ok(())
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        until
    }
}

fn two(backend: &mut Shadowed<Lax>) -> (RegionId, RegionId) {
    let device = backend.allocate(&DEVICE, 1 << 20).unwrap();
    (device, backend.allocate(&Medium::Host, 1 << 20).unwrap())
}

#[test]
fn what_is_done_is_what_the_backend_does() {
    fn story<B: Backend>(backend: &mut B) -> (Vec<Completion>, Vec<u8>) {
        let device = backend.allocate(&DEVICE, 1024).unwrap();
        let host = backend.allocate(&Medium::Host, 1024).unwrap();
        backend.fill(at(device, 0, LEN), &[7; LEN as usize]).unwrap();
        let store = request(&[Part {
            seal: Some(stamp(LEN)),
            ..copy(at(device, 0, LEN), at(host, 0, LEN))
        }]);
        backend.submit(&store).unwrap();
        assert_eq!(kind(backend.submit(&store)), ErrorKind::Busy);
        let mut done = Vec::new();
        assert_eq!(backend.park(Nanos::MAX), backend.park(Nanos::ZERO));
        backend.poll(&mut done).unwrap();
        let mut bytes = vec![0; 256];
        backend.peek(at(host, 0, 256), &mut bytes).unwrap();
        backend.release(host).unwrap();
        assert_eq!(kind(backend.release(host)), ErrorKind::OutOfRange);
        assert_eq!(backend.name(), "sim");
        (done, bytes)
    }
    let mut shadowed = Shadowed::new(sim());
    assert_eq!(story(&mut shadowed), story(&mut sim()));
    // The second submit of the same, which was refused.
    assert_eq!(
        shadowed.hazards().iter().map(|hazard| hazard.fault).collect::<Vec<_>>(),
        [FaultId::G05]
    );
    assert_eq!(shadowed.into_inner().capability(), sim().capability());
}

/// A trailer begins at the alignment behind its block, and has 128 bytes.
#[rstest]
#[case::behind_the_payload(40, 63, None)]
#[case::first_of_the_trailer(64, 65, Some(FaultId::G05))]
#[case::last_of_the_trailer(191, 192, Some(FaultId::G05))]
#[case::behind_it(192, 200, None)]
fn a_trailer_is_part_of_what_is_touched(
    #[case] start: Bytes,
    #[case] end: Bytes,
    #[case] fault: Option<FaultId>,
) {
    let mut backend = Lax::shadowed();
    let (device, host) = two(&mut backend);
    let len = 40;
    let store = copy(at(device, 0, len), at(host, 0, len));
    // Alignment is 64: payload 0..40, padding to 64, trailer 64..192.
    backend.submit(&request(&[Part { seal: Some(stamp(len)), ..store }])).unwrap();
    backend.fill(at(host, start, end - start), &vec![0; (end - start) as usize]).unwrap();
    let expected = if (40..64).contains(&start) { Some(FaultId::G05) } else { fault };
    assert_eq!(backend.hazards().first().map(|hazard| hazard.fault), expected);
    // Its source has none.
    let before = backend.shadow().hazards_found();
    backend.fill(at(device, len, 300), &[0; 300]).unwrap();
    assert_eq!(backend.shadow().hazards_found(), before);
}

#[test]
fn a_checked_source_is_read_with_its_trailer() {
    let mut backend = Lax::shadowed();
    let (device, host) = two(&mut backend);
    let load = Part { check: Some(stamp(LEN)), ..copy(at(host, 0, LEN), at(device, 0, LEN)) };
    backend.submit(&request(&[load])).unwrap();
    let mut bytes = [0; 32];
    backend.peek(at(host, LEN, 32), &mut bytes).unwrap();
    assert_eq!(backend.hazards(), [], "reading beside a read is fine");
    backend.fill(at(host, LEN, 32), &bytes).unwrap();
    assert_eq!(backend.hazards()[0].fault, FaultId::G07);
}

#[test]
fn a_transfer_is_over_when_it_was_polled() {
    let mut backend = Lax::shadowed();
    let (device, host) = two(&mut backend);
    let id = backend.submit(&request(&[copy(at(host, 0, LEN), at(device, 0, LEN))])).unwrap();
    backend.inner_mut().ended.push(id);
    let mut bytes = [0; LEN as usize];
    backend.peek(at(device, 0, LEN), &mut bytes).unwrap();
    assert_eq!(
        (backend.hazards()[0].fault, backend.hazards()[0].missing),
        (FaultId::G03, Missing::Poll)
    );
    let mut done = Vec::new();
    backend.poll(&mut done).unwrap();
    backend.fill(at(device, 0, LEN), &bytes).unwrap();
    assert_eq!((done.len(), backend.hazards().len()), (1, 1));
}

#[test]
fn parts_of_one_request_have_no_order() {
    let mut backend = Lax::shadowed();
    let (device, host) = two(&mut backend);
    let part = |source, target| copy(at(device, source, LEN), at(host, target, LEN));
    backend.submit(&request(&[part(0, 0), part(0, LEN)])).unwrap();
    assert_eq!(backend.hazards(), [], "one source for two is fine");
    backend.submit(&request(&[part(0, 4 * LEN), part(LEN, 4 * LEN + 63)])).unwrap();
    let [hazard] = backend.hazards() else { panic!("{:?}", backend.hazards()) };
    assert_eq!((hazard.fault, hazard.missing), (FaultId::G05, Missing::Parts));
    assert_eq!((hazard.first.what, hazard.second.what), (What::Part(0), What::Part(1)));
    assert_eq!(hazard.range, at(host, 4 * LEN + 63, 1));
}

/// The simulator refuses what overlaps a transfer in flight, and an engine that does not fence takes
/// that for a lack of room and asks again: nobody but the shadow noticed.
#[test]
fn who_is_refused_for_not_waiting_has_not_waited() {
    let mut backend = Shadowed::new(sim());
    let device = backend.allocate(&DEVICE, 1024).unwrap();
    let host = backend.allocate(&Medium::Host, 1024).unwrap();
    let (block, slot) = (at(device, 0, LEN), at(host, 0, LEN));
    backend.submit(&request(&[copy(block, slot)])).unwrap();
    backend.submit(&request(&[copy(block, at(host, LEN, LEN))])).unwrap();
    assert_eq!(kind(backend.submit(&request(&[]))), ErrorKind::OutOfRange);
    assert_eq!(backend.hazards(), [], "two reads are fine, and refusals for other reasons");
    assert_eq!(
        kind(backend.submit(&request(&[copy(slot, at(device, LEN, LEN))]))),
        ErrorKind::Busy
    );
    let [hazard] = backend.hazards() else { panic!("{:?}", backend.hazards()) };
    assert_eq!((hazard.fault, hazard.missing, hazard.range), (FaultId::G03, Missing::Poll, slot));
    assert_eq!(hazard.second.what, What::Named("refused submit"));
}

#[test]
fn after_a_power_cut_nobody_waits_for_what_vanished() {
    let mut sim: Shadowed<Sim> = Shadowed::new(sim());
    let device = sim.allocate(&DEVICE, 1024).unwrap();
    let host = sim.allocate(&Medium::Host, 1024).unwrap();
    let (block, slot) = (at(device, 0, LEN), at(host, 0, LEN));
    sim.submit(&request(&[copy(block, slot)])).unwrap();
    sim.power_cut();
    sim.fill(slot, &[1; LEN as usize]).unwrap();
    assert_eq!(sim.hazards(), []);
    // Others do as before.
    let inner = sim.inner_mut();
    submit(inner, &[copy(slot, block)]);
    assert_eq!(times(&drain(inner)).len(), 1);
    assert_eq!(read(inner, block), [1; LEN as usize]);
}
