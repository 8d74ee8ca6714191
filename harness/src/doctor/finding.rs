//! One fact about this machine, and what to do about it.

use serde::Serialize;
use std::error::Error as StdError;
use std::fmt;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// NIXL's library.
    Nixl,
    /// Its POSIX plugin.
    PluginPosix,
    /// Its GDS plugin.
    PluginGds,
    /// Its `GDS_MT` plugin.
    PluginGdsMt,
    /// The kernel's half of NVIDIA's driver.
    Driver,
    /// The other half, and the GPUs that it sees.
    Cuda,
    /// cuFile's library.
    Cufile,
    /// cuFile's settings.
    CufileJson,
    /// How bytes would go between a GPU and a disk.
    GdsPath,
    /// What udev says of the directory's device, which cuFile asks for.
    Udev,
    /// The directory's file system.
    FileSystem,
    /// Whether it takes direct I/O.
    DirectIo,
    /// Whether it has room.
    Space,
    /// Memory that may be locked.
    Memlock,
    /// Whether the kernel lets us use `io_uring`.
    IoUring,
}

impl Topic {
    /// All topics, in the order of a checkup.
    pub const ALL: [Self; 15] = [
        Self::FileSystem,
        Self::DirectIo,
        Self::Space,
        Self::Udev,
        Self::Memlock,
        Self::IoUring,
        Self::Nixl,
        Self::PluginPosix,
        Self::PluginGds,
        Self::PluginGdsMt,
        Self::Driver,
        Self::Cuda,
        Self::Cufile,
        Self::CufileJson,
        Self::GdsPath,
    ];

    /// The name that people and JSON read.
    ///
    /// ```
    /// assert_eq!(tierproof::doctor::Topic::PluginGdsMt.name(), "plugin-gds-mt");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nixl => "nixl",
            Self::PluginPosix => "plugin-posix",
            Self::PluginGds => "plugin-gds",
            Self::PluginGdsMt => "plugin-gds-mt",
            Self::Driver => "driver",
            Self::Cuda => "cuda",
            Self::Cufile => "cufile",
            Self::CufileJson => "cufile-json",
            Self::GdsPath => "gds-path",
            Self::Udev => "udev",
            Self::FileSystem => "file-system",
            Self::DirectIo => "direct-io",
            Self::Space => "space",
            Self::Memlock => "memlock",
            Self::IoUring => "io-uring",
        }
    }
}

/// How well it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but otherwise or slower than it could.
    Warning,
    /// Something that needs it does not work.
    Missing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Missing => "missing",
        })
    }
}

/// One fact.
///
/// ```
/// use tierproof::doctor::{Finding, State, Topic};
/// let finding = Finding::missing(Topic::Driver, "no NVIDIA driver is loaded", "install it");
/// assert_eq!((finding.state, finding.remedy.as_deref()), (State::Missing, Some("install it")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// How well it is.
    pub state: State,
    /// What was found.
    pub what: String,
    /// What to do: a line of words, and below it lines to be copied into a shell.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(topic: Topic, what: impl Into<String>) -> Self {
        Self { topic, state: State::Ok, what: what.into(), remedy: None }
    }

    /// It works, but otherwise than it could.
    pub fn warning(topic: Topic, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), Some(remedy.into()));
        Self { topic, state: State::Warning, what, remedy }
    }

    /// Something that needs it does not work.
    pub fn missing(topic: Topic, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), Some(remedy.into()));
        Self { topic, state: State::Missing, what, remedy }
    }

    /// Nobody could ask: this build has no probe for it. The widest feature has all.
    #[cfg(not(feature = "gds"))]
    pub(crate) fn left_out(topic: Topic, feature: &str) -> Self {
        let what = "not asked: this build leaves the probe out";
        Self::missing(topic, what, format!("build with --features {feature}"))
    }
}

/// An error and all that caused it, in one line. Some name their cause themselves.
pub(crate) fn told(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_line = cause.to_string();
        if !line.contains(&cause_line) {
            line.push_str(": ");
            line.push_str(&cause_line);
        }
        next = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierproof_core::{Error, ErrorKind};

    #[test]
    fn every_topic_is_listed_once_and_named_as_json_names_it() {
        let mut topics = Topic::ALL;
        topics.sort_unstable();
        assert!(topics.windows(2).all(|pair| pair[0] < pair[1]), "{topics:?}");
        for topic in topics {
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.name());
        }
    }

    #[test]
    fn causes_are_told_once() {
        let cause = Error::new(ErrorKind::Device, "no such file");
        let error = Error::new(ErrorKind::Unavailable, "libx.so").with_source(cause);
        assert_eq!(told(&error), "libx.so: no such file");
        let cause = Error::new(ErrorKind::Device, "no such file");
        let error = Error::new(ErrorKind::Unavailable, "x: no such file").with_source(cause);
        assert_eq!(told(&error), "x: no such file");
    }
}
