//! Promise: a request ends exactly when arithmetic on the profile says, to the nanosecond.

use crate::bench::{DEVICE, ONE_LINK, at, config, copy, drain, request, sim, submit, times};
use tierproof_core::{Backend, Medium, Nanos};
use tierproof_sim::{Sim, SimConfig};

/// Submits requests of these lengths from device to host at once and answers when they end.
fn ends(sim: &mut Sim, lengths: &[u64]) -> Vec<(u64, u64)> {
    let device = sim.allocate(&DEVICE, 1 << 20).unwrap();
    let host = sim.allocate(&Medium::Host, 1 << 20).unwrap();
    let mut offset = 0;
    for &len in lengths {
        submit(sim, &[copy(at(device, offset, len), at(host, offset, len))]);
        offset += len;
    }
    let mut ends = times(&drain(sim));
    ends.sort_unstable();
    ends
}

#[test]
fn alone_latency_and_then_bytes_over_bandwidth() {
    assert_eq!(ends(&mut sim(), &[1000]), [(100 + 1000, 0)]);
    assert_eq!(ends(&mut sim(), &[0]), [(100, 0)]);
    // The default profile: 8 300 ns, then 4096 bytes at 54.8 bytes/ns, 74.74 ns.
    let mut default = Sim::new(SimConfig::default()).unwrap();
    assert_eq!(ends(&mut default, &[4096]), [(8_300 + 75, 0)]);
}

#[test]
fn the_parts_of_a_request_count_together() {
    let mut sim = sim();
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    let part = |offset, len| copy(at(device, offset, len), at(host, offset, len));
    submit(&mut sim, &[part(0, 300), part(300, 700), part(1000, 1)]);
    assert_eq!(times(&drain(&mut sim)), [(100 + 1001, 0)]);
}

#[test]
fn two_at_once_share_the_link() {
    // Both have half of it: 2000 ns for 1000 bytes each.
    assert_eq!(ends(&mut sim(), &[1000, 1000]), [(2100, 0), (2100, 1)]);
    // 500 and 1000 bytes: the first ends after 1000 ns, the second has its last 500 alone.
    assert_eq!(ends(&mut sim(), &[500, 1000]), [(1100, 0), (1600, 1)]);
}

#[test]
fn a_third_waits_for_a_place_first_come_first_served() {
    // Two places. 0 and 1 end at 2100; 2 and 3 have 100 ns of latency and share the link for 200.
    // Alone, 4 has 100 ns and 1.
    let expected = [(2100, 0), (2100, 1), (2400, 2), (2400, 3), (2501, 4)];
    assert_eq!(ends(&mut sim(), &[1000, 1000, 100, 100, 1]), expected);
    // 0 ends at 1100, and 2 starts: its latency is over at 1200, when 1 has 400 of 1000 bytes left.
    // They share: 100 bytes each until 1400, and 1 has its last 300 alone.
    assert_eq!(ends(&mut sim(), &[500, 1000, 100]), [(1100, 0), (1400, 2), (1700, 1)]);
}

#[test]
fn routes_with_links_of_their_own_do_not_meet() {
    let profile = r#"
        name = "two links"
        [links.down]
        bandwidth_bytes_per_s = 1_000_000_000
        [links.up]
        bandwidth_bytes_per_s = 500_000_000
        [routes.device_to_host]
        link = "down"
        latency_ns = 10
        queue_depth = 1
        [routes.host_to_device]
        link = "up"
        latency_ns = 20
        queue_depth = 1
    "#;
    let mut sim = Sim::new(config(profile)).unwrap();
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    submit(&mut sim, &[copy(at(device, 0, 1000), at(host, 0, 1000))]);
    submit(&mut sim, &[copy(at(host, 1000, 1000), at(device, 1000, 1000))]);
    assert_eq!(times(&drain(&mut sim)), [(1010, 0), (2020, 1)]);
}

#[test]
fn small_payloads_stand_for_large_blocks() {
    let settings = SimConfig { scale: 256, ..config(ONE_LINK) };
    assert_eq!(ends(&mut Sim::new(settings).unwrap(), &[1000]), [(100 + 256_000, 0)]);
}

#[test]
fn jitter_adds_up_to_its_share_of_the_latency() {
    let profile = ONE_LINK.replace("queue_depth = 2", "queue_depth = 2, jitter_per_mille = 500");
    let mut latencies = Vec::new();
    for seed in 0..64 {
        let mut sim = Sim::new(SimConfig { seed, ..config(&profile) }).unwrap();
        latencies.push(ends(&mut sim, &[0])[0].0);
    }
    assert!(latencies.iter().all(|latency| (100..=150).contains(latency)), "{latencies:?}");
    assert!(latencies.iter().any(|&latency| latency < 110), "{latencies:?}");
    assert!(latencies.iter().any(|&latency| latency > 140), "{latencies:?}");
}

#[test]
fn park_jumps_to_a_completion_or_to_its_limit() {
    let mut sim = sim();
    assert_eq!(sim.park(Nanos(50)), Nanos(50));
    assert_eq!(sim.park(Nanos(7)), Nanos(50), "the past only asks for the time");
    let device = sim.allocate(&DEVICE, 4096).unwrap();
    let host = sim.allocate(&Medium::Host, 4096).unwrap();
    sim.submit(&request(&[copy(at(device, 0, 100), at(host, 0, 100))])).unwrap();
    let mut done = Vec::new();
    sim.poll(&mut done).unwrap();
    assert_eq!(sim.park(Nanos(249)), Nanos(249));
    sim.poll(&mut done).unwrap();
    assert!(done.is_empty());
    assert_eq!(sim.park(Nanos(900)), Nanos(250));
    assert_eq!(sim.park(Nanos(900)), Nanos(250), "a completion is already there");
    sim.poll(&mut done).unwrap();
    assert_eq!(times(&done), [(250, 0)]);
    assert_eq!(sim.park(Nanos(900)), Nanos(900));
}
