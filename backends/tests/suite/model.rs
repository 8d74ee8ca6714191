//! Promise: whatever is asked in whatever order, every region holds what plain vectors would.

use crate::bench::{Bench, Kind, at, pattern, request};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tierproof_core::{
    Backend, Bytes, Descriptor, ErrorKind, FileMedium, FileRole, Medium, Nanos, Part, RegionId,
    Route, Rows, Stamp, TransferId,
};

const SLOT: Bytes = 16_384;
const SLOTS: Bytes = 4;
const LEN: Bytes = SLOT * SLOTS;

/// What a plan does next. Numbers are folded into what is possible.
#[derive(Debug, Clone)]
enum Step {
    Fill { region: usize, offset: Bytes, len: Bytes, seed: u64 },
    Peek { region: usize, offset: Bytes, len: Bytes },
    Submit { from: usize, to: usize, copies: Vec<Copied> },
    Poll,
}

#[derive(Debug, Clone)]
struct Copied {
    source: Bytes,
    target: Bytes,
    len: Bytes,
    rows: Option<(u32, Bytes, Bytes)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let region = 0..4_usize;
    let place = prop_oneof![0..LEN, (0..SLOTS * 4).prop_map(|page| page * 4096)];
    let len = prop_oneof![0..200_u64, 0..9000_u64, Just(4096), Just(8192)];
    let rows = proptest::option::weighted(0.2, (0..5_u32, 0..300_u64, 0..900_u64));
    let copied = (place.clone(), place.clone(), len.clone(), rows)
        .prop_map(|(source, target, len, rows)| Copied { source, target, len, rows });
    let copies = proptest::collection::vec(copied, 0..4);
    let step = prop_oneof![
        3 => (region.clone(), place.clone(), len.clone(), any::<u64>())
            .prop_map(|(region, offset, len, seed)| Step::Fill { region, offset, len, seed }),
        2 => (region.clone(), place, len)
            .prop_map(|(region, offset, len)| Step::Peek { region, offset, len }),
        5 => (region.clone(), region, copies)
            .prop_map(|(from, to, copies)| Step::Submit { from, to, copies }),
        1 => Just(Step::Poll),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A backend beside the vectors that it must agree with.
struct Twin {
    bench: Bench,
    kind: Kind,
    regions: [RegionId; 4],
    /// What each region holds once all that was accepted has ended.
    models: [Vec<u8>; 4],
    in_flight: BTreeMap<TransferId, usize>,
}

/// The regions of a twin: two memories and two files.
const FILES: [bool; 4] = [false, false, true, true];

impl Twin {
    fn new(kind: Kind) -> Self {
        let mut bench = Bench::new(kind);
        let file = |pool| {
            let directory = String::new();
            Medium::File(FileMedium {
                directory,
                rank: 0,
                window: 0,
                pool,
                role: FileRole::Scratch,
                stride: SLOT,
            })
        };
        let media = [crate::bench::DEVICE, Medium::Host, file(0), file(1)];
        let regions = media.map(|medium| bench.backend.allocate(&medium, LEN).unwrap());
        let models = std::array::from_fn(|index| pattern(index as u64 * 1000, LEN));
        for (region, model) in regions.iter().zip(&models) {
            bench.fill(at(*region, 0, LEN), model);
        }
        Self { bench, kind, regions, models, in_flight: BTreeMap::new() }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Fill { region, offset, len, seed } => {
                let bytes = pattern(seed % 1_000_000, len);
                let there = at(self.regions[region], offset, len);
                let result = self.retry(|bench| bench.backend.fill(there, &bytes));
                assert_eq!(result.is_ok(), offset + len <= LEN);
                if result.is_ok() {
                    self.models[region][offset as usize..][..len as usize].copy_from_slice(&bytes);
                }
            }
            Step::Peek { region, offset, len } => {
                let there = at(self.regions[region], offset, len);
                let mut bytes = vec![0; len as usize];
                let result = self.retry(|bench| bench.backend.peek(there, &mut bytes));
                assert_eq!(result.is_ok(), offset + len <= LEN);
                if result.is_ok() {
                    let model = &self.models[region][offset as usize..][..len as usize];
                    assert!(bytes == model, "{step:?}");
                }
            }
            Step::Submit { from, to, ref copies } => self.submit(from, to, copies),
            Step::Poll => self.poll(),
        }
    }

    /// `Busy` is right only while something is in flight, and ends with it.
    fn retry<T>(
        &mut self,
        mut call: impl FnMut(&mut Bench) -> tierproof_core::Result<T>,
    ) -> Result<T, ErrorKind> {
        loop {
            match call(&mut self.bench) {
                Err(error) if error.kind() == ErrorKind::Busy => {
                    assert!(!self.in_flight.is_empty(), "busy with nothing: {error}");
                    self.bench.backend.park(Nanos::MAX);
                    self.poll();
                }
                other => return other.map_err(|error| error.kind()),
            }
        }
    }

    fn poll(&mut self) {
        let mut done = Vec::new();
        self.bench.backend.poll(&mut done).unwrap();
        for completion in done {
            assert!(self.in_flight.remove(&completion.id).is_some(), "{completion:?}");
            assert_eq!(completion.faults, []);
        }
    }

    fn submit(&mut self, from: usize, to: usize, copies: &[Copied]) {
        let parts: Vec<Part> = copies.iter().map(|copied| self.part(from, to, copied)).collect();
        let request = request(&parts);
        let result = self.retry(|bench| bench.backend.submit(&request));
        assert_eq!(result.is_ok(), self.acceptable(from, to, &parts), "{result:?} for {parts:?}");
        let Ok(id) = result else { return };
        assert!(self.in_flight.insert(id, parts.len()).is_none());
        for part in &parts {
            self.copy(from, to, part);
        }
    }

    fn part(&self, from: usize, to: usize, copied: &Copied) -> Part {
        let there = |region: usize, offset, len| at(self.regions[region], offset, len);
        let rows = copied.rows.map(|(count, len, pitch)| Rows { count, len, pitch });
        Part {
            source: there(from, copied.source, copied.len),
            target: there(to, copied.target, copied.len),
            rows,
            check: None,
            seal: None,
        }
    }

    fn paged(&self, region: usize) -> bool {
        FILES[region] && self.kind != Kind::Dram
    }

    /// Every byte that a transfer of `at` touches.
    fn touched(&self, region: usize, there: Descriptor) -> (usize, Bytes, Bytes) {
        let len = if self.paged(region) { there.len.next_multiple_of(4096) } else { there.len };
        (region, there.offset, there.offset + len)
    }

    fn acceptable(&self, from: usize, to: usize, parts: &[Part]) -> bool {
        if parts.is_empty() {
            return false;
        }
        let capability = self.bench.backend.capability();
        let medium = |region: usize| match region {
            0 => tierproof_core::MediumKind::Device,
            1 => tierproof_core::MediumKind::Host,
            _ => tierproof_core::MediumKind::File,
        };
        if parts.is_empty() {
            return true;
        }
        let aligned = |region: usize, there: Descriptor| {
            !FILES[region] || there.offset.is_multiple_of(capability.alignment)
        };
        let whole = |(region, start, end): (usize, Bytes, Bytes)| {
            let alone = self.kind == Kind::PerSlot && FILES[region] && start < end;
            end <= LEN && (!alone || start / SLOT == (end - 1) / SLOT)
        };
        let rows = |part: &Part| {
            part.rows.is_none_or(|rows| {
                let end = u64::from(rows.count.max(1) - 1) * rows.pitch + rows.len;
                !FILES[from]
                    && !FILES[to]
                    && rows.count > 0
                    && (rows.count == 1 || rows.len <= rows.pitch)
                    && end <= part.source.len
            })
        };
        let sources: Vec<_> = parts.iter().map(|part| self.touched(from, part.source)).collect();
        let targets: Vec<_> = parts.iter().map(|part| self.touched(to, part.target)).collect();
        let overlap = |a: &(usize, Bytes, Bytes), b: &(usize, Bytes, Bytes)| {
            a.0 == b.0 && a.1.max(b.1) < a.2.min(b.2)
        };
        let apart = targets.iter().enumerate().all(|(index, target)| {
            !targets[..index].iter().chain(&sources).any(|other| overlap(target, other))
        });
        capability.route(medium(from), medium(to)) != Route::Absent
            && parts.iter().all(|p| aligned(from, p.source) && aligned(to, p.target) && rows(p))
            && sources.iter().chain(&targets).all(|&range| whole(range))
            && apart
    }

    fn copy(&mut self, from: usize, to: usize, part: &Part) {
        let source = self.models[from].clone();
        let rows = part.rows.unwrap_or(Rows { count: 1, len: part.source.len, pitch: 0 });
        for row in 0..u64::from(rows.count) {
            let start = row * rows.pitch;
            let (out, into) = (part.source.offset + start, part.target.offset + start);
            let bytes = &source[out as usize..][..rows.len as usize];
            self.models[to][into as usize..][..rows.len as usize].copy_from_slice(bytes);
        }
        let (_, _, end) = self.touched(to, part.target);
        let payload_end = part.target.offset + part.target.len;
        self.models[to][payload_end as usize..end as usize].fill(0);
    }

    fn agree(&mut self) {
        while !self.in_flight.is_empty() {
            self.bench.backend.park(Nanos::MAX);
            self.poll();
        }
        for (region, model) in self.regions.into_iter().zip(self.models.clone()) {
            assert!(self.bench.read(at(region, 0, LEN)) == model, "{region:?}");
        }
    }
}

fn agree(kind: Kind, steps: &[Step]) {
    let mut twin = Twin::new(kind);
    steps.iter().for_each(|step| twin.step(step));
    twin.agree();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100 / crate::SCARCE, ..ProptestConfig::default() })]

    #[test]
    fn dram(steps in steps()) {
        agree(Kind::Dram, &steps);
    }

    #[test]
    fn buffered(steps in steps()) {
        agree(Kind::Buffered, &steps);
    }

    #[test]
    fn direct(steps in steps()) {
        agree(Kind::Direct, &steps);
    }

    #[test]
    fn per_slot(steps in steps()) {
        agree(Kind::PerSlot, &steps);
    }

    /// A trailer says what it is asked to, whatever the payload.
    #[test]
    fn seals_verify(
        content in proptest::collection::vec(any::<u8>(), 1..10_000),
        wrong in any::<prop::sample::Index>(),
    ) {
        let mut bench = Bench::new(Kind::Direct);
        let len = content.len() as Bytes;
        let host = bench.region(tierproof_core::MediumKind::Host, crate::bench::STRIDE);
        let file = bench.region(tierproof_core::MediumKind::File, crate::bench::STRIDE);
        let stamp: Stamp = crate::bench::stamp(len);
        let (memory, stored) = (at(host, 0, len), at(file, 0, len));
        bench.fill(memory, &content);
        let down = Part { seal: Some(stamp), ..crate::bench::copy(memory, stored) };
        prop_assert_eq!(bench.run(&[down]), []);
        let up = Part { check: Some(stamp), ..crate::bench::copy(stored, memory) };
        prop_assert_eq!(bench.run(&[up]), []);
        prop_assert!(bench.read(memory) == content);
        let byte = wrong.index(content.len());
        bench.fill(at(file, byte as Bytes, 1), &[content[byte].wrapping_add(1)]);
        prop_assert_eq!(bench.run(&[up]).len(), 1);
    }
}
