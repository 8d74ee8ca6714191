//! Promise: what is seen of an entry is what its class says, for every class and on every backend:
//! in the copy that it strikes, in those that follow, after the slot was written again, and after
//! healing.

use crate::bench::Bench;
use rstest::rstest;
use tierproof_backends::{Dram, Posix, PosixConfig};
use tierproof_core::Backend;
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan};
use tierproof_sim::{Sim, SimConfig};

/// The second writing of slot 1, and its first reading.
const STORE: &str = "device0:1>file0:1#1";
const LOAD: &str = "file0:1>device0:5#0";

/// Slot 1 is written twice, read twice, written again and read.
pub(crate) fn story<B: Backend>(backend: B, entry: FaultEntry) -> (Vec<String>, Bench<B>) {
    let mut bench = Bench::new(backend, &FaultPlan::of([entry]));
    for file in [0, 1] {
        assert_eq!(bench.store(file, &[0, 1, 2, 3]), "ok");
    }
    let mut told = vec![bench.store(0, &[1])];
    told.extend([bench.load(0, 1), bench.load(0, 1)]);
    told.extend([bench.store(0, &[1]), bench.load(0, 1)]);
    (told, bench)
}

/// Slot 1 is written twice, read, and read again after healing.
fn healed<B: Backend>(backend: B, entry: FaultEntry) -> [String; 2] {
    let mut bench = Bench::new(backend, &FaultPlan::of([entry]));
    for file in [0, 1] {
        assert_eq!(bench.store(file, &[0, 1, 2, 3]), "ok");
    }
    let stored = bench.store(0, &[1]);
    bench.load(0, 1);
    bench.faulty.heal();
    assert!(bench.faulty.damage().is_empty());
    [stored, bench.load(0, 1)]
}

pub(crate) fn on_all(check: impl Fn(&str, &dyn Fn() -> Box<dyn Backend>)) {
    check("sim", &|| Box::new(Sim::new(SimConfig::default()).expect("valid settings")));
    check("dram", &|| Box::new(Dram::new()));
    let folder = tempfile::tempdir().expect("a folder");
    check("posix", &|| {
        Box::new(Posix::open(PosixConfig::new(folder.path())).expect("a root directory"))
    });
}

#[rstest]
#[case(FaultClass::F01, LOAD, 0, ["ok", "Device", "ok", "ok", "ok"])]
#[case(FaultClass::F02, LOAD, 0, ["ok", "Device", "Device", "ok", "ok"])]
#[case(FaultClass::F03, STORE, 0, ["Device", "Torn", "Torn", "ok", "ok"])]
#[case::once(FaultClass::F04, STORE, 0, ["Exhausted", "Stale", "Stale", "ok", "ok"])]
#[case::one_more(FaultClass::F04, STORE, 1, ["Exhausted", "Stale", "Stale", "Exhausted", "Stale"])]
#[case::told_as_success(FaultClass::F05, STORE, 50 << 1, ["ok", "Stale", "Stale", "ok", "ok"])]
#[case::told(FaultClass::F05, STORE, 50 << 1 | 1, ["Device", "Stale", "Stale", "ok", "ok"])]
#[case::told_as_success(FaultClass::F06, LOAD, 50 << 1, ["ok", "Torn", "ok", "ok", "ok"])]
#[case::told(FaultClass::F06, LOAD, 50 << 1 | 1, ["ok", "Device", "ok", "ok", "ok"])]
#[case(FaultClass::F09, STORE, 0, ["ok", "Stale", "Stale", "ok", "ok"])]
#[case(FaultClass::F10, STORE, 0, ["ok", "Stale", "Stale", "ok", "ok"])]
#[case(FaultClass::F11, LOAD, 0, ["ok", "Misdirected", "ok", "ok", "ok"])]
#[case::payload(FaultClass::F12, STORE, 50 << 3, ["ok", "BitRot", "BitRot", "ok", "ok"])]
#[case::trailer(FaultClass::F12, STORE, 150 << 3, ["ok", "Torn", "Torn", "ok", "ok"])]
#[case(FaultClass::F13, LOAD, 50 << 3, ["ok", "BitRot", "ok", "ok", "ok"])]
#[case(FaultClass::F14, LOAD, 0, ["ok", "Stale", "ok", "ok", "ok"])]
#[case(FaultClass::F18, LOAD, 0, ["ok"; 5])]
#[case(FaultClass::F19, LOAD, 0, ["ok"; 5])]
#[case::at_once(FaultClass::F20, LOAD, 0, ["ok", "ok twice", "ok", "ok", "ok"])]
#[case::later(FaultClass::F20, LOAD, 1, ["ok", "ok", "ok and a stray", "ok", "ok"])]
#[case(FaultClass::F21, LOAD, 0, ["ok", "ok and a stray", "ok", "ok", "ok"])]
#[case::store(FaultClass::F23, STORE, 0, ["ok", "Torn", "Torn", "ok", "ok"])]
#[case::load(FaultClass::F23, LOAD, 0, ["ok", "Torn", "ok", "ok", "ok"])]
#[case(FaultClass::F25, STORE, 0, ["refused Busy", "Stale", "Stale", "ok", "ok"])]
#[case::soon(FaultClass::F26, STORE, 0, ["refused Busy", "Stale", "ok", "ok", "ok"])]
#[case::after_the_next(FaultClass::F26, STORE, 2 << 1, ["refused Busy", "Stale", "Stale", "ok", "Stale"])]
#[case::broken(FaultClass::F26, STORE, 7 << 1 | 1, ["refused Device", "Stale", "Stale", "ok", "ok"])]
#[case(FaultClass::F27, LOAD, 0, ["ok", "Unavailable", "refused Unavailable", "refused Unavailable", "refused Unavailable"])]
#[case::zeros(FaultClass::F28, STORE, 0, ["ok", "Torn", "Torn", "ok", "ok"])]
#[case::others(FaultClass::F28, LOAD, 1, ["ok", "ok", "Torn", "ok", "ok"])]
#[case(FaultClass::F29, LOAD, 0, ["ok", "Unavailable", "ok", "ok", "ok"])]
#[case(FaultClass::F29, LOAD, 1, ["ok", "Exhausted", "ok", "ok", "ok"])]
#[case(FaultClass::F29, LOAD, 2, ["ok", "Busy", "ok", "ok", "ok"])]
#[case(FaultClass::F31, LOAD, 0, ["ok", "Misdirected", "Misdirected", "ok", "Stale"])]
#[case(FaultClass::G08, LOAD, 0, ["ok", "Device", "refused Device", "refused Device", "refused Device"])]
#[case::polls_fail(FaultClass::G08, LOAD, 1, ["ok", "poll Device", "refused Device", "refused Device", "refused Device"])]
#[case::after_the_next(FaultClass::G10, STORE, 2 << 1, ["Device", "Torn", "Torn", "ok", "Stale"])]
#[case::late(FaultClass::G10, STORE, 7 << 1, ["Device", "Torn", "Torn", "ok", "ok"])]
#[case(FaultClass::G11, STORE, 0, ["refused Busy", "Stale", "Stale", "ok", "ok"])]
#[case(FaultClass::G14, STORE, 0, ["ok", "WrongLayout", "WrongLayout", "ok", "ok"])]
#[case::source(FaultClass::G16, STORE, 0, ["Device", "Torn", "Torn", "Device", "Torn"])]
#[case::target(FaultClass::G16, LOAD, 0, ["ok", "Device", "Device", "ok", "Device"])]
fn of_one_slot(
    #[case] class: FaultClass,
    #[case] on: &str,
    #[case] detail: u64,
    #[case] expected: [&str; 5],
) {
    let entry = FaultEntry { class, on: on.parse().unwrap(), detail };
    on_all(|name, backend| {
        let (told, bench) = story(backend(), entry);
        assert_eq!(told, expected, "{class} on {name}");
        assert_eq!(bench.faulty.fired(), [entry], "{name}");
        assert!(bench.faulty.unrealised().is_empty(), "{:?}", bench.faulty.unrealised());
        drop(bench);
        // What was acknowledged comes back; what was not, is not promised.
        let [stored, after] = healed(backend(), entry);
        assert!(stored != "ok" || after == "ok", "{class} on {name}: {after} after healing");
    });
}
