//! Promise: the shadow reports exactly the accesses that no chain of submits, polls, events and waits
//! orders. The model keeps every operation, an edge for every order, and walks back.

use crate::bench::at;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tierproof_core::{Bytes, Descriptor, MediumKind, RegionId, TransferId};
use tierproof_sim::StreamId;
use tierproof_sim::shadow::{Access, Actor, Event, HazardKind, Shadow, What};

const REGION: RegionId = RegionId(3);
const LEN: Bytes = 12;

#[derive(Debug, Clone)]
enum Op {
    Host(Bytes, Bytes, Access),
    Stream(u32, Bytes, Bytes, Access),
    Record(u32),
    /// A stream waits for an event, by index among those recorded so far.
    Wait(u32, usize),
    HostWaits(usize),
    Synchronize(u32),
    /// A transfer of two parts; the second may be empty.
    Submit([(Bytes, Bytes, Access); 2]),
    /// Of those in flight, by index.
    Complete(usize),
    TransfersAfter(u32, Bytes, Bytes),
    StreamAfter(u32, Bytes, Bytes),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let range = || (0..LEN).prop_flat_map(|start| (Just(start), 0..=LEN - start));
    let access = || prop_oneof![Just(Access::Read), Just(Access::Write)];
    let stream = || 0_u32..3;
    let op = prop_oneof![
        2 => (range(), access()).prop_map(|((at, len), access)| Op::Host(at, len, access)),
        4 => (stream(), range(), access())
            .prop_map(|(stream, (at, len), access)| Op::Stream(stream, at, len, access)),
        2 => stream().prop_map(Op::Record),
        2 => (stream(), 0..8_usize).prop_map(|(stream, event)| Op::Wait(stream, event)),
        1 => (0..8_usize).prop_map(Op::HostWaits),
        1 => stream().prop_map(Op::Synchronize),
        4 => (range(), access(), range(), access())
            .prop_map(|((a, b), c, (d, e), f)| Op::Submit([(a, b, c), (d, e, f)])),
        4 => (0..4_usize).prop_map(Op::Complete),
        2 => (stream(), range()).prop_map(|(stream, (at, len))| Op::TransfersAfter(stream, at, len)),
        2 => (stream(), range()).prop_map(|(stream, (at, len))| Op::StreamAfter(stream, at, len)),
    ];
    proptest::collection::vec(op, 1..40)
}

/// Start and length.
type Span = (Bytes, Bytes);

/// Found by one operation at one byte.
type Found = (usize, Bytes, HazardKind);

/// A node for all that happened, and edges from each to what is certainly before it.
#[derive(Default)]
struct Model {
    before: Vec<Vec<usize>>,
    last: BTreeMap<Actor, usize>,
    /// By byte: the last writes and the reads since, with the operation that each was part of.
    bytes: BTreeMap<Bytes, Vec<(usize, Access)>>,
    events: Vec<usize>,
    flights: Vec<(TransferId, usize, Vec<Span>)>,
    notes: Vec<(Bytes, Bytes, usize)>,
    found: BTreeSet<Found>,
}

impl Model {
    /// Something of `actor`'s, behind what it did before and behind `more`.
    fn node(&mut self, actor: Actor, more: &[usize]) -> usize {
        let node = self.before.len();
        let mut before = more.to_vec();
        before.extend(self.last.get(&actor));
        self.before.push(before);
        self.last.insert(actor, node);
        node
    }

    fn reaches(&self, earlier: usize, later: usize) -> bool {
        let mut open = vec![later];
        let mut seen = BTreeSet::new();
        while let Some(node) = open.pop() {
            if node == earlier {
                return true;
            }
            if seen.insert(node) {
                open.extend(&self.before[node]);
            }
        }
        false
    }

    /// `parts`: accesses of one transfer are not ordered by being at one node.
    fn touch(
        &mut self,
        op: usize,
        node: usize,
        (start, len, access): (Bytes, Bytes, Access),
        parts: bool,
    ) {
        for byte in start..start + len {
            let past = self.bytes.remove(&byte).unwrap_or_default();
            for &(earlier, how) in &past {
                let ordered = self.reaches(earlier, node) && !(parts && earlier == node);
                let kind = match (how, access) {
                    (Access::Read, Access::Read) => continue,
                    (Access::Write, Access::Read) => HazardKind::Raw,
                    (Access::Read, Access::Write) => HazardKind::War,
                    (Access::Write, Access::Write) => HazardKind::Waw,
                };
                if !ordered {
                    self.found.insert((op, byte, kind));
                }
            }
            let kept = if access == Access::Write { Vec::new() } else { past };
            self.bytes.insert(byte, kept.into_iter().chain([(node, access)]).collect());
        }
    }

    /// What is noted for any of these ranges.
    fn noted(&self, ranges: &[Span]) -> Vec<usize> {
        let touches = |start, len| ranges.iter().any(|&range| Self::overlaps(range, (start, len)));
        let notes = self.notes.iter().filter(|&&(start, len, _)| touches(start, len));
        notes.map(|&(.., point)| point).collect()
    }

    fn overlaps(a: Span, b: Span) -> bool {
        (a.0..a.0 + a.1).any(|byte| (b.0..b.0 + b.1).contains(&byte))
    }
}

fn range(start: Bytes, len: Bytes) -> Descriptor {
    at(REGION, start, len)
}

/// Does an operation to both.
fn apply(index: usize, op: &Op, model: &mut Model, shadow: &mut Shadow, events: &mut Vec<Event>) {
    let host = |model: &Model| model.last.get(&Actor::Host).copied();
    match *op {
        Op::Host(start, len, access) => {
            let noted = model.noted(&[(start, len)]);
            let node = model.node(Actor::Host, &noted);
            model.touch(index, node, (start, len, access), false);
            shadow.host_access(range(start, len), access, What::Named("host"));
        }
        Op::Stream(stream, start, len, access) => {
            let actor = Actor::Stream(StreamId(stream));
            let launched: Vec<usize> = host(model).into_iter().collect();
            let node = model.node(actor, &launched);
            model.touch(index, node, (start, len, access), false);
            shadow.enqueue(StreamId(stream));
            shadow.access(actor, range(start, len), access, What::Named("kernel"));
        }
        Op::Record(stream) => {
            events.push(shadow.record(StreamId(stream)));
            let node = model.node(Actor::Stream(StreamId(stream)), &[]);
            model.events.push(node);
        }
        Op::Wait(stream, event) if event < events.len() => {
            shadow.wait(StreamId(stream), &events[event]);
            let event = model.events[event];
            model.node(Actor::Stream(StreamId(stream)), &[event]);
        }
        Op::HostWaits(event) if event < events.len() => {
            shadow.host_waits(&events[event]);
            let event = model.events[event];
            model.node(Actor::Host, &[event]);
        }
        Op::Wait(..) | Op::HostWaits(_) => {}
        Op::Synchronize(stream) => {
            shadow.synchronize(StreamId(stream));
            let all = model.node(Actor::Stream(StreamId(stream)), &[]);
            model.node(Actor::Host, &[all]);
        }
        Op::Submit(parts) => {
            let id = TransferId(index as u64);
            let mut before: Vec<usize> = host(model).into_iter().collect();
            before.extend(model.noted(&parts.map(|(start, len, _)| (start, len))));
            let node = model.node(Actor::Transfer(id), &before);
            for part in parts {
                model.touch(index, node, part, true);
            }
            model.flights.push((id, node, parts.map(|(a, b, _)| (a, b)).to_vec()));
            let touched = (0..).zip(parts);
            shadow.submit(id, touched.map(|(part, (a, b, access))| (range(a, b), access, part)));
        }
        Op::Complete(flight) if flight < model.flights.len() => {
            let (id, node, _) = model.flights.remove(flight);
            model.node(Actor::Host, &[node]);
            shadow.complete(id);
        }
        Op::Complete(_) => shadow.complete(TransferId(u64::MAX)),
        Op::TransfersAfter(stream, start, len) => {
            let point = model.node(Actor::Stream(StreamId(stream)), &[]);
            model.notes.push((start, len, point));
            shadow.transfers_after(range(start, len), StreamId(stream));
        }
        Op::StreamAfter(stream, start, len) => {
            let touching =
                |ranges: &[Span]| ranges.iter().any(|&range| Model::overlaps(range, (start, len)));
            let flights = model.flights.iter().filter(|(.., ranges)| touching(ranges));
            let nodes: Vec<usize> = flights.map(|&(_, node, _)| node).collect();
            model.node(Actor::Stream(StreamId(stream)), &nodes);
            shadow.stream_after(range(start, len), StreamId(stream));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_finds_what_no_chain_orders_and_nothing_else(ops in ops()) {
        let (mut model, mut shadow, mut events) = (Model::default(), Shadow::default(), Vec::new());
        shadow.region(REGION, MediumKind::Device);
        let mut found = BTreeSet::new();
        for (index, op) in ops.iter().enumerate() {
            let known = shadow.hazards().len();
            apply(index, op, &mut model, &mut shadow, &mut events);
            for hazard in &shadow.hazards()[known..] {
                prop_assert_eq!(hazard.range.region, REGION);
                for byte in hazard.range.offset..hazard.range.offset + hazard.range.len {
                    found.insert((index, byte, hazard.kind));
                }
            }
            if shadow.hazards_found() > 64 {
                // The shadow keeps no more; the next operation can't be compared.
                return Ok(());
            }
            prop_assert_eq!(&found, &model.found, "after op {} of {:?}", index, ops);
        }
    }
}

/// Both answers of the comparison above have to be common, or it proves little.
#[test]
fn random_programs_have_hazards_and_are_without() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut clean, mut kinds) = (0, BTreeMap::new());
    for _ in 0..300 {
        let ops = ops().new_tree(&mut runner).unwrap().current();
        let (mut model, mut shadow, mut events) = (Model::default(), Shadow::default(), Vec::new());
        for (index, op) in ops.iter().enumerate() {
            apply(index, op, &mut model, &mut shadow, &mut events);
        }
        clean += u32::from(model.found.is_empty());
        model.found.iter().for_each(|(_, _, kind)| *kinds.entry(*kind).or_insert(0) += 1);
    }
    assert!(clean > 20, "{clean}");
    assert!(kinds.len() == 3 && kinds.values().all(|&count| count > 100), "{kinds:?}");
}

#[test]
fn what_a_shadow_was_not_told_of_it_says_nothing_about() {
    let mut shadow = Shadow::default();
    shadow.submit(TransferId(0), [(range(0, 4), Access::Write, 0)]);
    shadow.access(Actor::Host, range(0, 4), Access::Read, What::Named("peek"));
    shadow.access(Actor::Transfer(TransferId(9)), range(0, 4), Access::Write, What::Named("?"));
    shadow.release(REGION);
    shadow.complete(TransferId(7));
    assert_eq!(shadow.hazards(), []);
}

/// G10: memory is given back while a transfer still uses it.
#[test]
fn a_release_in_flight_is_a_hazard() {
    let mut shadow = Shadow::default();
    shadow.region(REGION, MediumKind::Host);
    shadow.submit(TransferId(5), [(range(0, 4), Access::Read, 2)]);
    shadow.release(REGION);
    let [hazard] = shadow.hazards() else { panic!("{:?}", shadow.hazards()) };
    assert_eq!(
        (hazard.first.actor, hazard.first.what),
        (Actor::Transfer(TransferId(5)), What::Part(2))
    );
    assert_eq!(hazard.second.what, What::Named("release"));
}

#[test]
fn the_first_hazards_are_kept_and_the_others_counted() {
    let mut shadow = Shadow::default();
    shadow.region(REGION, MediumKind::Device);
    for id in 0..100 {
        shadow.submit(TransferId(id), [(range(0, 4), Access::Write, 0)]);
    }
    assert_eq!((shadow.hazards().len(), shadow.hazards_found()), (64, 99));
    assert_eq!(shadow.hazards()[63].second.actor, Actor::Transfer(TransferId(64)));
    shadow.forget();
    shadow.submit(TransferId(100), [(range(0, 4), Access::Write, 0)]);
    assert_eq!(shadow.hazards_found(), 99, "what vanished is in nobody's way");
}
