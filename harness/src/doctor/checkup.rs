//! All findings and all trials.

use super::entrants::{backends, try_all};
use super::finding::{Finding, Topic};
use super::nixl::NixlSeen;
use super::place::Place;
use super::trial::Trial;
use super::{gpu, machine, nixl};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tierproof_core::{Error, ErrorKind, Result};

/// What a machine is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// Where files were tried.
    pub directory: PathBuf,
    /// The backends that must work.
    pub required: Vec<String>,
    /// Whether they do.
    pub fit: bool,
    /// One for each of [`Topic::ALL`], in that order.
    pub findings: Vec<Finding>,
    /// The NIXL that is here.
    pub nixl: Option<NixlSeen>,
    /// One for each of [`backends`], in that order.
    pub trials: Vec<Trial>,
}

/// Examines this machine and `directory`, or where temporary files go, and tries every backend.
///
/// All files are made in a scratch directory in it, which is removed. What hangs is left to itself
/// after half a minute, so this ends.
///
/// ```
/// let checkup = tierproof::doctor::checkup(None, &["sim"])?;
/// assert!(checkup.fit, "{:?}", checkup.trials);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
///
/// # Errors
/// `Config` for an unknown name in `required` and for what is no directory, `Unavailable` for a
/// directory that is not there or can't be written.
pub fn checkup(directory: Option<&Path>, required: &[&str]) -> Result<Checkup> {
    if let Some(unknown) = required.iter().find(|name| !backends().any(|known| known == **name)) {
        let known: Vec<&str> = backends().collect();
        let context = format!("there is no backend {unknown:?}: choose of {}", known.join(", "));
        return Err(Error::new(ErrorKind::Config, context));
    }
    let place = Place::prepare(directory)?;
    let mut findings = machine::examine(place.scratch());
    let (of_nixl, seen) = nixl::examine();
    findings.extend(of_nixl);
    findings.extend(gpu::examine());
    findings.sort_by_key(|finding| Topic::ALL.iter().position(|topic| *topic == finding.topic));
    let trials = try_all(place.scratch());
    let works = |name: &&str| trials.iter().any(|trial| trial.works && trial.backend == **name);
    Ok(Checkup {
        directory: place.directory.clone(),
        fit: required.iter().all(works),
        required: required.iter().map(|name| (*name).to_owned()).collect(),
        findings,
        nixl: seen,
        trials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_backend_is_refused_with_all_known_ones() {
        let error = checkup(None, &["sim", "tape"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for word in ["\"tape\"", "sim", "dram", "posix", "nixl-posix", "gds", "gds_mt"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
