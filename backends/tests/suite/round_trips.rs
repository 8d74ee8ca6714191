//! Promise: what is copied arrives as it was, on every route, whatever its length and place, and
//! nothing beside it changes.

use crate::bench::{Bench, Kind, STRIDE, at, copy, pattern};
use rstest::rstest;
use tierproof_core::{Backend, Bytes, MediumKind, Part, RegionId, Route, round_up};

const RED: u8 = 0xe1;

/// Fills a whole region, a slot at a time.
fn paint(bench: &mut Bench, region: RegionId, len: Bytes) {
    for start in (0..len).step_by(STRIDE as usize) {
        let len = STRIDE.min(len - start);
        bench.fill(at(region, start, len), &vec![RED; len as usize]);
    }
}

fn routes(bench: &Bench) -> Vec<(MediumKind, MediumKind)> {
    let all = MediumKind::ALL.into_iter().flat_map(|from| MediumKind::ALL.map(|to| (from, to)));
    let capability = bench.backend.capability();
    all.filter(|&(from, to)| capability.route(from, to) != Route::Absent).collect()
}

/// Where a copy starts: on memory at an odd place or at a page, in files in the second slot.
fn start(kind: MediumKind, odd: bool, alignment: Bytes) -> Bytes {
    match (kind, odd) {
        (MediumKind::File, true) => STRIDE + 3 * alignment,
        (MediumKind::File, false) => STRIDE,
        (_, true) => 4097,
        (_, false) => 8192,
    }
}

#[rstest]
fn on_every_route(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(1, 63, 64, 65, 511, 4095, 4096, 4097, 65_536, 1_048_577, 3_145_727, 3_145_728)]
    len: Bytes,
    #[values(false, true)] odd: bool,
) {
    let mut bench = Bench::new(kind);
    for (index, (from, to)) in (0..).zip(routes(&bench)) {
        let whole = 2 * STRIDE;
        let (source, target) = (bench.region(from, whole), bench.region(to, whole));
        paint(&mut bench, target, whole);
        let alignment = bench.alignment();
        let (out, into) = (start(from, odd, alignment), start(to, odd, alignment));
        let content = pattern(index, len);
        bench.fill(at(source, out, len), &content);
        assert_eq!(bench.run(&[copy(at(source, out, len), at(target, into, len))]), []);
        assert!(bench.read(at(target, into, len)) == content, "{from:?} to {to:?}");
        assert!(bench.read(at(source, out, len)) == content, "{from:?} to {to:?}");
        let before = bench.read(at(target, into - 64, 64));
        assert!(before.iter().all(|&byte| byte == RED), "{from:?} to {to:?}");
        // A payload that ends within a page of a file owns the rest of it, and leaves zeros there.
        let paged = to == MediumKind::File && kind != Kind::Dram;
        let end = if paged { round_up(into + len, alignment).unwrap() } else { into + len };
        let rest = bench.read(at(target, into + len, end - into - len));
        assert!(rest.iter().all(|&byte| byte == 0), "{from:?} to {to:?}");
        let after = bench.read(at(target, end, 64));
        assert!(after.iter().all(|&byte| byte == RED), "{from:?} to {to:?}");
        bench.backend.release(source).unwrap();
        bench.backend.release(target).unwrap();
    }
}

#[rstest]
fn many_parts_at_once(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut bench = Bench::new(kind);
    let parts = 256;
    let len = 4096 + 17;
    let step = 8192;
    let memory = bench.region(MediumKind::Device, parts * step);
    let back = bench.region(MediumKind::Host, parts * step);
    let file = bench.region(MediumKind::File, STRIDE);
    let content = |part: u64| pattern(part * 1000, len);
    for part in 0..parts {
        bench.fill(at(memory, part * step, len), &content(part));
    }
    // Part `i` goes where it is out of order.
    let moved = |i: u64| (i * 77 + 5) % parts;
    let down: Vec<Part> = (0..parts)
        .map(|i| copy(at(memory, i * step, len), at(file, moved(i) * step, len)))
        .collect();
    let up: Vec<Part> =
        (0..parts).map(|i| copy(at(file, moved(i) * step, len), at(back, i * step, len))).collect();
    let most = bench.backend.capability().request_parts_max as usize;
    for parts in down.chunks(most).chain(up.chunks(most)) {
        assert_eq!(bench.run(parts), []);
    }
    for part in 0..parts {
        assert!(bench.read(at(back, part * step, len)) == content(part), "part {part}");
    }
}

#[rstest]
fn fill_and_peek_anywhere(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(MediumKind::Device, MediumKind::Host, MediumKind::File)] medium: MediumKind,
    #[values((0, 1), (4095, 2), (1, 4096), (STRIDE - 3, 7), (1000, 2 * STRIDE))] range: (
        Bytes,
        Bytes,
    ),
) {
    let mut bench = Bench::new(kind);
    let len = 3 * STRIDE;
    let region = bench.region(medium, len);
    paint(&mut bench, region, len);
    let content = pattern(9, range.1);
    bench.fill(at(region, range.0, range.1), &content);
    let mut expected = vec![RED; len as usize];
    expected[range.0 as usize..][..range.1 as usize].copy_from_slice(&content);
    assert!(bench.read(at(region, 0, len)) == expected);
    assert!(bench.read(at(region, range.0, range.1)) == content);
}

/// A slot that is a file of its own ends where the region does, and the empty range there is in no
/// file: it once counted as a file cut short.
#[rstest]
fn nothing_at_all_can_be_copied_anywhere(
    #[values(Kind::Dram, Kind::Buffered, Kind::Direct, Kind::PerSlot)] kind: Kind,
) {
    let mut bench = Bench::new(kind);
    let memory = bench.region(MediumKind::Host, 100);
    let file = bench.region(MediumKind::File, STRIDE);
    for end in [0, STRIDE] {
        assert_eq!(bench.run(&[copy(at(memory, 100, 0), at(file, end, 0))]), []);
        assert_eq!(bench.run(&[copy(at(file, end, 0), at(memory, 100, 0))]), []);
    }
}
