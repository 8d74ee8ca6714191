//! Promise: `tierproof doctor` says what is here and what to do about the rest, ends, and leaves no
//! file behind; `--require` decides the exit status.

use rstest::rstest;
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use tempfile::{NamedTempFile, tempdir};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tierproof"));
    // What a GPU's libraries write into the working directory belongs to nobody's checkout.
    let folder = tempdir().expect("a temporary directory");
    command.arg("doctor").args(arguments).stdin(Stdio::null()).current_dir(folder.path());
    command.output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object and nothing else")
}

fn trial<'a>(checkup: &'a Value, name: &str) -> &'a Value {
    let trials = checkup["trials"].as_array().expect("a list of trials");
    trials.iter().find(|trial| trial["backend"] == name).expect("a trial of that name")
}

#[test]
fn without_demands_everything_is_told_and_the_status_is_0() {
    let output = run(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let checkup = json(&output);
    let findings = checkup["findings"].as_array().expect("a list of findings");
    let topics: Vec<_> = findings.iter().map(|finding| finding["topic"].as_str()).collect();
    let all = tierproof::doctor::Topic::ALL.map(|topic| Some(topic.name()));
    assert_eq!(topics, all);
    for finding in findings {
        let fine = finding["state"] == "ok";
        assert_eq!(finding["remedy"].is_null(), fine, "{finding}");
        assert!(finding["what"].as_str().is_some_and(|what| !what.is_empty()), "{finding}");
    }
    let names = ["sim", "dram", "posix", "nixl-posix", "cuda-dram", "gds", "gds_mt"];
    for name in names {
        let trial = trial(&checkup, name);
        assert_eq!(trial["why"].is_null(), trial["works"] == true, "{trial}");
        assert_eq!(trial["remedy"].is_null(), trial["works"] == true, "{trial}");
    }
}

#[test]
fn people_read_a_line_for_each_and_every_remedy() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let chart = text(&output.stdout);
    for topic in tierproof::doctor::Topic::ALL {
        assert!(chart.contains(topic.name()), "{chart}");
    }
}

#[test]
#[cfg(all(feature = "sim", feature = "posix"))]
fn what_needs_no_hardware_works_everywhere() {
    let directory = tempdir().expect("a temporary directory");
    let place = directory.path().to_str().expect("temporary names are UTF-8");
    let output = run(&["--require", "sim,dram", "--require", "posix", "--json", place]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let checkup = json(&output);
    assert_eq!((&checkup["fit"], &checkup["directory"]), (&true.into(), &place.into()));
    for name in ["sim", "dram", "posix"] {
        let routes = trial(&checkup, name)["routes"].as_array().map(Vec::len);
        assert_eq!(routes, Some(6), "{checkup}");
    }
    let fallbacks = trial(&checkup, "dram")["fallbacks"].to_string();
    assert!(fallbacks.contains("held in memory"), "{fallbacks}");
    let left = directory.path().read_dir().expect("it is readable").count();
    assert_eq!(left, 0, "the directory is left as it was");
}

#[test]
#[cfg(feature = "nixl")]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn nixl_is_attested_and_its_posix_plugin_created() {
    let output = run(&["--require", "nixl-posix", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let nixl = &json(&output)["nixl"];
    assert_eq!(nixl["library"]["sha256"].as_str().map(str::len), Some(64), "{nixl}");
    let created = nixl["created"].as_array().expect("a list of plugins");
    assert!(created.iter().any(|plugin| plugin["plugin"] == "POSIX"), "{nixl}");
}

/// On a machine with a GPU it may work, and then the status says so too.
#[rstest]
#[case("gds")]
#[case("gds_mt")]
fn a_gpu_that_is_not_here_or_not_built_in_is_told(#[case] name: &str) {
    let output = run(&["--require", name, "--json"]);
    let checkup = json(&output);
    let trial = trial(&checkup, name);
    let works = trial["works"] == true;
    assert_eq!(output.status.code(), Some(if works { 0 } else { 1 }), "{trial}");
    assert_eq!(checkup["fit"], works);
    assert!(works || trial["why"].as_str().is_some_and(|why| !why.is_empty()), "{trial}");
    if !cfg!(feature = "gds") {
        assert_eq!(trial["why"], "it is not built in");
        assert_eq!(trial["remedy"], "build with --features gds");
    }
}

#[test]
#[cfg(feature = "nixl")]
fn a_nixl_that_is_not_there_is_a_finding_with_its_remedy() {
    let output = Command::new(env!("CARGO_BIN_EXE_tierproof"))
        .args(["doctor", "--json", "--require", "nixl-posix"])
        .env("TIERPROOF_NIXL", "/nonexistent")
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let checkup = json(&output);
    assert!(checkup["nixl"].is_null(), "{checkup}");
    let findings = checkup["findings"].to_string();
    assert!(findings.contains("/nonexistent (TIERPROOF_NIXL)"), "{findings}");
    assert!(findings.contains("run scripts/fetch-nixl"), "{findings}");
}

/// The complaint of a run that must end with status 2 and print nothing else.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    complaint
}

#[rstest]
#[case::unknown(&["--require", "tape"], &["tape", "sim", "nixl-posix", "gds_mt"])]
#[case::one_of_two(&["--require", "sim,tape"], &["tape", "gds_mt"])]
#[case::empty(&["--require", ""], &["gds_mt"])]
#[case::not_there(&["/nonexistent/kv"], &["/nonexistent/kv", "remedy"])]
#[case::not_writable(&["/proc"], &["/proc", "nothing can be written", "remedy"])]
#[case::two_places(&["/tmp", "/var"], &["/var"])]
fn bad_usage_is_told_with_its_remedy(#[case] arguments: &[&str], #[case] words: &[&str]) {
    let complaint = refused(arguments);
    for word in words {
        assert!(complaint.contains(word), "{word} is missing: {complaint}");
    }
}

#[test]
fn a_file_is_no_directory() {
    let file = NamedTempFile::new().expect("a temporary file");
    let complaint = refused(&[file.path().to_str().expect("temporary names are UTF-8")]);
    assert!(complaint.contains("it is no directory"), "{complaint}");
}
