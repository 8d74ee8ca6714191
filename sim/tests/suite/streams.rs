//! Promise: kernels of a stream run in order, read when they begin and write when they end; streams and
//! transfers wait for each other where they were told to, and for nothing else.

use crate::bench::{
    DEVICE, ONE_LINK, at, config, copy, drain, file, kind, read, sim, stamp, submit, times,
};
use tierproof_core::{Backend, Bytes, Descriptor, ErrorKind, Medium, Nanos, Part, RegionId};
use tierproof_sim::{Kernel, Sim, SimConfig, StreamId, Verdict};

const LEN: Bytes = 64;
/// 100 ns of latency, and a block at 1 byte/ns.
const MOVE: u64 = 164;

fn kernel(from: Descriptor, to: Descriptor, ns: u64) -> Kernel {
    Kernel { name: "kernel", reads: vec![from], writes: vec![to], duration: Nanos(ns) }
}

fn blocks(sim: &mut Sim) -> (RegionId, impl Fn(Bytes) -> Descriptor + use<>) {
    let device = sim.allocate(&DEVICE, 8 * LEN).unwrap();
    let block = move |index| at(device, index * LEN, LEN);
    for index in 0..8 {
        sim.fill(block(index), &[index as u8; LEN as usize]).unwrap();
    }
    (device, block)
}

fn pass(sim: &mut Sim, ns: u64) {
    let until = sim.now().saturating_add(Nanos(ns));
    assert_eq!(sim.park(until), until);
}

#[test]
fn a_stream_is_a_queue_and_two_streams_are_not() {
    let mut sim = sim();
    let (_, block) = blocks(&mut sim);
    let (a, b) = (sim.stream(), sim.stream());
    assert_eq!((a, b), (StreamId(0), StreamId(1)));
    sim.launch(a, &kernel(block(1), block(0), 100)).unwrap();
    // Reads what the one before it wrote, 100 ns later.
    sim.launch(a, &kernel(block(0), block(2), 100)).unwrap();
    // Reads at once.
    sim.launch(b, &kernel(block(0), block(3), 150)).unwrap();
    pass(&mut sim, 99);
    assert_eq!(read(&mut sim, block(0))[0], 0, "a kernel writes when it ends");
    pass(&mut sim, 1);
    assert_eq!(read(&mut sim, block(0))[0], 1);
    pass(&mut sim, 100);
    assert_eq!([2, 3].map(|index| read(&mut sim, block(index))[0]), [1, 0]);
}

#[test]
fn a_kernel_scatters_what_it_gathered_and_undefined_bytes_where_that_is_nothing() {
    let mut sim = sim();
    let (device, block) = blocks(&mut sim);
    let stream = sim.stream();
    let reads = vec![at(device, 64, 2), at(device, 128, 1)];
    let writes = vec![at(device, 0, 4), at(device, 10, 3)];
    let gathers = Kernel { name: "gathers", reads, writes, duration: Nanos(1) };
    sim.launch(stream, &gathers).unwrap();
    let invents = Kernel { reads: Vec::new(), writes: vec![block(5), block(6)], ..gathers };
    sim.launch(stream, &invents).unwrap();
    sim.synchronize(stream).unwrap();
    assert_eq!(read(&mut sim, at(device, 0, 13)), [1, 1, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
    let (five, six) = (read(&mut sim, block(5)), read(&mut sim, block(6)));
    assert!(five != six && five != [5; 64], "no two blocks are alike by chance");
}

#[test]
fn a_stream_waits_for_a_point_of_another() {
    let mut sim = sim();
    let (_, block) = blocks(&mut sim);
    let (a, b) = (sim.stream(), sim.stream());
    sim.launch(a, &kernel(block(1), block(0), 100)).unwrap();
    let point = sim.record(a).unwrap();
    sim.launch(a, &kernel(block(2), block(0), 100)).unwrap();
    sim.wait(b, point).unwrap();
    sim.launch(b, &kernel(block(0), block(3), 1)).unwrap();
    sim.synchronize(b).unwrap();
    assert_eq!(sim.now(), Nanos(101));
    assert_eq!(read(&mut sim, block(3))[0], 1, "behind the first, before the second");
    sim.synchronize(a).unwrap();
    assert_eq!(sim.now(), Nanos(200));
}

#[test]
fn transfers_fills_and_peeks_wait_for_the_streams_that_were_told_of() {
    let mut sim = sim();
    let (_, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, 4 * LEN).unwrap();
    let stream = sim.stream();
    sim.launch(stream, &kernel(block(1), block(0), 500)).unwrap();
    sim.transfers_after(block(0), stream).unwrap();
    // What the stream is given later does not count.
    sim.launch(stream, &kernel(block(2), block(0), 9_000)).unwrap();
    let free = submit(&mut sim, &[copy(block(3), at(host, 0, LEN))]);
    let held = submit(&mut sim, &[copy(block(0), at(host, LEN, LEN))]);
    assert_eq!(times(&drain(&mut sim)), [(MOVE, free.0), (500 + MOVE, held.0)]);
    assert_eq!(read(&mut sim, at(host, LEN, LEN))[0], 1);

    let before = sim.now();
    sim.launch(stream, &kernel(block(4), block(5), 700)).unwrap();
    sim.transfers_after(block(5), stream).unwrap();
    assert_eq!(read(&mut sim, block(6))[0], 6);
    assert_eq!(sim.now(), before, "another block is nobody's business");
    assert_eq!(read(&mut sim, block(5))[0], 4);
    assert_eq!(sim.now(), before.saturating_add(Nanos(700)));
}

#[test]
fn a_stream_waits_for_the_transfers_of_a_range() {
    let mut sim = sim();
    let (_, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, 4 * LEN).unwrap();
    sim.fill(at(host, 0, LEN), &[77; LEN as usize]).unwrap();
    let stream = sim.stream();
    submit(&mut sim, &[copy(at(host, 0, LEN), block(0))]);
    sim.stream_after(block(1), stream).unwrap();
    sim.launch(stream, &kernel(block(0), block(6), 1)).unwrap();
    sim.stream_after(block(0), stream).unwrap();
    sim.launch(stream, &kernel(block(0), block(7), 1)).unwrap();
    sim.synchronize(stream).unwrap();
    assert_eq!(sim.now(), Nanos(MOVE + 1), "the transfer ended, and nobody had to poll it");
    let held: Vec<u8> = (6..8).map(|index| read(&mut sim, block(index))[0]).collect();
    assert_eq!(held, [0, 77], "another block's transfers are not waited for");
    // One that has ended is not waited for.
    sim.stream_after(block(0), stream).unwrap();
    sim.synchronize(stream).unwrap();
    assert_eq!(sim.now(), Nanos(MOVE + 1));
}

#[test]
fn a_stream_can_not_wait_for_what_the_host_verifies() {
    let mut sim = sim();
    let device = sim.allocate(&DEVICE, 4 * LEN).unwrap();
    let host = sim.allocate(&Medium::Host, 16 * LEN).unwrap();
    sim.fill(at(device, 0, LEN), &[5; LEN as usize]).unwrap();
    let stream = sim.stream();
    let (block, slot) = (at(device, 0, LEN), at(host, 0, LEN));
    submit(&mut sim, &[Part { seal: Some(stamp(LEN)), ..copy(block, slot) }]);
    sim.stream_after(block, stream).unwrap();
    drain(&mut sim);
    submit(&mut sim, &[Part { check: Some(stamp(LEN)), ..copy(slot, block) }]);
    assert_eq!(kind(sim.stream_after(block, stream)), ErrorKind::Busy);
    sim.stream_after(at(device, LEN, LEN), stream).unwrap();
    drain(&mut sim);
    sim.stream_after(block, stream).unwrap();
}

#[test]
fn what_can_not_be_is_a_typed_error_without_effect() {
    let mut sim = sim();
    let (device, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let files = sim.allocate(&file(), 4096).unwrap();
    let (stream, nobody) = (sim.stream(), StreamId(9));
    let launched = |sim: &mut Sim, to| kind(sim.launch(stream, &kernel(to, to, 1)));
    assert_eq!(launched(&mut sim, at(files, 0, 64)), ErrorKind::Unsupported);
    assert_eq!(launched(&mut sim, at(device, 8 * LEN, 1)), ErrorKind::OutOfRange);
    assert_eq!(launched(&mut sim, at(device, 1, u64::MAX)), ErrorKind::OutOfRange);
    assert_eq!(launched(&mut sim, at(RegionId(99), 0, 1)), ErrorKind::OutOfRange);
    assert_eq!(kind(sim.launch(nobody, &kernel(block(0), block(1), 1))), ErrorKind::OutOfRange);
    assert_eq!(kind(sim.record(nobody)), ErrorKind::OutOfRange);
    assert_eq!(kind(sim.synchronize(nobody)), ErrorKind::OutOfRange);
    for range in [at(host, 0, LEN), at(files, 0, 64)] {
        assert_eq!(kind(sim.transfers_after(range, stream)), ErrorKind::Unsupported);
        assert_eq!(kind(sim.stream_after(range, stream)), ErrorKind::Unsupported);
    }
    assert_eq!(kind(sim.transfers_after(at(device, 8 * LEN, 1), stream)), ErrorKind::OutOfRange);
    assert_eq!(kind(sim.stream_after(block(0), nobody)), ErrorKind::OutOfRange);
    let mut other = Sim::new(SimConfig::default()).unwrap();
    let foreign = (0..3).map(|_| other.stream()).last().unwrap();
    let foreign = other.record(foreign).unwrap();
    assert_eq!(kind(sim.wait(stream, foreign)), ErrorKind::OutOfRange);
    sim.synchronize(stream).unwrap();
    assert_eq!(sim.now(), Nanos::ZERO);
}

#[test]
fn waiting_for_what_hangs_is_busy_until_it_goes_on() {
    let hangs = |_: &_, _| Verdict::Hang;
    let mut sim = Sim::with_faults(config(ONE_LINK), hangs).unwrap();
    let (_, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let stream = sim.stream();
    sim.launch(stream, &kernel(block(1), block(0), 50)).unwrap();
    sim.transfers_after(block(0), stream).unwrap();
    // Held back by the stream first, and then it hangs.
    let id = submit(&mut sim, &[copy(block(0), at(host, 0, LEN))]);
    sim.stream_after(block(0), stream).unwrap();
    assert_eq!(kind(sim.synchronize(stream)), ErrorKind::Busy);
    sim.unhang(id).unwrap();
    sim.synchronize(stream).unwrap();
    assert_eq!(sim.now(), Nanos(50 + MOVE));
}

#[test]
fn what_is_held_back_can_be_told_to_go_on() {
    let hangs = |_: &_, _| Verdict::Hang;
    let mut sim = Sim::with_faults(config(ONE_LINK), hangs).unwrap();
    let (_, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let stream = sim.stream();
    sim.launch(stream, &kernel(block(1), block(0), 50)).unwrap();
    sim.transfers_after(block(0), stream).unwrap();
    let id = submit(&mut sim, &[copy(block(0), at(host, 0, LEN))]);
    sim.unhang(id).unwrap();
    assert_eq!(times(&drain(&mut sim)), [(50 + MOVE, id.0)]);
    assert_eq!(read(&mut sim, at(host, 0, LEN))[0], 1);
}

#[test]
fn a_power_cut_ends_kernels_and_what_waited_for_them() {
    let mut sim = sim();
    let (_, block) = blocks(&mut sim);
    let host = sim.allocate(&Medium::Host, LEN).unwrap();
    let stream = sim.stream();
    sim.launch(stream, &kernel(block(1), block(0), 500)).unwrap();
    let point = sim.record(stream).unwrap();
    sim.transfers_after(block(0), stream).unwrap();
    submit(&mut sim, &[copy(block(0), at(host, 0, LEN))]);
    sim.power_cut();
    assert!(drain(&mut sim).is_empty());
    sim.fill(block(0), &[8; LEN as usize]).unwrap();
    sim.wait(stream, point).unwrap();
    sim.synchronize(stream).unwrap();
    pass(&mut sim, 1_000);
    assert_eq!(read(&mut sim, block(0))[0], 8);
}
