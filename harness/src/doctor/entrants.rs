//! The backends that are tried: one line each.

use super::trial::{Trial, try_out};
use crate::open::open;
use crate::settings::{BackendKind, Root, Settings};
use std::path::{Path, PathBuf};
use tierproof_core::{Backend, Result, TransferMode};

/// A backend that this command knows.
struct Entrant {
    name: &'static str,
    mode: TransferMode,
    /// The feature that builds it, and whether this build has it.
    feature: (&'static str, bool),
    open: fn(&Path) -> Result<Box<dyn Backend>>,
}

const SIM: (&str, bool) = ("sim", cfg!(feature = "sim"));
const POSIX: (&str, bool) = ("posix", cfg!(feature = "posix"));
const NIXL: (&str, bool) = ("nixl", cfg!(feature = "nixl"));
const GDS: (&str, bool) = ("gds", cfg!(feature = "gds"));

#[rustfmt::skip]
const ENTRANTS: [Entrant; 7] = [
    Entrant { name: "sim", mode: TransferMode::Posix, feature: SIM, open: |root| of(BackendKind::Sim, root) },
    Entrant { name: "dram", mode: TransferMode::Posix, feature: POSIX, open: |root| of(BackendKind::Dram, root) },
    Entrant { name: "posix", mode: TransferMode::Posix, feature: POSIX, open: |root| of(BackendKind::Posix, root) },
    Entrant { name: "nixl-posix", mode: TransferMode::Posix, feature: NIXL, open: |root| of(BackendKind::NixlPosix, root) },
    Entrant { name: "cuda-dram", mode: TransferMode::Dram, feature: GDS, open: |root| of(BackendKind::CudaDram, root) },
    Entrant { name: "gds", mode: TransferMode::Gds, feature: GDS, open: |root| of(BackendKind::Gds, root) },
    Entrant { name: "gds_mt", mode: TransferMode::Gds, feature: GDS, open: |root| of(BackendKind::GdsMt, root) },
];

/// The names of all backends that are tried, built in or not.
///
/// ```
/// assert!(tierproof::doctor::backends().any(|name| name == "posix"));
/// ```
pub fn backends() -> impl Iterator<Item = &'static str> {
    ENTRANTS.iter().map(|entrant| entrant.name)
}

/// Tries all, one after the other, each with a folder of its own in `scratch`.
pub(crate) fn try_all(scratch: &Path) -> Vec<Trial> {
    ENTRANTS.iter().map(|entrant| entrant.try_in(scratch)).collect()
}

impl Entrant {
    fn try_in(&self, scratch: &Path) -> Trial {
        let (feature, built) = self.feature;
        if !built {
            let remedy = format!("build with --features {feature}");
            return Trial::not_working(self.name, "it is not built in".into(), &remedy);
        }
        let folder: PathBuf = scratch.join(self.name);
        if let Err(error) = std::fs::create_dir(&folder) {
            let why = format!("{}: it can't be made: {error}", folder.display());
            return Trial::not_working(self.name, why, "check the directory and its space");
        }
        let open = self.open;
        try_out(self.name, self.mode, move || open(&folder))
    }
}

fn of(backend: BackendKind, root: &Path) -> Result<Box<dyn Backend>> {
    let settings = Settings { backend, root: Root::At(root.to_owned()), ..Settings::default() };
    Ok(open(&settings)?.backend)
}
