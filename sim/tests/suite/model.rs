//! Promise: whatever is submitted, each accepted request completes exactly once, in order of time,
//! and the bytes are those that a plain list of arrays would hold.

use crate::bench::{DEVICE, ONE_LINK, at, config, copy, file, read, request};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tierproof_core::{
    Backend, Completion, Descriptor, ErrorKind, Medium, Nanos, Part, RegionId, Rows, TransferId,
};
use tierproof_sim::{Sim, SimConfig};

const LEN: u64 = 2048;

#[derive(Debug, Clone)]
enum Step {
    Copy(Vec<Part>),
    Fill(Descriptor, u8),
    Park(u64),
    Poll,
}

/// Ranges that are often in the way of each other, and sometimes leave their region.
fn range(region: u32) -> impl Strategy<Value = Descriptor> {
    (0..=LEN / 64, 0..300_u64).prop_map(move |(offset, len)| at(RegionId(region), offset * 64, len))
}

fn part(source: u32, target: u32) -> impl Strategy<Value = Part> {
    let rows = proptest::option::weighted(0.3, (1..6_u32, 1..20_u64, 20..40_u64));
    (range(source), range(target), rows).prop_map(|(source, target, rows)| Part {
        rows: rows.map(|(count, len, pitch)| Rows { count, len, pitch }),
        ..copy(source, Descriptor { len: source.len, ..target })
    })
}

fn step() -> impl Strategy<Value = Step> {
    let parts = (0..3_u32, 0..3_u32)
        .prop_flat_map(|(source, target)| prop::collection::vec(part(source, target), 1..4));
    prop_oneof![
        6 => parts.prop_map(Step::Copy),
        1 => (0..3_u32).prop_flat_map(range).prop_flat_map(|at| (Just(at), any::<u8>())).prop_map(|(at, byte)| Step::Fill(at, byte)),
        2 => (0..2000_u64).prop_map(Step::Park),
        2 => Just(Step::Poll),
    ]
}

/// The simulator and the arrays side by side.
struct Twins {
    sim: Sim,
    arrays: [Vec<u8>; 3],
    in_flight: BTreeMap<TransferId, Vec<Part>>,
    last: Nanos,
    refused: usize,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let jitter = ONE_LINK.replace("queue_depth = 2", "queue_depth = 2, jitter_per_mille = 900");
        let mut sim = Sim::new(SimConfig { seed, ..config(&jitter) }).unwrap();
        let arrays = [DEVICE, Medium::Host, file()].map(|medium| {
            let region = sim.allocate(&medium, LEN).unwrap();
            read(&mut sim, at(region, 0, LEN))
        });
        Self { sim, arrays, in_flight: BTreeMap::new(), last: Nanos::ZERO, refused: 0 }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Copy(parts) => self.submit(parts),
            Step::Fill(target, byte) => self.fill(*target, *byte),
            Step::Park(span) => {
                let before = self.sim.now();
                let now = self.sim.park(before + Nanos(*span));
                assert!(now >= before && now <= before + Nanos(*span));
            }
            Step::Poll => self.poll(),
        }
    }

    fn submit(&mut self, parts: &[Part]) {
        match self.sim.submit(&request(parts)) {
            Ok(id) => {
                assert!(self.in_flight.insert(id, parts.to_vec()).is_none());
            }
            Err(error) => {
                let expected = self.objection(parts);
                assert!(expected.contains(&error.kind()), "{error}: {expected:?}");
                self.refused += 1;
                return;
            }
        }
        let id = *self.in_flight.last_key_value().unwrap().0;
        let accepted = self.in_flight.remove(&id).unwrap();
        assert_eq!(self.objection(parts), [], "accepted all the same");
        self.in_flight.insert(id, accepted);
    }

    /// Kinds of error that the request deserves, found byte by byte.
    fn objection(&self, parts: &[Part]) -> Vec<ErrorKind> {
        let mut objections = Vec::new();
        let outside = |at: Descriptor| at.offset + at.len > LEN;
        for part in parts {
            if outside(part.source) || outside(part.target) {
                objections.push(ErrorKind::OutOfRange);
            }
            let Some(rows) = part.rows else { continue };
            if rows.pitch * u64::from(rows.count - 1) + rows.len > part.source.len {
                objections.push(ErrorKind::OutOfRange);
            }
            if part.source.region.0 == 2 || part.target.region.0 == 2 {
                objections.push(ErrorKind::Unsupported);
            }
        }
        if parts[0].source.region.0 == 2 && parts[0].target.region.0 == 2 {
            objections.push(ErrorKind::Unsupported);
        }
        if !parts.iter().any(|part| outside(part.source) || outside(part.target)) {
            let mut marks = self.marks();
            if !parts.iter().all(|part| mark(&mut marks, part)) {
                objections.extend([ErrorKind::Busy, ErrorKind::OutOfRange]);
            }
        }
        objections
    }

    /// By region and byte: read by so many, or written.
    fn marks(&self) -> Vec<Vec<i32>> {
        let mut marks = vec![vec![0; LEN as usize]; 3];
        for part in self.in_flight.values().flatten() {
            assert!(mark(&mut marks, part), "two in flight are in each other's way");
        }
        marks
    }

    fn fill(&mut self, target: Descriptor, byte: u8) {
        let bytes = vec![byte; target.len as usize];
        let outside = target.offset + target.len > LEN;
        let range = target.offset as usize..(target.offset + target.len) as usize;
        let region = target.region.0 as usize;
        match self.sim.fill(target, &bytes) {
            Ok(()) => {
                assert!(self.marks()[region][range.clone()].iter().all(|&mark| mark == 0));
                self.arrays[region][range].copy_from_slice(&bytes);
            }
            Err(error) if outside => {
                assert_eq!(error.kind(), ErrorKind::OutOfRange);
                self.refused += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy);
                assert!(self.marks()[region][range].iter().any(|&mark| mark != 0));
                self.refused += 1;
            }
        }
    }

    fn poll(&mut self) {
        let mut done = Vec::new();
        self.sim.poll(&mut done).unwrap();
        for Completion { id, at, faults } in done {
            assert!(faults.is_empty());
            assert!(at >= self.last && at <= self.sim.now());
            self.last = at;
            let parts = self.in_flight.remove(&id).expect("in flight, and ends once");
            parts.iter().for_each(|part| self.copy(part));
        }
        assert_eq!(self.sim.in_flight(), self.in_flight.len());
    }

    fn copy(&mut self, part: &Part) {
        let (from, to) = (part.source.region.0 as usize, part.target.region.0 as usize);
        let rows = part.rows.unwrap_or(Rows { count: 1, len: part.source.len, pitch: 0 });
        for row in 0..u64::from(rows.count) {
            for byte in row * rows.pitch..row * rows.pitch + rows.len {
                let value = self.arrays[from][(part.source.offset + byte) as usize];
                self.arrays[to][(part.target.offset + byte) as usize] = value;
            }
        }
    }

    fn end(mut self) {
        while !self.in_flight.is_empty() {
            self.sim.park(Nanos::MAX);
            self.poll();
        }
        for (region, array) in (0..).zip(&self.arrays) {
            assert_eq!(&read(&mut self.sim, at(RegionId(region), 0, LEN)), array);
        }
        assert_eq!(self.sim.misuses().len(), self.refused);
    }
}

/// Marks the bytes of a part; false if they are in the way of what is marked.
fn mark(marks: &mut [Vec<i32>], part: &Part) -> bool {
    let bytes = |at: Descriptor| at.offset as usize..(at.offset + at.len) as usize;
    for mark in &mut marks[part.source.region.0 as usize][bytes(part.source)] {
        if *mark < 0 {
            return false;
        }
        *mark += 1;
    }
    for mark in &mut marks[part.target.region.0 as usize][bytes(part.target)] {
        if *mark != 0 {
            return false;
        }
        *mark = -1;
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_steps_agree_with_plain_arrays(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut twins = Twins::new(seed);
        steps.iter().for_each(|step| twins.step(step));
        twins.end();
    }

    #[test]
    fn equal_calls_give_equal_answers(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let run = || {
            let mut twins = Twins::new(seed);
            steps.iter().for_each(|step| twins.step(step));
            let mut done = Vec::new();
            twins.sim.park(Nanos::MAX);
            twins.sim.poll(&mut done).unwrap();
            (done, twins.sim.now(), twins.sim.misuses().to_vec(), twins.arrays)
        };
        prop_assert_eq!(run(), run());
    }
}
