//! NIXL: what lies here, and which of its plugins can really be created.

use super::finding::{Finding, Topic};
use serde::Serialize;
use std::path::PathBuf;
#[cfg(feature = "nixl")]
use {
    super::finding::told,
    super::patience::ask,
    tierproof_backends::{NixlInstallation, PluginName},
};

/// A file, and the SHA-256 of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadedFile {
    /// Where it is.
    pub path: PathBuf,
    /// In hexadecimal.
    pub sha256: String,
}

/// The NIXL that backends load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NixlSeen {
    /// Its C API.
    pub library: LoadedFile,
    /// Its version, where it says so.
    pub version: Option<String>,
    /// The plugins whose files are there.
    pub plugins: Vec<String>,
    /// Those that were tried and really created.
    pub created: Vec<Created>,
}

/// A plugin that was created here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    /// Its name.
    pub plugin: String,
    /// Its file.
    pub file: LoadedFile,
    /// What it puts its reads and writes in.
    pub queue: String,
}

#[cfg(not(feature = "nixl"))]
pub(crate) fn examine() -> (Vec<Finding>, Option<NixlSeen>) {
    let topics = [Topic::Nixl, Topic::PluginPosix, Topic::PluginGds, Topic::PluginGdsMt];
    (topics.map(|topic| Finding::left_out(topic, "nixl")).into(), None)
}

#[cfg(feature = "nixl")]
pub(crate) fn examine() -> (Vec<Finding>, Option<NixlSeen>) {
    let installation = match ask(|| NixlInstallation::find(None)) {
        Ok(Ok(installation)) => installation,
        Ok(Err(error)) => {
            // What the operator has set stands in the way, and the error says what.
            let set = error.kind() == tierproof_core::ErrorKind::Config;
            return (without(&told(&error), if set { "do as it says" } else { GET }), None);
        }
        Err(silence) => return (without(&silence.told(), GET), None),
    };
    let NixlInstallation { library, version, plugins } = installation;
    let mut seen = NixlSeen { library: library.into(), version, plugins, created: Vec::new() };
    let version = seen.version.as_deref().unwrap_or("of unknown version");
    let here = format!("NIXL {version} at {}", seen.library.path.display());
    let mut findings = vec![Finding::ok(Topic::Nixl, here)];
    for plugin in PluginName::ALL {
        let (finding, created) = create(plugin);
        findings.push(finding);
        seen.created.extend(created);
    }
    (findings, Some(seen))
}

#[cfg(feature = "nixl")]
const GET: &str = "run scripts/fetch-nixl, or name an installation in TIERPROOF_NIXL";

#[cfg(feature = "nixl")]
fn without(why: &str, remedy: &str) -> Vec<Finding> {
    let mut findings = vec![Finding::missing(Topic::Nixl, why, remedy)];
    let plugins = PluginName::ALL.into_iter().map(topic);
    findings.extend(plugins.map(|it| Finding::missing(it, "no NIXL, so no plugin", remedy)));
    findings
}

#[cfg(feature = "nixl")]
fn topic(plugin: PluginName) -> Topic {
    match plugin {
        PluginName::Posix => Topic::PluginPosix,
        PluginName::Gds => Topic::PluginGds,
        PluginName::GdsMt => Topic::PluginGdsMt,
    }
}

#[cfg(feature = "nixl")]
fn create(plugin: PluginName) -> (Finding, Option<Created>) {
    let (topic, name) = (topic(plugin), plugin.as_str());
    let why = match ask(move || plugin.create(None)) {
        Ok(Ok(attestation)) => {
            let what = format!("{name} was created; it uses {}", attestation.queue);
            let file = attestation.plugin.into();
            let created = Created { plugin: name.into(), file, queue: attestation.queue };
            return (Finding::ok(topic, what), Some(created));
        }
        Ok(Err(error)) => told(&error),
        Err(silence) => silence.told(),
    };
    let remedy = match plugin {
        PluginName::Posix => {
            "see NIXL's log on standard error, or fetch it anew: scripts/fetch-nixl"
        }
        _ => "it needs what driver, cuda and cufile say below; NIXL's log is on standard error",
    };
    (Finding::missing(topic, why, remedy), None)
}

#[cfg(feature = "nixl")]
impl From<tierproof_backends::LoadedFile> for LoadedFile {
    fn from(file: tierproof_backends::LoadedFile) -> Self {
        Self { path: file.path, sha256: file.sha256 }
    }
}
