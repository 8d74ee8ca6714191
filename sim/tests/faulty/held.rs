//! Promise: a transfer that hangs keeps its ranges and says nothing until it goes on; a slow one
//! takes its time; completions change places; and the clock jumps and stalls but never runs
//! backwards.

use crate::workload::{LEN, SLOTS, STRIDE};
use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, ErrorKind, Medium, Nanos, Part, RegionId, TransferId,
    TransferRequest,
};
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Faulty};
use tierproof_sim::{Profile, Sim, SimConfig};

/// One route, 100 ns and 1 byte/ns.
const ONE_ROUTE: &str = r#"
    name = "one route"
    [links.bus]
    bandwidth_bytes_per_s = 1_000_000_000
    [routes]
    device_to_host = { link = "bus", latency_ns = 100, queue_depth = 1 }
"#;
const DEADLINE: Nanos = Nanos(10_000);
const ALONE: u64 = 100 + LEN;

struct Pair {
    faulty: Faulty<Sim>,
    device: RegionId,
    host: RegionId,
}

impl Pair {
    fn new(class: FaultClass, on: &str, detail: u64) -> Self {
        let profile = Profile::from_toml(ONE_ROUTE).unwrap();
        let sim = Sim::new(SimConfig { profile, ..SimConfig::default() }).unwrap();
        let entry = FaultEntry { class, on: on.parse().unwrap(), detail };
        let mut faulty = Faulty::new(sim, &FaultPlan::of([entry])).unwrap();
        let device = faulty.allocate(&Medium::Device { ordinal: 0 }, SLOTS * STRIDE).unwrap();
        let host = faulty.allocate(&Medium::Host, SLOTS * STRIDE).unwrap();
        faulty
            .fill(Descriptor { region: device, offset: 0, len: SLOTS * STRIDE }, &[7; 2304])
            .unwrap();
        Self { faulty, device, host }
    }

    fn at(region: RegionId, slot: u64) -> Descriptor {
        // Without a trailer a slot is 256 bytes at an alignment of 64.
        Descriptor { region, offset: slot * 256, len: LEN as Bytes }
    }

    fn submit(&mut self, slot: u64) -> tierproof_core::Result<TransferId> {
        let (source, target) = (Self::at(self.device, slot), Self::at(self.host, slot));
        let part = Part { source, target, rows: None, check: None, seal: None };
        let request =
            TransferRequest { parts: vec![part], deadline: DEADLINE, ..Default::default() };
        self.faulty.submit(&request)
    }

    fn poll(&mut self) -> Vec<Completion> {
        let mut done = Vec::new();
        self.faulty.poll(&mut done).unwrap();
        done
    }

    /// (when, which) of all that is told until nothing is for a second.
    fn drain(&mut self) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        loop {
            let now = self.faulty.park(Nanos::ZERO);
            self.faulty.park(Nanos(now.0 + 1_000_000_000));
            let done = self.poll();
            if done.is_empty() {
                return told;
            }
            told.extend(done.iter().map(|it| (it.at.0, it.id.0)));
        }
    }

    fn host_byte(&mut self, slot: u64) -> tierproof_core::Result<u8> {
        let mut byte = [0];
        let at = Descriptor { len: 1, ..Self::at(self.host, slot) };
        self.faulty.peek(at, &mut byte).map(|()| byte[0])
    }
}

fn kind<T: std::fmt::Debug>(result: tierproof_core::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn what_hangs_for_ever_keeps_its_ranges_until_healed() {
    let mut pair = Pair::new(FaultClass::F17, "device0:0>host0:0#0", 0);
    let hung = pair.submit(0).unwrap();
    let other = pair.submit(1).unwrap();
    assert_eq!(pair.drain(), [(ALONE, other.0)]);
    assert_eq!(kind(pair.submit(0)), ErrorKind::Busy);
    assert_eq!(pair.faulty.misuses().len(), 1, "whoever tries is noted");
    assert_eq!(kind(pair.host_byte(0)), ErrorKind::Busy);
    let at = Pair::at(pair.host, 0);
    assert_eq!(kind(pair.faulty.fill(at, &[1; LEN as usize])), ErrorKind::Busy);
    assert_eq!(kind(pair.faulty.release(pair.host)), ErrorKind::Busy);
    pair.faulty.heal();
    let now = pair.faulty.park(Nanos::ZERO);
    assert_eq!(pair.drain(), [(now.0 + ALONE, hung.0)]);
    assert_eq!(pair.host_byte(0).unwrap(), 7);
    pair.faulty.release(pair.host).unwrap();
}

#[test]
fn what_hangs_for_a_while_goes_on_after_its_deadline() {
    let late = 500;
    let mut pair = Pair::new(FaultClass::F17, "device0:0>host0:0#0", (late - 1) << 1 | 1);
    let hung = pair.submit(0).unwrap();
    assert_eq!(pair.faulty.park(DEADLINE), DEADLINE);
    assert!(pair.poll().is_empty());
    assert_eq!(pair.drain(), [(DEADLINE.0 + late + ALONE, hung.0)]);
    assert_eq!(pair.host_byte(0).unwrap(), 7);
}

#[test]
fn what_is_slow_takes_so_many_times_as_long() {
    let mut pair = Pair::new(FaultClass::F18, "device0:0>host0:0#0", 5);
    let slow = pair.submit(0).unwrap();
    let other = pair.submit(1).unwrap();
    // It has ended below after 300 ns, which count as a microsecond, 15 times.
    let told = [(2 * ALONE, other.0), (ALONE + 15_000, slow.0)];
    let mut done = Vec::new();
    assert_eq!(pair.faulty.park(Nanos(400)), Nanos(400), "what is held up wakes nobody");
    pair.faulty.poll(&mut done).unwrap();
    assert!(done.is_empty());
    assert_eq!(pair.drain(), told);
}

#[test]
fn completions_change_places_and_the_last_comes_all_the_same() {
    let mut pair = Pair::new(FaultClass::F19, "device0:0>host0:0#0", 0);
    let first = pair.submit(0).unwrap();
    let second = pair.submit(1).unwrap();
    assert_eq!(pair.drain(), [(2 * ALONE, second.0), (ALONE, first.0)]);
    let mut alone = Pair::new(FaultClass::F19, "device0:0>host0:0#0", 0);
    alone.submit(0).unwrap();
    assert_eq!(alone.drain(), [(ALONE, 0)]);
}

#[test]
fn a_duplicate_and_a_stray_name_what_is_not_in_flight() {
    let mut pair = Pair::new(FaultClass::F20, "device0:0>host0:0#0", 1);
    pair.submit(0).unwrap();
    assert_eq!(pair.drain(), [(ALONE, 0), (ALONE, 0)]);
    let mut pair = Pair::new(FaultClass::F21, "device0:1>host0:1#0", 1);
    pair.submit(0).unwrap();
    pair.submit(1).unwrap();
    assert_eq!(pair.drain(), [(ALONE, 0), (2 * ALONE, 0), (2 * ALONE, 1)], "an old id");
}

#[test]
fn an_empty_pool_fills_when_something_ends() {
    let mut pair = Pair::new(FaultClass::G11, "device0:1>host0:1#0", 0);
    pair.submit(0).unwrap();
    assert_eq!(kind(pair.submit(1)), ErrorKind::Busy);
    assert_eq!(kind(pair.submit(2)), ErrorKind::Busy);
    assert_eq!(pair.drain().len(), 1);
    pair.submit(1).unwrap();
    pair.submit(2).unwrap();
    assert_eq!(pair.drain().len(), 2);
}

#[test]
fn a_clock_that_jumps_takes_deadlines_with_it() {
    let jump = 60_000_000_000;
    let mut pair = Pair::new(FaultClass::F35, "park#1", jump << 1);
    pair.submit(0).unwrap();
    assert_eq!(pair.faulty.park(Nanos(50)), Nanos(50));
    // It wakes long after what was asked for, and what then ends, ended after the jump.
    assert_eq!(pair.faulty.park(Nanos(60)), Nanos(jump + 50));
    assert_eq!(pair.drain(), [(jump + ALONE, 0)]);
    let now = pair.faulty.park(Nanos::ZERO);
    assert!(now.0 > jump);
    // Waiting goes on by the clock that is told.
    assert_eq!(pair.faulty.park(Nanos(now.0 + 7)), Nanos(now.0 + 7));
}

#[test]
fn a_clock_that_stalls_says_the_same_and_then_the_truth() {
    let mut pair = Pair::new(FaultClass::F35, "park#1", 1 << 1 | 1);
    assert_eq!(pair.faulty.park(Nanos(50)), Nanos(50));
    assert_eq!(pair.faulty.park(Nanos(60)), Nanos(50));
    assert_eq!(pair.faulty.park(Nanos(70)), Nanos(50));
    assert_eq!(pair.faulty.park(Nanos(80)), Nanos(80));
}
