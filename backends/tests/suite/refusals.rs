//! Promise: a request that can't be carried out is refused with its typed error and has no effect,
//! now or later.

use crate::bench::{
    Bench, Kind, STRIDE, at, config, copy, folder, kind_of, open, pattern, request, stamp,
};
use rstest::rstest;
use tierproof_backends::PosixConfig;
use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, ErrorKind, Fault, Medium, MediumKind, Nanos, Part,
    RegionId, TransferRequest,
};

const LEN: Bytes = 4096;

/// One region of each medium and one that was released, all with known content.
struct Stage {
    bench: Bench,
    device: RegionId,
    host: RegionId,
    file: RegionId,
    gone: RegionId,
}

impl Stage {
    fn new(kind: Kind) -> Self {
        let mut bench = Bench::new(kind);
        let device = bench.region(MediumKind::Device, STRIDE);
        let host = bench.region(MediumKind::Host, STRIDE);
        let file = bench.region(MediumKind::File, STRIDE);
        let gone = bench.region(MediumKind::Host, STRIDE);
        bench.backend.release(gone).unwrap();
        for (seed, region) in [(1, device), (2, host), (3, file)] {
            bench.fill(at(region, 0, STRIDE), &pattern(seed, STRIDE));
        }
        Self { bench, device, host, file, gone }
    }

    /// A part that would be welcome.
    fn good(&self) -> Part {
        copy(at(self.device, 0, LEN), at(self.file, 16 * LEN, LEN))
    }

    fn refused(&mut self, request: &TransferRequest, expected: ErrorKind) {
        assert_eq!(kind_of(self.bench.backend.submit(request)), expected, "{request:?}");
        let mut done = Vec::new();
        self.bench.backend.poll(&mut done).unwrap();
        assert_eq!(done, [], "a refused request has no completion");
    }

    /// Nothing was written by anybody, and everything still works.
    fn unharmed(mut self) {
        for (seed, region) in [(1, self.device), (2, self.host), (3, self.file)] {
            assert!(self.bench.read(at(region, 0, STRIDE)) == pattern(seed, STRIDE), "{region:?}");
        }
        let good = self.good();
        assert_eq!(self.bench.run(&[good]), []);
        assert_eq!(self.bench.wait(0), []);
    }
}

#[rstest]
fn bad_parts_behind_good_ones(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stage = Stage::new(kind);
    let Stage { device, file, gone, .. } = stage;
    let good = stage.good();
    let memory = at(device, LEN, LEN);
    let overflow = Descriptor { region: device, offset: u64::MAX - 10, len: 100 };
    let longest = at(device, 0, u64::MAX);
    for (part, expected) in [
        (copy(memory, at(file, 1, LEN)), ErrorKind::Misaligned),
        (copy(at(device, 0, 10), at(file, 2048 + 32, 10)), ErrorKind::Misaligned),
        (copy(at(device, STRIDE - LEN + 1, LEN), at(file, 0, LEN)), ErrorKind::OutOfRange),
        (copy(memory, at(file, STRIDE, LEN)), ErrorKind::OutOfRange),
        (copy(overflow, at(file, 0, 100)), ErrorKind::OutOfRange),
        (copy(longest, at(file, 0, u64::MAX)), ErrorKind::OutOfRange),
        (copy(memory, at(file, 0, LEN - 1)), ErrorKind::OutOfRange),
        (copy(memory, at(gone, 0, LEN)), ErrorKind::OutOfRange),
        (copy(at(gone, 0, LEN), at(file, 0, LEN)), ErrorKind::OutOfRange),
        (copy(memory, at(RegionId(u32::MAX), 0, LEN)), ErrorKind::OutOfRange),
        // No room for the trailer.
        (
            Part { seal: Some(stamp(LEN)), ..copy(memory, at(file, STRIDE - LEN, LEN)) },
            ErrorKind::OutOfRange,
        ),
        (
            Part {
                check: Some(stamp(LEN)),
                ..copy(at(device, STRIDE - LEN, LEN), at(file, 0, LEN))
            },
            ErrorKind::OutOfRange,
        ),
        // A stamp for other bytes than these.
        (
            Part { seal: Some(stamp(LEN - 1)), ..copy(memory, at(file, 0, LEN)) },
            ErrorKind::OutOfRange,
        ),
        // Onto another part's target, and onto another part's source.
        (copy(memory, good.target), ErrorKind::OutOfRange),
    ] {
        stage.refused(&request(&[good, part]), expected);
        stage.refused(&request(&[part, good]), expected);
    }
    stage.unharmed();
}

#[rstest]
fn targets_on_sources_and_in_trailers(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stage = Stage::new(kind);
    let Stage { device, host, file, .. } = stage;
    let here = at(device, 100, LEN);
    for parts in [
        vec![copy(here, here)],
        vec![copy(here, at(device, 100 + LEN - 1, LEN))],
        vec![copy(here, at(host, 0, LEN)), copy(at(device, 9 * LEN, LEN), at(host, LEN - 1, LEN))],
        vec![copy(here, at(device, 50_000, 10)); 2],
    ] {
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|part| Part { source: Descriptor { len: part.target.len, ..part.source }, ..part })
            .collect();
        stage.refused(&request(&parts), ErrorKind::OutOfRange);
    }
    // The trailer of the first lies where the payload of the second is to go.
    let sealed = Part { seal: Some(stamp(LEN)), ..copy(here, at(file, 0, LEN)) };
    let onto = copy(at(device, 9 * LEN, LEN), at(file, LEN, LEN));
    stage.refused(&request(&[sealed, onto]), ErrorKind::OutOfRange);
    stage.refused(&request(&[onto, sealed]), ErrorKind::OutOfRange);
    stage.unharmed();
}

#[rstest]
fn mixed_media(#[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind) {
    let mut stage = Stage::new(kind);
    let other = copy(at(stage.device, LEN, LEN), at(stage.host, 0, LEN));
    let back = copy(at(stage.file, 0, LEN), at(stage.device, LEN, LEN));
    for part in [other, back] {
        stage.refused(&request(&[stage.good(), part]), ErrorKind::Unsupported);
    }
    stage.unharmed();
}

#[rstest]
fn too_many_parts_or_bytes(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stage = Stage::new(kind);
    let capability = stage.bench.backend.capability().clone();
    let parts = capability.request_parts_max as usize;
    let part = |i: usize| {
        let offset = i as Bytes * 64;
        copy(at(stage.device, offset, 1), at(stage.host, offset, 1))
    };
    let many: Vec<Part> = (0..=parts).map(part).collect();
    stage.refused(&request(&[]), ErrorKind::OutOfRange);
    stage.refused(&request(&many), ErrorKind::OutOfRange);
    // Sources may be the same bytes; what is counted is what would be copied.
    let times = capability.request_bytes_max / STRIDE + 1;
    let twice = copy(at(stage.device, 0, STRIDE), at(stage.host, 0, STRIDE));
    if times <= parts as Bytes {
        let large = vec![twice; times as usize];
        stage.refused(&request(&large), ErrorKind::OutOfRange);
    }
    stage.unharmed();
    let mut stage = Stage::new(kind);
    let most: Vec<Part> = many[..parts]
        .iter()
        .map(|part| Part {
            source: Descriptor { region: stage.device, ..part.source },
            target: Descriptor { region: stage.host, ..part.target },
            ..*part
        })
        .collect();
    assert_eq!(stage.bench.run(&most), [], "the most that is allowed");
}

#[test]
fn a_part_that_leaves_a_slot_that_is_a_file() {
    let mut bench = Bench::new(Kind::PerSlot);
    let memory = bench.region(MediumKind::Host, 2 * STRIDE);
    let file = bench.region(MediumKind::File, 2 * STRIDE);
    let across = copy(at(memory, 0, 2 * LEN), at(file, STRIDE - LEN, 2 * LEN));
    assert_eq!(kind_of(bench.backend.submit(&request(&[across]))), ErrorKind::OutOfRange);
    let sealed =
        Part { seal: Some(stamp(LEN)), ..copy(at(memory, 0, LEN), at(file, STRIDE - LEN, LEN)) };
    assert_eq!(kind_of(bench.backend.submit(&request(&[sealed]))), ErrorKind::OutOfRange);
    assert_eq!(bench.run(&[copy(at(memory, 0, LEN), at(file, STRIDE - LEN, LEN))]), []);
}

#[rstest]
fn a_route_from_file_to_file(#[values(Kind::Buffered, Kind::PerSlot)] kind: Kind) {
    let mut stage = Stage::new(kind);
    let part = copy(at(stage.file, 0, LEN), at(stage.file, 2 * LEN, LEN));
    stage.refused(&request(&[part]), ErrorKind::Unsupported);
    stage.unharmed();
}

#[rstest]
fn fill_peek_and_release(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stage = Stage::new(kind);
    let Stage { device, file, gone, .. } = stage;
    for region in [device, file] {
        for (offset, len, given) in [
            (STRIDE, 1, 1),
            (STRIDE - 1, 2, 2),
            (u64::MAX, 1, 1),
            (0, 3, 4),
            (0, 4, 3),
            (5, u64::MAX, 1),
        ] {
            let there = at(region, offset, len);
            let backend = &mut stage.bench.backend;
            let mut bytes = vec![0x77; given];
            assert_eq!(kind_of(backend.fill(there, &bytes)), ErrorKind::OutOfRange);
            assert_eq!(kind_of(backend.peek(there, &mut bytes)), ErrorKind::OutOfRange);
            assert_eq!(bytes, vec![0x77; given]);
        }
    }
    let backend = &mut stage.bench.backend;
    for region in [gone, RegionId(u32::MAX)] {
        assert_eq!(kind_of(backend.release(region)), ErrorKind::OutOfRange);
        assert_eq!(kind_of(backend.fill(at(region, 0, 1), &[1])), ErrorKind::OutOfRange);
        assert_eq!(kind_of(backend.peek(at(region, 0, 1), &mut [1])), ErrorKind::OutOfRange);
    }
    stage.unharmed();
}

#[rstest]
fn regions_of_impossible_sizes(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stage = Stage::new(kind);
    let backend = &mut stage.bench.backend;
    assert_eq!(kind_of(backend.allocate(&Medium::Host, 0)), ErrorKind::OutOfRange);
    assert_eq!(kind_of(backend.allocate(&Medium::Host, 1 << 60)), ErrorKind::Exhausted);
    assert_eq!(kind_of(backend.allocate(&Medium::Host, u64::MAX)), ErrorKind::Exhausted);
    stage.unharmed();
}

#[rstest]
#[case::no_threads(|config: &mut PosixConfig| config.threads = 0)]
#[case::too_many_threads(|config: &mut PosixConfig| config.threads = 257)]
#[case::nothing_in_flight(|config: &mut PosixConfig| config.in_flight_parts_max = 0)]
#[case::too_much_in_flight(|config: &mut PosixConfig| config.in_flight_parts_max = 65_537)]
fn settings_out_of_bounds(#[case] change: fn(&mut PosixConfig)) {
    let folder = folder();
    let mut config = config(Kind::Direct, folder.path());
    change(&mut config);
    assert_eq!(kind_of(tierproof_backends::Posix::open(config)), ErrorKind::Config);
}

/// Of everything that is accepted, one completion comes, even if all of it comes too late.
#[test]
fn a_deadline_in_the_past() {
    let folder = folder();
    let mut posix = open(config(Kind::Direct, folder.path()));
    let host = posix.allocate(&Medium::Host, STRIDE).unwrap();
    let medium = crate::bench::medium(0, STRIDE);
    let file = posix.allocate(&Medium::File(medium), STRIDE).unwrap();
    posix.fill(at(host, 0, LEN), &pattern(1, LEN)).unwrap();
    posix.fill(at(file, 0, LEN), &pattern(2, LEN)).unwrap();
    let parts =
        [copy(at(host, 0, LEN), at(file, 0, LEN)), copy(at(host, 0, LEN), at(file, LEN, LEN))];
    let late = TransferRequest { deadline: Nanos::ZERO, ..request(&parts) };
    let id = posix.submit(&late).unwrap();
    let mut done = Vec::new();
    while done.is_empty() {
        posix.park(Nanos::MAX);
        posix.poll(&mut done).unwrap();
    }
    let fault = Fault::new(ErrorKind::TimedOut);
    let [Completion { id: ended, ref faults, .. }] = done[..] else { panic!("one completion") };
    assert_eq!((ended, &faults[..]), (id, &[(0, fault), (1, fault)][..]));
    let mut bytes = vec![0; LEN as usize];
    posix.peek(at(file, 0, LEN), &mut bytes).unwrap();
    assert!(bytes == pattern(2, LEN), "what came too late was not begun");
}
