//! Settings of `tierproof doctor`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;
use tierproof::doctor;

/// Settings of `tierproof doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Existing directory to examine, for its device and file system; what is tried in it is removed
    /// again [default: a temporary one]
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Backends that must work; may be given more than once
    #[arg(long, value_name = "NAME", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(doctor::backends()))]
    pub(crate) require: Vec<String>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}
