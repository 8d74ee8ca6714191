//! Promise: a plan is data that is checked: what is out of bounds, unknown or about the wrong kind of
//! thing is refused with an error that names it, and what is valid reads back as it was written.

use rstest::rstest;
use tierproof_core::ErrorKind;
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Subject};

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let entry = |class, on: &str, detail| FaultEntry { class, on: on.parse().unwrap(), detail };
    let plan = FaultPlan {
        seed: u64::MAX,
        entries: vec![
            entry(FaultClass::F12, "device0:3>file1:7#2", 9),
            entry(FaultClass::F36, "allocate#4", u64::MAX),
        ],
        unsealed: true,
        ..FaultPlan::default()
    };
    let plan = plan.with_rate(FaultClass::G08, 12);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(
        text,
        r#"{"seed":18446744073709551615,"rates":{"G08":12},"entries":[{"class":"F12","on":"device0:3>file1:7#2","detail":9},{"class":"F36","on":"allocate#4","detail":18446744073709551615}],"unsealed":true}"#
    );
    assert_eq!(serde_json::from_str::<FaultPlan>(&text).unwrap(), plan);
    assert_eq!(serde_json::from_str::<FaultPlan>(r#"{"seed":0}"#).unwrap(), FaultPlan::default());
}

#[rstest]
#[case(r#"{"seed":0,"rate":{}}"#, "rate")]
#[case(r#"{"seed":0,"rates":{"F33":1}}"#, "F33")]
#[case(r#"{"seed":0,"entries":[{"class":"F01","on":"open","detail":0,"x":1}]}"#, "x")]
#[case(r#"{"seed":0,"entries":[{"class":"F01","on":"device0:1","detail":0}]}"#, "device0:1")]
#[case(r#"{"seed":-1}"#, "-1")]
fn what_is_unknown_is_refused(#[case] text: &str, #[case] named: &str) {
    let error = serde_json::from_str::<FaultPlan>(text).unwrap_err().to_string();
    assert!(error.contains(named), "{error}");
}

#[rstest]
#[case(FaultClass::F36, "device0:1>host0:1#0")]
#[case(FaultClass::F01, "allocate#0")]
#[case(FaultClass::F35, "open")]
#[case(FaultClass::F30, "park#0")]
#[case(FaultClass::F12, "flush#0")]
#[case(FaultClass::F09, "cut#0")]
fn a_fault_is_about_its_own_kind_of_thing(#[case] class: FaultClass, #[case] on: &str) {
    let entry = FaultEntry { class, on: on.parse().unwrap(), detail: 0 };
    let error = FaultPlan::of([entry]).validate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(class.id()) && error.to_string().contains(on), "{error}");
}

#[test]
fn a_rate_beyond_certainty_is_refused() {
    let plan = FaultPlan::default().with_rate(FaultClass::F01, 1_000_001);
    assert!(plan.validate().unwrap_err().to_string().contains("F01"));
    assert!(FaultPlan::default().with_rate(FaultClass::F01, 1_000_000).validate().is_ok());
}

#[rstest]
fn other_spellings_are_refused(
    #[values(
        "",
        "#",
        "open#0",
        "park",
        "park#",
        "park#-1",
        "park#+1",
        "park#01",
        "park#4294967296",
        "device0:1>host0:1",
        "device0:1>host0:1#",
        "device0:1>#0",
        "device:1>host0:1#0",
        "device0:01>host0:1#0",
        "disk0:1>host0:1#0",
        "device0:1>host0:1>file0:1#0",
        "device0:18446744073709551616>host0:1#0",
        " open",
        "Open"
    )]
    text: &str,
) {
    let error = text.parse::<Subject>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn classes_are_known_by_their_ids() {
    for class in FaultClass::ALL {
        assert_eq!(class.id().parse::<FaultClass>().unwrap(), *class);
        assert_eq!(class.id().to_lowercase().parse::<FaultClass>().unwrap(), *class);
        assert_eq!(format!("{class:>5}"), format!("  {}", class.id()));
    }
    assert_eq!("F15".parse::<FaultClass>().unwrap_err().kind(), ErrorKind::Config);
}
