//! Opening the backend that the settings ask for.

use crate::settings::{BackendKind, Root, Settings};
use tempfile::TempDir;
use tierproof_core::{Backend, Error, ErrorKind, Result};

/// A backend, and the directory to remove once it is gone.
pub(crate) struct Opened {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) temporary: Option<TempDir>,
}

/// Opens the backend.
pub(crate) fn open(settings: &Settings) -> Result<Opened> {
    if settings.profile.is_some() && settings.backend != BackendKind::Sim {
        let context = "a device profile is for the simulated device: take the profile away, or \
                       choose the sim backend";
        return Err(Error::new(ErrorKind::Config, context));
    }
    match settings.backend {
        BackendKind::Sim => simulated(settings),
        BackendKind::Dram => memory(),
        BackendKind::Posix => files(settings),
    }
}

#[cfg(not(all(feature = "sim", feature = "posix")))]
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
    Ok(Opened { backend: Box::new(Sim::new(config)?), temporary: None })
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
    Ok(Opened { backend: Box::new(tierproof_backends::Dram::new()), temporary: None })
}

/// The given directory, or a fresh one. Requests that give no directory still need a root.
#[cfg(feature = "posix")]
fn files(settings: &Settings) -> Result<Opened> {
    use tierproof_backends::{Posix, PosixConfig};
    let temporary = match &settings.root {
        Root::At(_) => None,
        Root::Temporary | Root::Nowhere => {
            let fresh = tempfile::Builder::new().prefix("tierproof-").tempdir();
            let unavailable = |error| {
                let context = "no temporary directory can be made: give --directory";
                Error::new(ErrorKind::Unavailable, context).with_source(error)
            };
            Some(fresh.map_err(unavailable)?)
        }
    };
    let root = match (&settings.root, &temporary) {
        (Root::At(path), _) => path.as_path(),
        (_, Some(directory)) => directory.path(),
        (_, None) => unreachable!("a root that is not given is temporary"),
    };
    let backend = Box::new(Posix::open(PosixConfig::new(root))?);
    Ok(Opened { backend, temporary })
}
