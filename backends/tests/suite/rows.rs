//! Promise: rows are copied alone, what lies between them stays, and only between memories.

use crate::bench::{Bench, Kind, STRIDE, at, copy, kind_of, pattern, request, stamp};
use rstest::rstest;
use tierproof_core::{Backend, Bytes, ErrorKind, Fault, MediumKind, Part, Refusal, Rows};

const LEN: Bytes = 1000;

fn rows(count: u32, len: Bytes, pitch: Bytes) -> Option<Rows> {
    Some(Rows { count, len, pitch })
}

#[rstest]
#[case::one_row(1, 7, 7)]
#[case::one_row_of_any_pitch(1, 1000, 3)]
#[case::apart(10, 33, 100)]
#[case::touching(100, 10, 10)]
#[case::last_ends_with_the_block(4, 100, 300)]
#[case::empty_rows(5, 0, 10)]
fn rows_arrive_and_gaps_stay(
    #[values(Kind::Dram, Kind::Buffered)] kind: Kind,
    #[values(false, true)] one_region: bool,
    #[case] count: u32,
    #[case] len: Bytes,
    #[case] pitch: Bytes,
) {
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, 4 * LEN);
    let other = bench.region(MediumKind::Host, 4 * LEN);
    let (source, target) =
        (at(device, 0, LEN), at(if one_region { device } else { other }, 2 * LEN, LEN));
    let (new, old) = (pattern(1, LEN), pattern(500, LEN));
    bench.fill(source, &new);
    bench.fill(target, &old);
    let part = Part { rows: rows(count, len, pitch), ..copy(source, target) };
    assert_eq!(bench.run(&[part]), []);
    let mut expected = old;
    for row in 0..Bytes::from(count) {
        let row = (row * pitch) as usize..(row * pitch + len) as usize;
        expected[row.clone()].copy_from_slice(&new[row]);
    }
    assert_eq!(bench.read(target), expected);
}

#[rstest]
#[case::none(0, 10, 10)]
#[case::overlapping(2, 11, 10)]
#[case::too_far(11, 1, 100)]
#[case::overflowing(u32::MAX, 1, u64::MAX)]
fn rows_that_do_not_fit_are_refused(
    #[values(Kind::Dram, Kind::Buffered)] kind: Kind,
    #[case] count: u32,
    #[case] len: Bytes,
    #[case] pitch: Bytes,
) {
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, LEN);
    let host = bench.region(MediumKind::Host, LEN);
    let whole = copy(at(device, 0, LEN), at(host, 0, LEN));
    let part = Part { rows: rows(count, len, pitch), ..whole };
    assert_eq!(kind_of(bench.backend.submit(&request(&[part]))), ErrorKind::OutOfRange);
}

#[rstest]
fn rows_and_files_or_seals_do_not_go_together(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, 2 * STRIDE);
    let host = bench.region(MediumKind::Host, 2 * STRIDE);
    let file = bench.region(MediumKind::File, STRIDE);
    let some = rows(2, 10, 100);
    let [device, host, file] = [device, host, file].map(|region| at(region, 0, LEN));
    for part in [
        Part { rows: some, ..copy(device, file) },
        Part { rows: some, ..copy(file, device) },
        Part { rows: some, seal: Some(stamp(LEN)), ..copy(device, host) },
    ] {
        assert_eq!(kind_of(bench.backend.submit(&request(&[part]))), ErrorKind::Unsupported);
    }
}

/// The first tokens of a sealed block are worth as much as the whole of it.
#[rstest]
fn rows_of_a_sealed_block_are_verified_as_a_whole(
    #[values(Kind::Dram, Kind::Buffered)] kind: Kind,
) {
    let mut bench = Bench::new(kind);
    let device = bench.region(MediumKind::Device, 1 << 16);
    let host = bench.region(MediumKind::Host, 1 << 16);
    let (block, sealed) = (at(device, 0, LEN), at(host, 0, LEN));
    let content = pattern(3, LEN);
    bench.fill(block, &content);
    assert_eq!(bench.run(&[Part { seal: Some(stamp(LEN)), ..copy(block, sealed) }]), []);
    let first = at(device, 8192, LEN);
    bench.fill(first, &[0; LEN as usize]);
    let part = Part { rows: rows(2, 10, 500), check: Some(stamp(LEN)), ..copy(sealed, first) };
    assert_eq!(bench.run(&[part]), []);
    assert_eq!(bench.read(at(device, 8192 + 500, 10)), content[500..510]);
    // Damage outside of the rows.
    bench.fill(at(host, 300, 1), &[content[300] ^ 1]);
    assert_eq!(bench.run(&[part]), [(0, Fault::from(Refusal::BitRot))]);
}
