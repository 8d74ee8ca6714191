//! Promise: what is in flight has its ranges to itself, ends in exactly one completion, and is
//! waited for when the backend goes.

use crate::bench::{Bench, Kind, STRIDE, at, config, copy, folder, names, open, pattern, request};
use rstest::rstest;
use std::collections::BTreeSet;
use tierproof_backends::PosixConfig;
use tierproof_core::{Backend, Bytes, ErrorKind, Medium, MediumKind, Nanos, Part, TransferId};

const LEN: Bytes = 64 << 10;

/// Submits, and waits where the backend has enough.
fn insist(bench: &mut Bench, parts: &[Part], ended: &mut Vec<TransferId>) -> TransferId {
    let request = request(parts);
    loop {
        match bench.backend.submit(&request) {
            Ok(id) => return id,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
        }
        let mut done = Vec::new();
        bench.backend.park(Nanos::MAX);
        bench.backend.poll(&mut done).unwrap();
        ended.extend(done.iter().map(|completion| completion.id));
    }
}

#[rstest]
fn every_accepted_request_completes_once(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut bench = Bench::new(kind);
    let host = bench.region(MediumKind::Host, STRIDE);
    let file = bench.region(MediumKind::File, STRIDE);
    let (mut given, mut ended) = (Vec::new(), Vec::new());
    for round in 0..200 {
        let at_slot = |slot: Bytes| (at(host, slot * LEN, LEN), at(file, slot * LEN, LEN));
        let parts: Vec<Part> = (0..1 + round % 7)
            .map(|part| {
                let (memory, stored) = at_slot((round * 5 + part) % 64);
                if round % 3 == 0 { copy(stored, memory) } else { copy(memory, stored) }
            })
            .collect();
        given.push(insist(&mut bench, &parts, &mut ended));
    }
    ended.extend(bench.wait(given.len() - ended.len()).iter().map(|completion| completion.id));
    assert_eq!(ended.len(), given.len());
    let all: BTreeSet<TransferId> = given.iter().copied().collect();
    assert_eq!(all.len(), given.len(), "ids are never reused");
    assert_eq!(ended.into_iter().collect::<BTreeSet<_>>(), all);
    assert_eq!(bench.wait(0), []);
}

/// Whichever of two conflicting requests a test manages to hold in flight is up to the machine; what
/// must hold either way is that the second is refused as `Busy` or sees all of the first.
#[rstest]
fn a_reader_sees_all_of_a_write_or_is_busy(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut bench = Bench::patient(kind);
    let host = bench.region(MediumKind::Host, STRIDE);
    let back = bench.region(MediumKind::Host, STRIDE);
    let file = bench.region(MediumKind::File, STRIDE);
    for round in 0..30 {
        let content = pattern(round, STRIDE);
        bench.fill(at(host, 0, STRIDE), &content);
        let mut ended = Vec::new();
        insist(&mut bench, &[copy(at(host, 0, STRIDE), at(file, 0, STRIDE))], &mut ended);
        let mut seen = vec![0; LEN as usize];
        match bench.backend.peek(at(file, STRIDE - LEN, LEN), &mut seen) {
            Ok(()) => assert!(seen == content[content.len() - LEN as usize..]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy),
        }
        if let Err(error) = bench.backend.fill(at(host, 5, 1), &[!content[5]]) {
            assert_eq!(error.kind(), ErrorKind::Busy);
        }
        insist(&mut bench, &[copy(at(file, 0, STRIDE), at(back, 0, STRIDE))], &mut ended);
        ended.extend(bench.wait(2 - ended.len()).iter().map(|completion| completion.id));
        assert!(bench.read(at(back, 0, STRIDE)) == content, "round {round}");
    }
}

/// A release once said yes while a worker had given its range back but still held the files: they
/// were there a moment longer, and their lock with them.
#[rstest]
fn a_release_is_busy_or_complete(#[values(Kind::Buffered, Kind::PerSlot)] kind: Kind) {
    let mut bench = Bench::new(kind);
    let host = bench.region(MediumKind::Host, 4096);
    for _ in 0..300 {
        let medium = Medium::File(crate::bench::medium(0, 4096));
        let file = bench.backend.allocate(&medium, 4096).expect("nobody has the lock any more");
        bench.submit(&[copy(at(host, 0, 4096), at(file, 0, 4096))]);
        while let Err(error) = bench.backend.release(file) {
            assert_eq!(error.kind(), ErrorKind::Busy);
        }
        assert_eq!(names(&bench.files()), Vec::<String>::new());
        assert!(bench.wait(1)[0].faults.is_empty());
    }
}

#[rstest]
fn a_backend_that_goes_waits_for_its_work(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let folder = folder();
    let config = PosixConfig { threads: 1, keep: true, ..config(kind, folder.path()) };
    let mut posix = open(config);
    let host = posix.allocate(&Medium::Host, STRIDE).unwrap();
    let file = posix.allocate(&Medium::File(crate::bench::medium(0, LEN)), STRIDE).unwrap();
    let content = pattern(8, STRIDE);
    posix.fill(at(host, 0, STRIDE), &content).unwrap();
    let part = |slot| copy(at(host, slot * LEN, LEN), at(file, slot * LEN, LEN));
    let slots = (STRIDE / LEN).min(posix.capability().request_parts_max.into());
    let parts: Vec<Part> = (0..slots).map(part).collect();
    posix.submit(&request(&parts)).unwrap();
    drop(posix);
    let read = |name: String| std::fs::read(folder.path().join("kv").join(name)).unwrap();
    let kept: Vec<u8> = match kind {
        Kind::PerSlot => (0..STRIDE / LEN)
            .flat_map(|slot| read(format!("rank1_window2_block_{slot}_pool_0.bin")))
            .collect(),
        _ => read("rank1_window2_pool0.slots".into()),
    };
    let accepted = (slots * LEN) as usize;
    assert!(kept[..accepted] == content[..accepted], "all that was accepted is in the file");
}

#[test]
fn a_small_queue_is_enough_for_everything() {
    let folder = folder();
    let config =
        PosixConfig { in_flight_parts_max: 3, threads: 1, ..config(Kind::Direct, folder.path()) };
    let mut posix = open(config);
    assert_eq!(posix.capability().request_parts_max, 3);
    let host = posix.allocate(&Medium::Host, STRIDE).unwrap();
    let file = posix.allocate(&Medium::File(crate::bench::medium(0, STRIDE)), STRIDE).unwrap();
    let part = |slot| copy(at(host, slot * LEN, LEN), at(file, slot * LEN, LEN));
    let (mut done, mut accepted) = (Vec::new(), 0);
    for round in 0..50 {
        let parts = [part(round % 10 * 2), part(round % 10 * 2 + 1)];
        while let Err(error) = posix.submit(&request(&parts)) {
            assert_eq!(error.kind(), ErrorKind::Busy);
            posix.park(Nanos::MAX);
            posix.poll(&mut done).unwrap();
        }
        accepted += 1;
    }
    while (done.len() as u64) < accepted {
        posix.park(Nanos::MAX);
        posix.poll(&mut done).unwrap();
    }
    assert!(done.iter().all(|completion| completion.faults.is_empty()));
}

#[rstest]
fn time_goes_on_and_parking_ends(#[values(Kind::Dram, Kind::Buffered)] kind: Kind) {
    let mut bench = Bench::new(kind);
    let before = bench.backend.park(Nanos::ZERO);
    let after = bench.backend.park(Nanos::MAX);
    assert!(before <= after && after < Nanos::MAX, "with nothing on its way nobody waits for ever");
    let soon = bench.backend.park(Nanos::ZERO).saturating_add(Nanos(1_000_000));
    assert!(bench.backend.park(soon) >= soon, "nothing else is to be waited for");
}
