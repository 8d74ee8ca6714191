//! What of NIXL is here, and which of its plugins can really be created.

use super::agents::open;
use super::gds::GdsPlugin;
use super::gds_mt::GdsMtPlugin;
use super::library::{Attestation, Library, LoadedFile, installed, locate, look_at};
use super::plugin::{Opening, Plugin};
use super::posix::PosixPlugin;
use crate::machine::NvidiaDriver;
use std::path::Path;
use tierproof_core::{Error, ErrorKind, Result};

/// A plugin by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginName {
    /// Between host memory and files.
    Posix,
    /// Between a GPU's memory and files, in batches of cuFile's.
    Gds,
    /// The same by threads.
    GdsMt,
}

impl PluginName {
    /// All that files can be moved with.
    pub const ALL: [Self; 3] = [Self::Posix, Self::Gds, Self::GdsMt];

    /// The name that NIXL gives it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Posix => "POSIX",
            Self::Gds => "GDS",
            Self::GdsMt => "GDS_MT",
        }
    }

    /// The ways to open it, without those of others that a backend falls back on.
    fn ways(self) -> impl Iterator<Item = &'static Opening> {
        let ways = match self {
            Self::Posix => PosixPlugin::FACTS.ways,
            Self::Gds => GdsPlugin::FACTS.ways,
            Self::GdsMt => GdsMtPlugin::FACTS.ways,
        };
        ways.iter().filter(|way| way.plugin == ways[0].plugin)
    }

    /// Creates the plugin in an agent of its own and ends both: the only true probe, since NIXL
    /// lists plugins that can't be loaded. `library` as in [`NixlConfig`](crate::NixlConfig).
    ///
    /// ```no_run
    /// use tierproof_backends::PluginName;
    /// match PluginName::GdsMt.create(None) {
    ///     Ok(seen) => println!("{} works, through {}", seen.plugin.path.display(), seen.queue),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    ///
    /// # Errors
    /// `Unavailable` without the library or the plugin, where it can't be created and where cuFile
    /// would hang, `Config` for
    /// a library that others can write to and where the environment would choose what is loaded.
    pub fn create(self, library: Option<&Path>) -> Result<Attestation> {
        if self != Self::Posix {
            refuse_to_spin()?;
        }
        let plugin = self.ways().next().map_or(c"", |way| way.plugin);
        let library = Library::open(library, plugin)?;
        let mut refusals = Vec::new();
        for way in self.ways() {
            match open(library.api, way) {
                Ok(agent) => {
                    drop(agent);
                    return Ok(library.attest(way.queue));
                }
                Err(code) => refusals.push(format!("{}: {code}", way.queue)),
            }
        }
        let (path, refusals) = (library.plugin.path.display(), refusals.join("; "));
        Err(Error::new(ErrorKind::Unavailable, format!("{path} can't be created: {refusals}")))
    }
}

/// cuFile 1.20 reads `/proc/modules` line by line when its driver is opened and, where the kernel has
/// no such file, spins for ever. Without a GPU's driver there is nothing to gain by that.
fn refuse_to_spin() -> Result<()> {
    if Path::new("/proc/modules").exists() || NvidiaDriver::loaded().is_some() {
        return Ok(());
    }
    let context = "no NVIDIA driver is loaded, and this kernel has no /proc/modules, for which \
                   cuFile would look for ever";
    Err(Error::new(ErrorKind::Unavailable, context))
}

/// NIXL as it lies on this machine, not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NixlInstallation {
    /// NIXL's C API.
    pub library: LoadedFile,
    /// The version of the installation, where it says so.
    pub version: Option<String>,
    /// The plugins whose files are there, by name. Whether they work is another question.
    pub plugins: Vec<String>,
}

impl NixlInstallation {
    /// The installation that a backend would load. `library` as in
    /// [`NixlConfig`](crate::NixlConfig).
    ///
    /// ```no_run
    /// let nixl = tierproof_backends::NixlInstallation::find(None)?;
    /// println!("{:?} with {:?}", nixl.version, nixl.plugins);
    /// # Ok::<(), tierproof_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PluginName::create`].
    pub fn find(library: Option<&Path>) -> Result<Self> {
        let path = locate(library)?;
        let (version, folder) = installed(&path);
        let entries = folder.read_dir().into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let plugin =
            |name: String| Some(name.strip_prefix("libplugin_")?.strip_suffix(".so")?.to_owned());
        let mut plugins: Vec<String> = names.filter_map(plugin).collect();
        plugins.sort_unstable();
        Ok(Self { library: look_at(path)?, version, plugins })
    }
}
