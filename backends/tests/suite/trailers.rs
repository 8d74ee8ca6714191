//! Promise: a sealed block is loaded only as what it is. Every way in which it can be another one
//! has its own refusal, and refused bytes never stay in the target.

use crate::bench::{Bench, Kind, STRIDE, at, copy, names, pattern, stamp};
use rstest::rstest;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use tierproof_core::{Bytes, Descriptor, Fault, MediumKind, Part, Refusal, Stamp, TRAILER_LEN};

fn seal(source: Descriptor, target: Descriptor, stamp: Stamp) -> Part {
    Part { seal: Some(stamp), ..copy(source, target) }
}

fn check(source: Descriptor, target: Descriptor, stamp: Stamp) -> Part {
    Part { check: Some(stamp), ..copy(source, target) }
}

/// Memory, and a file with a sealed block in its second slot.
struct Stored {
    bench: Bench,
    memory: Descriptor,
    stored: Descriptor,
    content: Vec<u8>,
}

impl Stored {
    fn new(kind: Kind, len: Bytes) -> Self {
        let mut bench = Bench::new(kind);
        let device = bench.region(MediumKind::Device, STRIDE);
        let file = bench.region(MediumKind::File, 3 * STRIDE);
        let (memory, stored) = (at(device, 4096, len), at(file, STRIDE, len));
        let content = pattern(len, len);
        bench.fill(memory, &content);
        assert_eq!(bench.run(&[seal(memory, stored, stamp(len))]), []);
        Self { bench, memory, stored, content }
    }

    fn load(&mut self, stamp: Stamp) -> Vec<(u32, Fault)> {
        self.bench.fill(self.memory, &vec![0xaa; self.memory.len as usize]);
        self.bench.run(&[check(self.stored, self.memory, stamp)])
    }

    /// Changes a byte at rest: by the back door, where there is one.
    fn damage(&mut self, kind: Kind, at_byte: Bytes) {
        let (name, offset) = match kind {
            Kind::Dram => {
                let byte = at(self.stored.region, self.stored.offset + at_byte, 1);
                let old = self.bench.read(byte)[0];
                return self.bench.fill(byte, &[!old]);
            }
            Kind::PerSlot => ("rank1_window2_block_1_pool_0.bin", at_byte),
            _ => ("rank1_window2_pool0.slots", self.stored.offset + at_byte),
        };
        let path = self.bench.files().join(name);
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut old = [0];
        file.read_exact_at(&mut old, offset).unwrap();
        file.write_all_at(&[!old[0]], offset).unwrap();
    }
}

#[rstest]
fn sealed_blocks_come_back(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(1, 64, 4095, 4096, 4097, 1_000_000)] len: Bytes,
) {
    let mut stored = Stored::new(kind, len);
    assert_eq!(stored.load(stamp(len)), []);
    assert!(stored.bench.read(stored.memory) == stored.content);
}

#[rstest]
#[case::layout(|s: &mut Stamp| s.layout[3] ^= 1, Refusal::WrongLayout)]
#[case::tenant(|s: &mut Stamp| s.tenant ^= 1, Refusal::ForeignTenant)]
#[case::slot(|s: &mut Stamp| s.slot += 1, Refusal::Misdirected)]
#[case::pool(|s: &mut Stamp| s.pool += 1, Refusal::Misdirected)]
#[case::generation(|s: &mut Stamp| s.generation += 1, Refusal::Stale)]
#[case::key(|s: &mut Stamp| s.key[0] ^= 1, Refusal::WrongKey)]
fn another_block_is_refused_by_name(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(64, 5000)] len: Bytes,
    #[case] change: fn(&mut Stamp),
    #[case] refusal: Refusal,
) {
    let mut stored = Stored::new(kind, len);
    let mut other = stamp(len);
    change(&mut other);
    assert_eq!(stored.load(other), [(0, Fault::from(refusal))]);
    assert!(stored.bench.read(stored.memory) != stored.content, "refused bytes are not delivered");
}

#[rstest]
fn damage_at_rest_is_refused(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(64, 4096, 5000)] len: Bytes,
) {
    let trailer = |kind| {
        let alignment = Bench::new(kind).alignment();
        Stamp::trailer_offset(len, alignment).unwrap()
    };
    for (byte, refusal) in [
        (0, Refusal::BitRot),
        (len / 2, Refusal::BitRot),
        (len - 1, Refusal::BitRot),
        (trailer(kind), Refusal::Torn),
        (trailer(kind) + 50, Refusal::Torn),
        (trailer(kind) + 103, Refusal::Torn),
    ] {
        let mut stored = Stored::new(kind, len);
        stored.damage(kind, byte);
        assert_eq!(stored.load(stamp(len)), [(0, Fault::from(refusal))], "byte {byte}");
        stored.damage(kind, byte);
        assert_eq!(stored.load(stamp(len)), [], "byte {byte} as it was");
    }
}

/// Loads read straight into their target before the trailer is known to be right. What they read
/// of another tenant once stayed there.
#[rstest]
fn refused_bytes_do_not_stay_in_the_target(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let len = 10_000;
    let mut stored = Stored::new(kind, len);
    let foreign = Stamp { tenant: 3, ..stamp(len) };
    assert_eq!(stored.load(foreign), [(0, Fault::from(Refusal::ForeignTenant))]);
    assert!(stored.bench.read(stored.memory).iter().all(|&byte| byte == 0));
}

#[rstest]
fn what_was_never_written_is_torn(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut stored = Stored::new(kind, 5000);
    stored.stored.offset += STRIDE;
    assert_eq!(stored.load(stamp(5000)), [(0, Fault::from(Refusal::Torn))]);
}

/// Host memory is sealed too: down to the file the block is verified and sealed anew, with a
/// stamp for its new place.
#[rstest]
fn a_block_is_verified_and_sealed_anew_on_its_way(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let len = 70_001;
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, STRIDE);
    let host = bench.region(MediumKind::Host, STRIDE);
    let file = bench.region(MediumKind::File, STRIDE);
    let [device, host, file] = [device, host, file].map(|region| at(region, 0, len));
    let content = pattern(4, len);
    bench.fill(device, &content);
    let (first, second) = (stamp(len), Stamp { slot: 9, generation: 5, ..stamp(len) });
    assert_eq!(bench.run(&[seal(device, host, first)]), []);
    let down = Part { check: Some(first), seal: Some(second), ..copy(host, file) };
    assert_eq!(bench.run(&[down]), []);
    bench.fill(host, &vec![0; len as usize]);
    let up = Part { check: Some(second), seal: Some(first), ..copy(file, host) };
    assert_eq!(bench.run(&[up]), []);
    assert_eq!(bench.run(&[check(host, device, first)]), []);
    assert!(bench.read(device) == content);
    // Damage in host memory never reaches the file.
    bench.fill(Descriptor { offset: 100, len: 1, ..host }, &[!content[100]]);
    assert_eq!(bench.run(&[down]), [(0, Fault::from(Refusal::BitRot))]);
    assert_eq!(bench.run(&[check(file, device, second)]), [], "what the file held before");
}

#[rstest]
fn one_refused_part_leaves_the_others_alone(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let len = 4096;
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, 64 * len);
    let file = bench.region(MediumKind::File, STRIDE);
    let sealed = Stamp::sealed_len(len, bench.alignment()).unwrap();
    let slot = |slot: u32| (at(device, u64::from(slot) * len, len), u64::from(slot) * sealed);
    let stamp = |slot: u32| Stamp { slot, ..stamp(len) };
    let down: Vec<Part> =
        (0..8).map(|i| seal(slot(i).0, at(file, slot(i).1, len), stamp(i))).collect();
    for i in 0..8 {
        bench.fill(slot(i).0, &pattern(u64::from(i) * 99, len));
    }
    assert_eq!(bench.run(&down), []);
    let wrong = |i: u32| i == 2 || i == 5;
    let up: Vec<Part> = (0..8)
        .map(|i| {
            let expected = if wrong(i) { stamp(i + 1) } else { stamp(i) };
            check(at(file, slot(i).1, len), slot(i + 16).0, expected)
        })
        .collect();
    let fault = Fault::from(Refusal::Misdirected);
    assert_eq!(bench.run(&up), [(2, fault), (5, fault)]);
    for i in (0..8).filter(|&i| !wrong(i)) {
        assert!(bench.read(slot(i + 16).0) == pattern(u64::from(i) * 99, len));
    }
}

#[rstest]
fn the_rest_of_a_trailers_page_tells_nothing(
    #[values(Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let len = 5000;
    let mut stored = Stored::new(kind, len);
    assert!(!names(&stored.bench.files()).is_empty());
    let file = stored.stored;
    let gap = stored.bench.read(Descriptor { offset: file.offset + len, len: 8192 - len, ..file });
    assert!(gap.iter().all(|&byte| byte == 0), "between payload and trailer");
    let start = 8192 + TRAILER_LEN as Bytes;
    let rest =
        stored.bench.read(Descriptor { offset: file.offset + start, len: 12_288 - start, ..file });
    assert!(rest.iter().all(|&byte| byte == 0), "behind the trailer");
}
