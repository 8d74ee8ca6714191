//! Opening the backend that the settings ask for.

use crate::below::Below;
use crate::settings::{BackendKind, Root, Settings};
use tempfile::TempDir;
use tierproof_core::{Backend, Error, ErrorKind, Result};

/// A backend, what is below it, and the directory to remove once it is gone.
pub(crate) struct Opened {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) below: Option<Below>,
    pub(crate) temporary: Option<TempDir>,
}

impl Opened {
    /// A backend of our own alone.
    #[cfg(any(feature = "sim", feature = "posix"))]
    fn plain(backend: impl Backend + 'static) -> Self {
        Self { backend: Box::new(backend), below: None, temporary: None }
    }
}

/// Opens the backend.
pub(crate) fn open(settings: &Settings) -> Result<Opened> {
    if settings.profile.is_some() && settings.backend != BackendKind::Sim {
        let context = "a device profile is for the simulated device: take the profile away, or \
                       choose the sim backend";
        return Err(Error::new(ErrorKind::Config, context));
    }
    let has_files =
        !matches!(settings.backend, BackendKind::Sim | BackendKind::Dram | BackendKind::CudaDram);
    if settings.durable && has_files && !matches!(settings.root, Root::At(_)) {
        let context = "durable blocks in a directory that is removed at the end: give --directory";
        return Err(Error::new(ErrorKind::Config, context));
    }
    match settings.backend {
        BackendKind::Sim => simulated(settings),
        BackendKind::Dram => memory(),
        BackendKind::Posix => files(settings),
        BackendKind::NixlPosix => through_nixl(settings),
        BackendKind::CudaDram => gpu_memory(settings),
        BackendKind::Gds => gds(settings),
        BackendKind::GdsMt => gds_mt(settings),
    }
}

#[cfg(not(all(feature = "sim", feature = "posix", feature = "gds")))]
fn left_out(feature: &str) -> Error {
    let context = format!("built without this backend: build with --features {feature}");
    Error::new(ErrorKind::Unavailable, context)
}

#[cfg(feature = "sim")]
fn simulated(settings: &Settings) -> Result<Opened> {
    use tierproof_sim::{Profile, Sim, SimConfig};
    let profile = match &settings.profile {
        None => Profile::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                let context = format!("{}: the device profile can't be read", path.display());
                Error::new(ErrorKind::Unavailable, context).with_source(error)
            })?;
            Profile::from_toml(&text)?
        }
    };
    let config = SimConfig { profile, seed: settings.seed, ..SimConfig::default() };
    Ok(Opened::plain(Sim::new(config)?))
}

#[cfg(not(feature = "sim"))]
fn simulated(_: &Settings) -> Result<Opened> {
    Err(left_out("sim"))
}

#[cfg(not(feature = "posix"))]
fn memory() -> Result<Opened> {
    Err(left_out("posix"))
}

#[cfg(not(feature = "posix"))]
fn files(_: &Settings) -> Result<Opened> {
    Err(left_out("posix"))
}

#[cfg(feature = "posix")]
fn memory() -> Result<Opened> {
    Ok(Opened::plain(tierproof_backends::Dram::new()))
}

#[cfg(feature = "posix")]
fn files(settings: &Settings) -> Result<Opened> {
    use tierproof_backends::{Posix, PosixConfig};
    in_root(settings, |root| Ok(Opened::plain(Posix::open(PosixConfig::new(root))?)))
}

#[cfg(feature = "nixl")]
fn through_nixl(settings: &Settings) -> Result<Opened> {
    plugin::<tierproof_backends::PosixPlugin>(settings, None)
}

/// Files through a plugin of NIXL.
#[cfg(feature = "nixl")]
fn plugin<P: tierproof_backends::Plugin>(settings: &Settings, gpu: Option<u32>) -> Result<Opened> {
    use crate::below::BelowNixl;
    use tierproof_backends::{Nixl, NixlConfig};
    in_root(settings, |root| {
        let backend = Nixl::<P>::open(NixlConfig { gpu, ..NixlConfig::new(root) })?;
        let nixl = Some(BelowNixl::from(backend.attestation()));
        #[cfg(feature = "gds")]
        let gpu = tierproof_backends::OnGpu::gpu(&backend).map(Into::into);
        #[cfg(not(feature = "gds"))]
        let gpu = None;
        Ok(Opened { below: Some(Below { gpu, nixl }), ..Opened::plain(backend) })
    })
}

#[cfg(not(feature = "nixl"))]
fn through_nixl(_: &Settings) -> Result<Opened> {
    Err(left_out("nixl"))
}

#[cfg(feature = "gds")]
fn gpu_memory(settings: &Settings) -> Result<Opened> {
    let backend = tierproof_backends::CudaDram::open(settings.gpu)?;
    let gpu = tierproof_backends::OnGpu::gpu(&backend).map(Into::into);
    Ok(Opened { below: Some(Below { gpu, nixl: None }), ..Opened::plain(backend) })
}

#[cfg(feature = "gds")]
fn gds(settings: &Settings) -> Result<Opened> {
    plugin::<tierproof_backends::GdsPlugin>(settings, Some(settings.gpu))
}

#[cfg(feature = "gds")]
fn gds_mt(settings: &Settings) -> Result<Opened> {
    plugin::<tierproof_backends::GdsMtPlugin>(settings, Some(settings.gpu))
}

#[cfg(not(feature = "gds"))]
fn gpu_memory(_: &Settings) -> Result<Opened> {
    Err(left_out("gds"))
}

#[cfg(not(feature = "gds"))]
fn gds(_: &Settings) -> Result<Opened> {
    Err(left_out("gds"))
}

#[cfg(not(feature = "gds"))]
fn gds_mt(_: &Settings) -> Result<Opened> {
    Err(left_out("gds"))
}

/// Opens in the given directory, or a fresh one. Requests that give no directory still need a root.
#[cfg(feature = "posix")]
fn in_root(
    settings: &Settings,
    open: impl FnOnce(&std::path::Path) -> Result<Opened>,
) -> Result<Opened> {
    if let Root::At(path) = &settings.root {
        return open(path);
    }
    let fresh = tempfile::Builder::new().prefix("tierproof-").tempdir();
    let unavailable = |error| {
        let context = "no temporary directory can be made: give --directory";
        Error::new(ErrorKind::Unavailable, context).with_source(error)
    };
    let fresh = fresh.map_err(unavailable)?;
    let opened = open(fresh.path())?;
    Ok(Opened { temporary: Some(fresh), ..opened })
}
