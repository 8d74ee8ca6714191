//! The GPU, its driver, cuFile, and how bytes would go between them and a disk.

use super::finding::{Finding, Topic};
#[cfg(feature = "nixl")]
use tierproof_backends::CuFileLibrary;
#[cfg(feature = "gds")]
use tierproof_backends::machine::Cuda;
#[cfg(feature = "posix")]
use {
    super::finding::told,
    super::patience::ask,
    tierproof_backends::machine::{CuFileSettings, CuFileSource, Gds, NvidiaDriver},
};

#[cfg(feature = "posix")]
const DRIVER: &str = "install NVIDIA's driver; in a container: docker run --gpus all";

#[cfg(not(feature = "posix"))]
pub(crate) fn examine() -> Vec<Finding> {
    let topics = [Topic::Driver, Topic::CufileJson, Topic::GdsPath];
    let mut findings = topics.map(|topic| Finding::left_out(topic, "posix")).to_vec();
    findings.splice(1..1, [cuda(), cufile()]);
    findings
}

#[cfg(feature = "posix")]
pub(crate) fn examine() -> Vec<Finding> {
    let driver = NvidiaDriver::loaded();
    let settings = CuFileSettings::in_force();
    let (in_force, why) = match &settings {
        Ok(settings) => (Some(settings), None),
        Err(error) => (None, Some(told(error))),
    };
    let path = match ask(Gds::look) {
        Ok(gds) => gds_path(driver.as_ref(), &gds, in_force),
        Err(silence) => Finding::missing(Topic::GdsPath, silence.told(), "look at /proc/kallsyms"),
    };
    let json = match (in_force, why) {
        (Some(settings), _) => cufile_json(settings),
        (None, why) => {
            let remedy = "correct it, or unset CUFILE_ENV_PATH_JSON";
            Finding::missing(Topic::CufileJson, why.unwrap_or_default(), remedy)
        }
    };
    vec![kernel_driver(driver.as_ref()), cuda(), cufile(), json, path]
}

#[cfg(feature = "posix")]
fn kernel_driver(driver: Option<&NvidiaDriver>) -> Finding {
    let Some(driver) = driver else {
        return Finding::missing(Topic::Driver, "no NVIDIA driver is loaded", DRIVER);
    };
    let kind = if driver.open { "open" } else { "closed" };
    Finding::ok(Topic::Driver, format!("NVIDIA driver {}, {kind} module", driver.version))
}

#[cfg(not(feature = "gds"))]
fn cuda() -> Finding {
    Finding::left_out(Topic::Cuda, "gds")
}

#[cfg(feature = "gds")]
fn cuda() -> Finding {
    let missing = |why: String| Finding::missing(Topic::Cuda, why, DRIVER);
    match ask(Cuda::ask) {
        Ok(Ok(cuda)) if cuda.devices.is_empty() => missing("CUDA sees no GPU".into()),
        Ok(Ok(cuda)) => {
            let devices = cuda.devices.join(", ");
            Finding::ok(Topic::Cuda, format!("CUDA {} with {devices}", cuda.version))
        }
        Ok(Err(error)) => missing(told(&error)),
        Err(silence) => missing(silence.told()),
    }
}

#[cfg(not(feature = "nixl"))]
fn cufile() -> Finding {
    Finding::left_out(Topic::Cufile, "nixl")
}

/// After the plugins were created, so that it is theirs that is found.
#[cfg(feature = "nixl")]
fn cufile() -> Finding {
    let remedy = "run scripts/fetch-nixl, or install CUDA's libcufile";
    match ask(|| CuFileLibrary::find(None)) {
        Ok(Ok(library)) => {
            let what = format!("cuFile {} at {}", library.version, library.path.display());
            Finding::ok(Topic::Cufile, what)
        }
        Ok(Err(error)) => Finding::missing(Topic::Cufile, told(&error), remedy),
        Err(silence) => Finding::missing(Topic::Cufile, silence.told(), remedy),
    }
}

#[cfg(feature = "posix")]
fn cufile_json(settings: &CuFileSettings) -> Finding {
    let source = match &settings.source {
        CuFileSource::Named(path) => path.display().to_string(),
        CuFileSource::System => "/etc/cufile.json".into(),
        CuFileSource::BuiltIn => "no file, so what is built in".into(),
    };
    let compat = match (settings.force_compat_mode, settings.allow_compat_mode) {
        (true, _) => "forced",
        (false, true) => "allowed",
        (false, false) => "forbidden",
    };
    let mut what = format!("{source}: compat mode is {compat}");
    for variable in &settings.overrides {
        what.push_str(&format!(", {variable}"));
    }
    Finding::ok(Topic::CufileJson, what)
}

/// What cuFile will probably do. Without its settings nothing is known of compat mode.
#[cfg(feature = "posix")]
fn gds_path(
    driver: Option<&NvidiaDriver>,
    gds: &Gds,
    settings: Option<&CuFileSettings>,
) -> Finding {
    let Some(driver) = driver else {
        return Finding::missing(Topic::GdsPath, "none without a driver", DRIVER);
    };
    let Some(settings) = settings else {
        let remedy = "correct cufile.json first";
        return Finding::missing(Topic::GdsPath, "unknown without cuFile's settings", remedy);
    };
    let forced = settings.force_compat_mode;
    if let Some(version) = gds.nvidia_fs.as_ref().filter(|_| !forced) {
        return Finding::ok(Topic::GdsPath, format!("nvidia-fs {version}"));
    }
    let peer = driver.open && gds.kernel_peer && gds.gpu_peer && settings.peer_to_peer;
    if peer && !forced {
        let what = "PCI peer-to-peer, as far as can be seen from outside";
        return Finding::ok(Topic::GdsPath, what);
    }
    if forced {
        let what = "compat mode, through host memory: it is forced";
        let remedy = "take force_compat_mode and CUFILE_FORCE_COMPAT_MODE away";
        return Finding::warning(Topic::GdsPath, what, remedy);
    }
    let have = |name: &str, here: bool| format!("{name} {}", if here { "yes" } else { "no" });
    let seen = [
        have("open driver", driver.open),
        have("kernel P2PDMA", gds.kernel_peer),
        have("GPU memory for peers", gds.gpu_peer),
        have("use_pci_p2pdma", settings.peer_to_peer),
    ];
    let seen = seen.join(", ");
    let direct = "load nvidia-fs (modprobe nvidia-fs), or turn on all that peer-to-peer needs";
    if settings.allow_compat_mode {
        let what = format!("compat mode, through host memory: no nvidia-fs; {seen}");
        return Finding::warning(Topic::GdsPath, what, direct);
    }
    let what = format!("none: no nvidia-fs, and compat mode is forbidden; {seen}");
    let remedy = "set CUFILE_ALLOW_COMPAT_MODE=true, or load nvidia-fs (modprobe nvidia-fs)";
    Finding::missing(Topic::GdsPath, what, remedy)
}

#[cfg(all(test, feature = "posix"))]
mod tests {
    use super::*;
    use crate::doctor::State;
    use rstest::rstest;

    const NOTHING: Gds = Gds { nvidia_fs: None, kernel_peer: false, gpu_peer: false };

    fn settings(allow: bool, force: bool) -> CuFileSettings {
        CuFileSettings {
            source: CuFileSource::BuiltIn,
            allow_compat_mode: allow,
            force_compat_mode: force,
            peer_to_peer: true,
            overrides: vec![],
        }
    }

    #[rstest]
    #[case::module(Gds { nvidia_fs: Some("2.17.5".into()), ..NOTHING }, false, false, State::Ok, "nvidia-fs 2.17.5")]
    #[case::peer(Gds { kernel_peer: true, gpu_peer: true, ..NOTHING }, false, false, State::Ok, "peer-to-peer")]
    #[case::half_a_peer(Gds { kernel_peer: true, ..NOTHING }, true, false, State::Warning, "memory for peers no")]
    #[case::compat(NOTHING, true, false, State::Warning, "compat mode")]
    #[case::forced(Gds { nvidia_fs: Some("2.17.5".into()), ..NOTHING }, true, true, State::Warning, "forced")]
    #[case::forbidden(NOTHING, false, false, State::Missing, "forbidden")]
    fn the_path_follows_from_what_is_here(
        #[case] gds: Gds,
        #[case] allow: bool,
        #[case] force: bool,
        #[case] state: State,
        #[case] words: &str,
    ) {
        let driver = NvidiaDriver { version: "580.65.06".into(), open: true };
        let finding = gds_path(Some(&driver), &gds, Some(&settings(allow, force)));
        assert_eq!(finding.state, state, "{finding:?}");
        assert!(finding.what.contains(words), "{finding:?}");
        assert_eq!(finding.remedy.is_none(), state == State::Ok);
        assert_eq!(gds_path(None, &gds, Some(&settings(allow, force))).state, State::Missing);
    }

    #[test]
    fn what_decides_over_the_file_is_told() {
        let mut settings = settings(true, false);
        settings.overrides = vec!["CUFILE_ALLOW_COMPAT_MODE=true".into()];
        let what = cufile_json(&settings).what;
        assert!(what.contains("allowed, CUFILE_ALLOW_COMPAT_MODE=true"), "{what}");
    }
}
