//! A failure becomes small, and stays that failure.

use tierproof::explore::{Breach, Case, Scope, run, shrink, simulate};
use tierproof::lockstep::Law;
use tierproof_core::Verify;
use tierproof_sim::faults::FaultClass;

/// Lost writes where nothing lies behind the bytes that could tell.
fn undetectable(seed: u64) -> Case {
    let scope = Scope { classes: vec![FaultClass::F09], ..Scope::default() };
    let mut case = Case::of_seed(seed, &scope);
    case.crashes.clear();
    case.setup.verify = Verify::Off;
    case.faults.unsealed = true;
    case.faults.rates.insert(FaultClass::F09, 200_000);
    case
}

#[test]
fn a_lost_write_that_nobody_can_tell_is_found_and_made_small() {
    let found = (0..200).map(undetectable).find_map(|case| {
        let ran = simulate(&case).unwrap();
        ran.broke().map(|_| (case, ran))
    });
    let (case, ran) = found.expect("200 seeds are enough");
    assert_eq!(ran.broke(), Some(Breach::Law(Law::S1)));
    let small = shrink(&case, &ran, 20_000, |case| simulate(case).unwrap());
    assert_eq!(small.broke, ran.broke());
    assert_eq!(small.faults.entries.len(), 1, "one lost write is enough: {:?}", small.faults);
    assert!(small.faults.rates.is_empty());
    assert!(small.ops.len() < case.ops.len(), "{:?}", small.ops);
    for left_out in 0..small.ops.len() {
        let mut smaller = small.clone();
        let op = smaller.ops.remove(left_out);
        let ended = simulate(&smaller).unwrap().broke();
        assert_ne!(ended, ran.broke(), "{op:?} could have been left out");
    }
    let again = Case::from_json(&small.to_json()).unwrap();
    assert_eq!(simulate(&again).unwrap().broke(), ran.broke());
}

#[test]
fn any_bytes_are_a_valid_case_that_survives_its_json() {
    for len in 0..300_usize {
        let bytes: Vec<u8> =
            (0..len).map(|at| (at as u8).wrapping_mul(len as u8 | 1) ^ (len as u8)).collect();
        let case = Case::of_bytes(&bytes, &Scope::default());
        assert_eq!(Case::from_json(&case.to_json()).unwrap(), case);
        let ran = run(&case, tierproof_sim::Sim::new(case.device.config()).unwrap()).unwrap();
        assert_eq!(ran.broke(), None, "{:?}", ran.end);
    }
}

#[test]
fn what_is_no_case_is_refused_with_its_reason() {
    let case = Case::of_seed(3, &Scope::default()).to_json();
    let refused = |from: &str, to: &str| {
        let text = case.replacen(from, to, 1);
        assert_ne!(text, case);
        Case::from_json(&text).unwrap_err().to_string()
    };
    assert!(refused("\"version\":2", "\"version\":9").contains("version 9: this reads 1 and 2"));
    assert!(refused("\"ops\"", "\"hops\"").contains("unknown field `hops`"));
    assert!(refused("\"alignment\":", "\"alignment\":3").contains("alignment"));
    assert!(Case::from_json("").is_err());
    assert!(Case::from_json("[]").is_err());
}
