//! Promise: equal seeds and calls give equal bytes, order and times; leaving a request out changes
//! no draw of the others.

use crate::bench::{DEVICE, ONE_LINK, at, config, copy, drain, read, submit};
use std::collections::BTreeMap;
use tierproof_core::{Backend, Medium, TransferId};
use tierproof_sim::{Sim, SimConfig};

const REQUESTS: u64 = 40;

/// Requests of the same size that all start and end together, each from a place of its own; `left
/// out` is not submitted. Answers the places in the order of completions.
fn order(seed: u64, left_out: Option<u64>) -> Vec<u64> {
    let profile = ONE_LINK.replace("queue_depth = 2", "queue_depth = 64");
    let mut sim = Sim::new(SimConfig { seed, ..config(&profile) }).unwrap();
    let device = sim.allocate(&DEVICE, 1 << 20).unwrap();
    let host = sim.allocate(&Medium::Host, 1 << 20).unwrap();
    let mut places = BTreeMap::<TransferId, u64>::new();
    for place in (0..REQUESTS).filter(|&place| Some(place) != left_out) {
        let offset = place * 4096;
        let id = submit(&mut sim, &[copy(at(device, offset, 64), at(host, offset, 64))]);
        places.insert(id, place);
    }
    let done = drain(&mut sim);
    assert!(done.iter().all(|completion| completion.at == done[0].at), "one instant");
    done.iter().map(|completion| places[&completion.id]).collect()
}

#[test]
fn ties_are_broken_by_the_seed_and_nothing_else() {
    let ascending: Vec<u64> = (0..REQUESTS).collect();
    let first = order(1, None);
    assert_eq!(first, order(1, None));
    assert_ne!(first, order(2, None));
    assert_ne!(first, ascending);
    let mut sorted = first;
    sorted.sort_unstable();
    assert_eq!(sorted, ascending);
}

#[test]
fn leaving_one_out_leaves_the_order_of_the_others() {
    let all = order(3, None);
    for left_out in 0..REQUESTS {
        let others: Vec<u64> = all.iter().copied().filter(|&place| place != left_out).collect();
        assert_eq!(order(3, Some(left_out)), others);
    }
}

#[test]
fn leaving_one_out_leaves_the_jitter_of_the_others() {
    let jittery = "queue_depth = 64, jitter_per_mille = 1000000";
    let profile = ONE_LINK.replace("queue_depth = 2", jittery);
    let ends = |left_out: Option<u64>| {
        let mut sim = Sim::new(config(&profile)).unwrap();
        let device = sim.allocate(&DEVICE, 1 << 20).unwrap();
        let host = sim.allocate(&Medium::Host, 1 << 20).unwrap();
        let mut places = BTreeMap::new();
        // Twice to every place, without bytes, so that only the latency counts.
        for place in (0..16).chain(0..16).filter(|&place| Some(place) != left_out) {
            let offset = place * 4096;
            places.insert(
                submit(&mut sim, &[copy(at(device, offset, 0), at(host, offset, 0))]),
                place,
            );
        }
        let mut ends: Vec<_> =
            drain(&mut sim).iter().map(|done| (places[&done.id], done.at)).collect();
        ends.sort_unstable();
        ends
    };
    let all = ends(None);
    assert_ne!(all[0].1, all[1].1, "a second visit draws anew");
    let others: Vec<_> = all.iter().copied().filter(|&(place, _)| place != 5).collect();
    assert_eq!(ends(Some(5)), others);
}

#[test]
fn unwritten_bytes_come_from_the_seed() {
    let unwritten = |seed| {
        let mut sim = Sim::new(SimConfig { seed, ..config(ONE_LINK) }).unwrap();
        let host = sim.allocate(&Medium::Host, 10_001).unwrap();
        let other = sim.allocate(&Medium::Host, 10_001).unwrap();
        // In an order that differs from call to call of a caller, but not from place to place.
        let tail = read(&mut sim, at(host, 9_000, 1_001));
        let head = read(&mut sim, at(host, 0, 9_000));
        let other = read(&mut sim, at(other, 0, 9_000));
        assert_ne!(head, other);
        (head, tail)
    };
    let (head, tail) = unwritten(1);
    assert_eq!((head.clone(), tail.clone()), unwritten(1));
    assert_ne!(head, unwritten(2).0);
    assert_ne!(tail, unwritten(2).1);
    // Random, never zero: every value of a byte is there about 35 times.
    let mut counts = [0; 256];
    head.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    assert!(counts.iter().all(|count| (10..70).contains(count)), "{counts:?}");
}
