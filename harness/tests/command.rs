//! Promise: `tierproof replay` keeps to its interface: what it prints where, and its exit status.

use rstest::rstest;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use tempfile::{NamedTempFile, tempdir};

fn run(arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_tierproof");
    let output = Command::new(command).arg("replay").args(arguments).stdin(Stdio::null()).output();
    output.expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json", "-", "--no-progress"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object and nothing else")
}

/// The complaint of a run that must end with status 2 and print nothing else.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    complaint
}

fn trace(lines: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(lines.as_bytes()).expect("room for a few lines");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("temporary names are UTF-8")
}

#[test]
fn bare_replay_shows_hits_in_all_three_tiers() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    for row in ["device", "host", "disk", "nowhere", "verified", "decisions"] {
        assert!(table.contains(row), "{table}");
    }
    let outcome = json(&[]);
    for tier in ["hits_device", "hits_host", "hits_disk"] {
        assert!(outcome[tier].as_u64() > Some(0), "{tier}: {outcome}");
    }
}

#[test]
fn the_json_object_has_every_promised_field() {
    let outcome = json(&["rag", "--limit", "50", "--seed", "3"]);
    for field in [
        "workload",
        "backend",
        "below",
        "policy",
        "seed",
        "requests",
        "rejected",
        "blocks",
        "hits",
        "hits_device",
        "hits_host",
        "hits_disk",
        "misses",
        "hit_ratio",
        "offloads",
        "onboards",
        "demotions",
        "drops",
        "bytes_moved",
        "blocks_verified",
        "blocks_corrupt",
        "fallbacks",
        "virtual_ns",
        "wall_ns",
        "engine_ns",
        "backend_ns",
        "decision_hash",
        "durable",
        "recovered",
        "grafted",
        "records_damaged",
        "published",
    ] {
        assert!(outcome.get(field).is_some(), "{field} is missing: {outcome}");
    }
    assert_eq!(outcome["workload"], "rag");
    assert_eq!((outcome["requests"].as_u64(), outcome["seed"].as_u64()), (Some(50), Some(3)));
    assert_eq!(outcome["blocks_corrupt"], 0);
    // The simulated device is our own, all of it.
    assert_eq!(outcome["below"], Value::Null);
}

/// The decision log is the same text on every backend, and its hash is the hash of that text.
#[rstest]
fn one_decision_log_for_all_backends(
    #[values("chat", "agent", "rag", "batch")] workload: &str,
    #[values("lru", "priority-lru")] policy: &str,
) {
    let small = ["--device-blocks", "128", "--host-blocks", "64", "--disk-blocks", "256"];
    let arguments = |backend| {
        let head = [workload, "--policy", policy, "--backend", backend, "--limit", "120"];
        [&head[..], &small, &["--no-progress", "--block-bytes", "512"]].concat()
    };
    let log =
        |backend| text(&run(&[&arguments(backend)[..], &["--decisions", "-"]].concat()).stdout);
    let sim = log("sim");
    assert!(sim.starts_with("created 0 128 64 256\nadd 0\n") && sim.contains("\noffload "));
    assert_eq!(json(&arguments("sim"))["decision_hash"], blake3::hash(sim.as_bytes()).to_string());
    for backend in ["dram", "posix"] {
        assert_eq!(log(backend), sim, "{backend}");
    }
}

#[test]
fn decisions_are_the_same_without_payload_verification_or_haste() {
    let limit = ["agent", "--limit", "150"];
    let hash = |more: &[&str]| json(&[&limit[..], more].concat())["decision_hash"].clone();
    let plain = hash(&[]);
    assert_eq!(hash(&["--block-bytes", "0"]), plain);
    assert_eq!(hash(&["--no-verify"]), plain);
    assert_eq!(hash(&["--timed"]), plain);
    assert_eq!(hash(&["--block-bytes", "100"]), plain);
    assert_ne!(hash(&["--seed", "1"]), plain);
}

#[test]
fn without_payload_nothing_moves_and_nothing_is_verified() {
    let outcome = json(&["--block-bytes", "0", "--limit", "500"]);
    assert_eq!(
        (outcome["bytes_moved"].as_u64(), outcome["blocks_verified"].as_u64()),
        (Some(0), Some(0))
    );
    assert!(outcome["offloads"].as_u64() > Some(0));
}

/// In simulation even the device's time is a function of the arguments.
#[test]
fn simulated_runs_repeat_to_the_nanosecond() {
    let mut once = json(&["--timed", "--limit", "300"]);
    let mut twice = json(&["--timed", "--limit", "300"]);
    for measured in ["wall_ns", "engine_ns", "backend_ns"] {
        once[measured] = 0.into();
        twice[measured] = 0.into();
    }
    assert_eq!(once, twice);
    assert!(once["virtual_ns"].as_u64() > Some(60_000_000_000), "300 arrivals take minutes");
}

#[test]
fn a_request_larger_than_the_device_is_rejected_and_changes_nothing() {
    let small = r#"{"timestamp": 0, "input_length": 9, "output_length": 1, "hash_ids": [1, 2]}"#;
    let large =
        r#"{"timestamp": 0, "input_length": 9, "output_length": 1, "hash_ids": [1, 2, 3, 4, 5]}"#;
    let file = trace(&format!("{small}\n{large}\n{small}\n"));
    let outcome = json(&[path(&file), "--device-blocks", "4"]);
    assert_eq!((outcome["requests"].as_u64(), outcome["rejected"].as_u64()), (Some(2), Some(1)));
    assert_eq!((outcome["blocks"].as_u64(), outcome["hits"].as_u64()), (Some(4), Some(2)));
}

#[test]
fn token_traces_find_parts_of_blocks() {
    let line = |tokens: &str, at: u64| {
        format!(
            r#"{{"input_tok_ids": [{tokens}], "output_tok_ids": [7, 8, 9], "arrival_time_ns": {at}}}"#
        )
    };
    let file = trace(&[line("1,2,3,4,5,6", 0), line("1,2,3,4,5,9,9", 5)].join("\n"));
    for backend in ["sim", "dram", "posix"] {
        let outcome = json(&[path(&file), "--tokens-per-block", "4", "--backend", backend]);
        // The second finds [1, 2, 3, 4] whole, and one token of [5, 6, 7, 8].
        assert_eq!(outcome["hits"], 1, "{outcome}");
        assert_eq!(outcome["partial_hits"], 1, "{outcome}");
    }
}

#[test]
fn a_bad_line_is_named_by_file_line_and_field() {
    let good = r#"{"timestamp": 1, "input_length": 9, "output_length": 1, "hash_ids": [1]}"#;
    let file = trace(&format!("{good}\n{}\n", good.replace("[1]", "[-1]")));
    let complaint = refused(&[path(&file)]);
    for part in [path(&file), "line 2", "`hash_ids`", "remedy"] {
        assert!(complaint.contains(part), "{part} is missing: {complaint}");
    }
}

#[rstest]
#[case::workload(&["chatt"], "chatt")]
#[case::policy(&["--policy", "fifo"], "priority-lru")]
#[case::backend(&["--backend", "tape"], "posix")]
#[case::no_device(&["--device-blocks", "0"], "--device-blocks")]
#[case::no_tokens(&["--tokens-per-block", "0"], "--tokens-per-block")]
#[case::negative(&["--seed", "-1"], "-1")]
#[case::too_many(&["--device-blocks", "4294967295", "--block-bytes", "0"], "2^32")]
#[case::profile_missing(&["--profile", "/nonexistent/profile.toml"], "/nonexistent/profile.toml")]
#[case::profile_for_dram(&["--backend", "dram", "--profile", "x.toml"], "simulated")]
#[case::no_root(&["--backend", "posix", "--directory", "/nonexistent"], "/nonexistent")]
#[case::two_on_stdout(&["--json", "-", "--decisions", "-"], "standard output")]
#[case::no_folder(&["--json", "/nonexistent/out.json"], "/nonexistent/out.json")]
fn bad_usage_is_told_with_its_remedy(#[case] arguments: &[&str], #[case] words: &str) {
    let complaint = refused(arguments);
    assert!(complaint.contains(words), "{complaint}");
}

#[test]
fn a_bad_profile_is_named_by_its_field() {
    let file = trace(
        "name = \"x\"\n[links]\n[routes.host_to_device]\nlink = \"bus\"\nlatency_ns = 1\nqueue_depth = 1\n",
    );
    assert!(refused(&["--profile", path(&file)]).contains("routes.host_to_device.link"));
}

#[test]
fn an_empty_directory_falls_back_to_host_memory_and_says_so() {
    let outcome = json(&["--backend", "posix", "--directory", "", "--limit", "400"]);
    assert_eq!(outcome["fallbacks"], outcome["requests"]);
    assert_eq!((outcome["hits_disk"].as_u64(), outcome["demotions"].as_u64()), (Some(0), Some(0)));
    let note = outcome["fallback_notes"][0].as_str().expect("a note");
    assert!(note.contains("directory is empty"), "{note}");
}

/// A file mode that the backend can't serve as asked is served otherwise, and never in silence.
#[rstest]
#[case("posix", "no GPU")]
#[case("dram", "no files")]
fn gds_without_a_gpu_is_told(#[case] backend: &str, #[case] words: &str) {
    let outcome = json(&["--backend", backend, "--mode", "gds", "--limit", "600"]);
    assert!(outcome["demotions"].as_u64() > Some(0), "files were needed: {outcome}");
    assert!(outcome["fallback_notes"].to_string().contains(words), "{outcome}");
}

#[test]
fn files_are_made_beneath_the_directory_and_gone_at_the_end() {
    let root = tempdir().expect("a temporary directory");
    let place = root.path().to_str().expect("temporary names are UTF-8");
    let outcome = json(&["--backend", "posix", "--directory", place, "--limit", "800"]);
    assert!(outcome["hits_disk"].as_u64() > Some(0));
    let left = walk(root.path());
    assert!(left.is_empty(), "{left:?}");
}

/// Plain files beneath a directory.
fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).expect("it is readable");
    let paths = entries.map(|entry| entry.expect("it is readable").path());
    let (directories, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(directories.iter().flat_map(|directory| walk(directory)));
    files
}

#[test]
fn a_reader_that_leaves_early_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tierproof"))
        .args(["replay", "--decisions", "-", "--limit", "2000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!text(&output.stderr).contains("error"), "{}", text(&output.stderr));
}

#[test]
fn a_missing_nixl_is_told_with_where_it_was_looked_for_and_the_remedy() {
    let output = Command::new(env!("CARGO_BIN_EXE_tierproof"))
        .args(["replay", "--backend", "nixl-posix"])
        .env("TIERPROOF_NIXL", "/nonexistent")
        .output()
        .expect("the command starts");
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    let words: &[&str] = if cfg!(feature = "nixl") {
        &["libnixl_capi.so", "/nonexistent (TIERPROOF_NIXL)", "scripts/fetch-nixl", "remedy"]
    } else {
        &["--features nixl", "remedy"]
    };
    for word in words {
        assert!(complaint.contains(word), "{word} is missing: {complaint}");
    }
}

#[test]
#[cfg(feature = "nixl")]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn nixl_decides_as_all_others_and_brings_the_same_bytes() {
    for workload in ["chat", "agent", "rag", "batch"] {
        let arguments = |backend| {
            ["--backend", backend, workload, "--limit", "300", "--disk-blocks", "512"].to_vec()
        };
        let (sim, nixl) = (json(&arguments("sim")), json(&arguments("nixl-posix")));
        assert_eq!(nixl["decision_hash"], sim["decision_hash"], "{workload}");
        assert_eq!(nixl["blocks_verified"], sim["blocks_verified"], "{workload}");
        assert_eq!((&nixl["backend"], &nixl["blocks_corrupt"]), (&"nixl-posix".into(), &0.into()));
    }
}

/// Whoever keeps a result can say later what it was made with.
#[test]
#[cfg(feature = "nixl")]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn what_ran_below_is_told() {
    let arguments = ["--backend", "nixl-posix", "--limit", "20"];
    let outcome = json(&arguments);
    let (nixl, gpu) = (&outcome["below"]["nixl"], &outcome["below"]["gpu"]);
    for (file, name) in [("library", "libnixl_capi.so"), ("plugin", "libplugin_POSIX.so")] {
        let file_path = nixl[file].as_str().expect("a path");
        assert!(file_path.ends_with(name) && fs::exists(file_path).expect("a path"), "{file_path}");
        let sum = nixl[format!("{file}_sha256")].as_str().expect("a sum");
        assert!(sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit()), "{sum}");
    }
    assert!(["Linux AIO", "io_uring"].contains(&nixl["queue"].as_str().expect("a queue")));
    assert_eq!(gpu, &Value::Null);
    let table = text(&run(&arguments).stdout);
    let queue = format!("libplugin_POSIX.so with {}", nixl["queue"].as_str().expect("a queue"));
    assert!(table.contains("\nbelow: NIXL ") && table.contains(&queue), "{table}");
}

/// Small tiers above a disk that holds the whole workload.
const DURABLE: [&str; 10] = [
    "chat",
    "--limit",
    "200",
    "--device-blocks",
    "64",
    "--host-blocks",
    "64",
    "--disk-blocks",
    "4096",
    "--durable",
];

#[test]
fn a_durable_run_is_found_by_the_next() {
    run_durably_twice("posix");
}

#[cfg(feature = "nixl")]
#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_durable_run_through_nixl_is_found_by_the_next() {
    run_durably_twice("nixl-posix");
}

/// What a run published is found by the next one in the same directory, and every byte of it is right.
fn run_durably_twice(backend: &str) {
    let root = tempdir().unwrap();
    let place = ["--backend", backend, "--directory", root.path().to_str().unwrap()];
    let arguments = [&DURABLE[..], &place].concat();
    let first = json(&arguments);
    let number = |outcome: &Value, field: &str| outcome[field].as_u64().unwrap();
    assert_eq!((number(&first, "recovered"), number(&first, "grafted")), (0, 0));
    assert!(number(&first, "published") > 100, "{first}");
    let second = json(&arguments);
    assert!(number(&second, "recovered") > 100, "{second}");
    assert!(number(&second, "grafted") > 100, "{second}");
    assert!(number(&second, "hits_disk") > number(&first, "hits_disk"), "{second}");
    assert!(number(&second, "hits") > number(&first, "hits"), "{second}");
    assert_eq!((number(&second, "blocks_corrupt"), number(&second, "lost")), (0, 0));

    let output = run(&[&arguments[..], &["--no-progress"]].concat());
    let table = text(&output.stdout);
    assert!(table.contains("recovered") && table.contains("found again"), "{table}");
}

#[test]
fn durable_needs_a_place_that_stays_and_trailers() {
    assert!(refused(&["--durable", "--backend", "posix"]).contains("--directory"));
    let root = tempdir().unwrap();
    let place = ["--backend", "posix", "--directory", root.path().to_str().unwrap()];
    let in_place = |more: &[&str]| refused(&[&["--durable"], &place[..], more].concat());
    assert!(in_place(&["--no-verify"]).contains("trailers"));
    assert!(in_place(&["--disk-blocks", "0"]).contains("disk tier"));
    assert!(refused(&["--durable", "--backend", "dram"]).contains("files"));
}

/// Within one run it only publishes, and decides as ever.
#[test]
fn a_durable_run_on_the_simulator_decides_as_any_other() {
    let durable = json(&DURABLE);
    let plain = json(&DURABLE[..DURABLE.len() - 1]);
    assert!(durable["published"].as_u64() > Some(100));
    assert_eq!(plain["published"], 0);
    assert_eq!(durable["decision_hash"], plain["decision_hash"]);
}
