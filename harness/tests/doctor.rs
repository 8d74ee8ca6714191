//! Promise: `tierproof doctor` says what is here and ends; a backend that loses bytes, or never
//! answers, is found out by its one tiny transfer; `--require` decides the exit status.

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
    let names = ["sim", "dram", "posix", "nixl-posix", "gds", "gds_mt"];
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

/// Backends that do not keep their promises.
#[cfg(feature = "posix")]
mod liars {
    use rstest::rstest;
    use std::time::{Duration, Instant};
    use tierproof::doctor::{Trial, try_out};
    use tierproof_backends::Dram;
    use tierproof_core::{
        Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, MediumKind,
        Nanos, RegionId, Result, Route, TransferId, TransferMode, TransferRequest,
    };

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Lie {
        None,
        /// Loads are said to be done, and one bit of what arrives is wrong.
        WrongBytes,
        /// Loads are said to be done, and nothing arrives.
        Nothing,
        /// Stores are said to be done, and nothing is stored.
        LostStore,
        /// Accepts, and never says a word.
        Silence,
        /// The same, and time stands still too.
        FrozenTime,
        /// Every request is refused.
        Refusal,
        /// Opening it panics.
        Panic,
        /// Nothing can be given back.
        Miser,
        /// There are no files.
        NoFiles,
        /// Bytes go in and never out.
        OneWay,
    }

    /// Host memory that lies.
    struct Liar {
        inner: Dram,
        lie: Lie,
        capability: Capability,
        /// Files, by which loads are known.
        files: Vec<RegionId>,
        spoilt: Option<Descriptor>,
    }

    impl Liar {
        fn open(lie: Lie) -> Result<Box<dyn Backend>> {
            assert_ne!(lie, Lie::Panic, "as this test wants it");
            let inner = Dram::new();
            let mut capability = inner.capability().clone();
            for from in MediumKind::ALL {
                for to in MediumKind::ALL {
                    let absent = match lie {
                        Lie::NoFiles => from == MediumKind::File || to == MediumKind::File,
                        Lie::OneWay => from > to,
                        _ => false,
                    };
                    if absent {
                        capability.routes[from as usize][to as usize] = Route::Absent;
                    }
                }
            }
            Ok(Box::new(Self { inner, lie, capability, files: vec![], spoilt: None }))
        }
    }

    impl Backend for Liar {
        fn name(&self) -> &'static str {
            "liar"
        }

        fn capability(&self) -> &Capability {
            &self.capability
        }

        fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
            let region = self.inner.allocate(medium, len)?;
            if medium.kind() == MediumKind::File {
                assert_ne!(self.lie, Lie::NoFiles, "a medium without a route is not asked for");
                self.files.push(region);
            }
            Ok(region)
        }

        fn release(&mut self, region: RegionId) -> Result<()> {
            if self.lie == Lie::Miser {
                return Err(Error::new(ErrorKind::Busy, "it is still in use"));
            }
            self.inner.release(region)
        }

        fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
            self.inner.fill(target, bytes)
        }

        fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
            self.inner.peek(source, bytes)?;
            if self.spoilt == Some(source) {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
            }
            Ok(())
        }

        fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
            let part = request.parts[0];
            let loads = self.files.contains(&part.source.region);
            let stores = self.files.contains(&part.target.region);
            let nothing =
                (self.lie == Lie::Nothing && loads) || (self.lie == Lie::LostStore && stores);
            match self.lie {
                Lie::Refusal => return Err(Error::new(ErrorKind::Unsupported, "not today")),
                Lie::WrongBytes if loads => self.spoilt = Some(part.target),
                _ => {}
            }
            let mut request = request.clone();
            if nothing {
                let part = &mut request.parts[0];
                (part.source.len, part.target.len) = (0, 0);
                (part.check, part.seal) = (None, None);
            }
            self.inner.submit(&request)
        }

        fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
            if matches!(self.lie, Lie::Silence | Lie::FrozenTime) {
                return Ok(());
            }
            self.inner.poll(done)
        }

        fn park(&mut self, until: Nanos) -> Nanos {
            match self.lie {
                // Its time runs away, so that nobody waits for real.
                Lie::Silence => until.max(Nanos(1)),
                Lie::FrozenTime => {
                    std::thread::sleep(Duration::from_millis(1));
                    Nanos(0)
                }
                _ => self.inner.park(until),
            }
        }
    }

    fn tried(lie: Lie) -> Trial {
        try_out("liar", TransferMode::Posix, move || Liar::open(lie))
    }

    #[test]
    fn who_is_honest_is_not_accused() {
        let trial = tried(Lie::None);
        assert!(trial.works && trial.why.is_none() && trial.remedy.is_none(), "{trial:?}");
        assert_eq!(trial.routes.len(), 6);
    }

    #[test]
    fn only_the_routes_that_are_there_are_tried() {
        let trial = tried(Lie::NoFiles);
        assert!(trial.works, "{trial:?}");
        assert_eq!(trial.routes, ["device-host", "host-device"]);
    }

    #[rstest]
    #[case(Lie::WrongBytes, "file-device: said to be done, and wrong")]
    #[case(Lie::Nothing, "file-device: said to be done, and wrong")]
    #[case(Lie::LostStore, "host-file: said to be done, and wrong")]
    #[case(Lie::Silence, "device-host: no end within 10 s")]
    #[case(Lie::Refusal, "device-host: not today")]
    #[case(Lie::Panic, "it panicked")]
    #[case(Lie::Miser, "still in use")]
    #[case(Lie::OneWay, "no way from one medium to another and back")]
    fn who_lies_is_found_out(#[case] lie: Lie, #[case] words: &str) {
        let trial = tried(lie);
        assert!(!trial.works && trial.remedy.is_some(), "{trial:?}");
        assert!(trial.why.as_ref().is_some_and(|why| why.contains(words)), "{trial:?}");
    }

    /// Where not even time can be trusted, ours ends it.
    #[test]
    fn a_clock_that_stands_still_holds_nobody_up() {
        let began = Instant::now();
        let trial = tried(Lie::FrozenTime);
        assert!(trial.why.is_some_and(|why| why.contains("it hangs")));
        assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    }

    /// A backend that can't be opened says why, with all causes.
    #[test]
    fn what_can_not_be_opened_says_why() {
        let trial = try_out("shut", TransferMode::Posix, || {
            let cause = Error::new(ErrorKind::Device, "the cable is out");
            Err(Error::new(ErrorKind::Unavailable, "no tape").with_source(cause))
        });
        assert_eq!(trial.why.as_deref(), Some("no tape: the cable is out"));
    }
}
