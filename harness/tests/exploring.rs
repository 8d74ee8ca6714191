//! Promise: `tierproof explore` and `tierproof rerun` keep to their interface: what they print where, what they
//! save, and their exit status.
#![cfg(feature = "sim")]

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::tempdir;
use tierproof::explore::{Case, Scope};
use tierproof_core::Verify;
use tierproof_sim::faults::FaultClass;

fn run(arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_tierproof");
    let mut command = Command::new(command);
    for variable in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
        command.env_remove(variable);
    }
    let output = command.args(arguments).stdin(Stdio::null()).output();
    output.expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn line(arguments: &[&str]) -> Value {
    let output = run(&[&["explore", "--json", "-", "--no-progress"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one line of JSON and nothing else")
}

#[test]
fn seeds_are_run_and_counted() {
    let tally = line(&["--seeds", "0..60"]);
    assert_eq!(tally["seeds"], 60);
    assert_eq!(tally["repeated"], 3);
    assert!(tally["faults"].as_object().is_some_and(|faults| faults.len() > 10), "{tally}");
    assert_eq!(tally["failures"], Value::Array(Vec::new()));

    let calm = line(&["--seeds", "0..60", "--faults", "none"]);
    assert_eq!(calm["faults"], Value::Object(Default::default()));
    let two = line(&["--seeds", "0..200", "--faults", "F03,G11"]);
    let classes: Vec<_> = two["faults"].as_object().into_iter().flatten().map(|it| it.0).collect();
    assert_eq!(classes, ["F03", "G11"]);

    let table = run(&["explore", "--seeds", "0..60", "--no-progress"]);
    let table = text(&table.stdout);
    assert!(table.contains("completion told twice") && table.contains("60 seeds"), "{table}");
}

#[test]
fn parts_of_a_campaign_add_up() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.jsonl"), path("second.jsonl"));
    for (shard, file) in [("0/2", &first), ("1/2", &second)] {
        let part =
            ["explore", "--seeds", "0..64", "--shard", shard, "--json", file, "--no-progress"];
        assert_eq!(run(&part).status.code(), Some(0));
    }
    let merged = line(&["--merge", &first, &second]);
    let whole = line(&["--seeds", "0..64"]);
    for field in ["seeds", "ops", "faults", "digest"] {
        assert_eq!(merged[field], whole[field], "{field}");
    }
    let twice = run(&["explore", "--merge", &first, &first]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(text(&twice.stderr).contains("part 0/2 is there twice"));
    fs::write(&second, "{}\n").unwrap();
    let damaged = run(&["explore", "--merge", &second]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(text(&damaged.stderr).contains("line 1"), "{}", text(&damaged.stderr));
}

/// A case that breaks S1, since nothing can tell a lost write without trailers.
fn broken() -> Case {
    let scope = Scope { classes: vec![FaultClass::F09], ..Scope::default() };
    let undetectable = |seed| {
        let mut case = Case::of_seed(seed, &scope);
        case.setup.verify = Verify::Off;
        case.faults.unsealed = true;
        case.faults.rates.insert(FaultClass::F09, 500_000);
        case
    };
    let breaks = |case: &Case| tierproof::explore::simulate(case).unwrap().broke().is_some();
    (0..200).map(undetectable).find(breaks).expect("200 seeds are enough")
}

#[test]
fn a_saved_plan_is_run_again_anywhere() {
    let folder = tempdir().unwrap();
    let path = |name: &str, case: &Case| {
        let path = folder.path().join(name);
        fs::write(&path, case.to_json()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let broken = path("broken.json", &broken());
    let again = run(&["rerun", &broken, "--events", "3"]);
    assert_eq!(again.status.code(), Some(3), "{}", text(&again.stderr));
    let told = text(&again.stdout);
    assert!(
        told.contains("F09 acknowledged write lost on") && told.contains("S1 broken"),
        "{told}"
    );

    let sound = path("sound.json", &Case::of_seed(1, &Scope::default()));
    for backend in ["sim", "dram", "posix"] {
        let again = run(&["rerun", &sound, "--backend", backend]);
        assert_eq!(again.status.code(), Some(0), "{backend}: {}", text(&again.stdout));
    }
}

#[test]
fn bad_usage_is_refused_with_its_reason() {
    let folder = tempdir().unwrap();
    let junk = folder.path().join("junk.json");
    fs::write(&junk, "{\"version\": 2}").unwrap();
    let junk = junk.to_str().unwrap();
    for (arguments, reason) in [
        (&["explore", "--seeds", "5..5"][..], "no seed in it"),
        (&["explore", "--seeds", "5"], "give A..B"),
        (&["explore", "--faults", "F99"], "F99"),
        (&["explore", "--shard", "2/2"], "give K/N"),
        (&["explore", "--minutes", "0"], "above 0"),
        (&["explore", "--merge", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["rerun", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["rerun", junk], "not a plan"),
    ] {
        let output = run(arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(reason), "{arguments:?}: {complaint}");
    }
}
