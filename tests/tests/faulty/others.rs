//! Promise: a fault that has a second victim finds the one that it should, and what can't be had is
//! said, on every backend.

use crate::bench::Bench;
use crate::stories::{on_all, story};
use tierproof_core::Backend;
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan};

fn entry(class: FaultClass, on: &str, detail: u64) -> FaultEntry {
    FaultEntry { class, on: on.parse().unwrap(), detail }
}

/// A bench on which slots 0 to 3 of both files are written.
fn written(backend: Box<dyn Backend>, plan: &FaultPlan) -> Bench<Box<dyn Backend>> {
    let mut bench = Bench::new(backend, plan);
    for file in [0, 1] {
        assert_eq!(bench.store(file, &[0, 1, 2, 3]), "ok");
    }
    bench
}

#[test]
fn a_misdirected_write_has_two_victims_and_both_heal() {
    // The slot two further on: 1 and 2 of the 7 others.
    let plan = FaultPlan::of([entry(FaultClass::F10, "device0:1>file0:1#1", 1)]);
    on_all(|name, backend| {
        let mut bench = written(backend(), &plan);
        assert_eq!(bench.store(0, &[1]), "ok");
        assert_eq!(bench.load(0, 1), "Stale", "{name}");
        assert_eq!(bench.load(0, 3), "Misdirected", "{name}");
        assert_eq!((bench.load(0, 0), bench.load(0, 2)), ("ok".into(), "ok".into()));
        assert_eq!(bench.faulty.damage().len(), 2);
        bench.faulty.heal();
        assert_eq!((bench.load(0, 1), bench.load(0, 3)), ("ok".into(), "ok".into()), "{name}");
    });
}

#[test]
fn an_error_told_of_another_part_leaves_the_guilty_one_silent() {
    let plan = FaultPlan::of([entry(FaultClass::F22, "device0:1>file0:1#1", 0)]);
    on_all(|name, backend| {
        let mut bench = written(backend(), &plan);
        assert_eq!(bench.store(0, &[0, 1, 2]), "2:Device", "{name}");
        assert_eq!((bench.load(0, 1), bench.load(0, 0)), ("Torn".into(), "ok".into()), "{name}");
        assert_eq!(bench.load(0, 2), "ok", "who was blamed has done it right");
        // Nobody else is in flight here.
        let mut bench = {
            drop(bench);
            written(backend(), &plan)
        };
        assert_eq!(bench.store(0, &[1]), "ok");
        assert_eq!(bench.faulty.unrealised()[&FaultClass::F22], "nothing else is in flight");
        assert_eq!(bench.faulty.unfired().len(), 1);
    });
}

#[test]
fn some_parts_fail_and_the_next_one_does_not() {
    // All that may, do.
    let plan = FaultPlan::of([entry(FaultClass::F24, "device0:1>file0:1#1", u64::MAX)]);
    on_all(|name, backend| {
        let mut bench = written(backend(), &plan);
        assert_eq!(bench.store(0, &[0, 1, 2, 3]), "0:Device 1:Device 3:Device", "{name}");
        let loads = [0, 1, 2, 3].map(|slot| bench.load(0, slot));
        assert_eq!(loads, ["Torn", "Torn", "ok", "Torn"], "{name}");
    });
}

#[test]
fn a_reused_number_hurts_the_other_file() {
    let plan = FaultPlan::of([entry(FaultClass::F31, "device0:1>file0:1#1", 0)]);
    on_all(|name, backend| {
        let mut bench = written(backend(), &plan);
        assert_eq!(bench.store(0, &[1]), "ok");
        assert_eq!(bench.load(1, 1), "Misdirected", "{name}");
        assert_eq!(bench.load(1, 2), "ok", "{name}");
        assert_eq!(bench.load(0, 2), "Misdirected", "{name}: read from the other file");
        bench.faulty.heal();
        let loads = [(0, 1), (1, 1), (0, 2), (1, 2)].map(|(file, slot)| bench.load(file, slot));
        assert_eq!(loads, ["ok", "ok", "ok", "ok"], "{name}");
    });
}

#[test]
fn others_change_a_file_to_its_end() {
    let plan = FaultPlan::of([entry(FaultClass::F28, "device0:1>file0:1#1", 0)]);
    on_all(|name, backend| {
        let mut bench = written(backend(), &plan);
        assert_eq!(bench.store(0, &[1]), "ok");
        let loads = [0, 1, 2, 3].map(|slot| bench.load(0, slot));
        assert_eq!(loads, ["ok", "Torn", "Torn", "Torn"], "{name}");
        assert_eq!(bench.load(1, 3), "ok", "{name}: the other file is whole");
        bench.faulty.heal();
        assert_eq!([1, 2, 3].map(|slot| bench.load(0, slot)), ["ok", "ok", "ok"], "{name}");
    });
}

/// Where there is no trailer, a class that needs one does not strike, and the plan is told; unless it
/// wants the damage that nobody can detect.
#[test]
fn without_trailers_damage_is_for_those_who_ask() {
    for class in [FaultClass::F06, FaultClass::F11, FaultClass::F13, FaultClass::F23] {
        let plan = FaultPlan::of([entry(class, "device0:1>file0:1#0", 50 << 3)]);
        let load = entry(class, "file0:1>device0:5#0", 50 << 3);
        for (unsealed, told) in [(false, "ok"), (true, "wrong")] {
            let plan = FaultPlan { entries: vec![load], unsealed, ..plan.clone() };
            on_all(|name, backend| {
                let mut bench = Bench::without_trailers(backend(), &plan);
                assert_eq!(bench.store(0, &[0, 1, 2, 3]), "ok");
                assert_eq!(bench.load(0, 1), told, "{class} on {name}");
                assert_eq!(bench.load(0, 1), "ok");
                assert_eq!(bench.faulty.unrealised().contains_key(&class), !unsealed);
            });
        }
    }
}

/// The stories are told of one struck copy each; here is what all of them have in common.
#[test]
fn a_copy_that_nothing_is_about_is_left_alone() {
    on_all(|name, backend| {
        let elsewhere = entry(FaultClass::F01, "file0:1>device0:5#7", 0);
        let (told, bench) = story(backend(), elsewhere);
        assert_eq!(told, ["ok"; 5], "{name}");
        assert_eq!(bench.faulty.unfired(), [elsewhere]);
    });
}
