//! The `tierproof` command.

#![forbid(unsafe_code)]

mod cli;
#[cfg(feature = "sim")]
mod exploring;
mod failure;
mod output;

use clap::Parser;
use cli::{Cli, Command, Doctor, Replay};
use failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use output::Outputs;
use std::process::ExitCode;
use tierproof::{Progress, Workload, doctor};

/// A backend that must work does not.
const UNFIT: u8 = 1;
/// A byte was wrong or an invariant broke.
const UNSOUND: u8 = 3;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Replay(arguments) => replay(&arguments),
        Command::Doctor(arguments) => examine(&arguments),
        #[cfg(feature = "sim")]
        Command::Explore(arguments) => exploring::explore(&arguments),
        #[cfg(feature = "sim")]
        Command::Rerun(arguments) => exploring::rerun(&arguments),
    };
    done.unwrap_or_else(Failure::report)
}

fn examine(arguments: &Doctor) -> Result<ExitCode, Failure> {
    let required: Vec<&str> = arguments.require.iter().map(String::as_str).collect();
    let checkup = doctor::checkup(arguments.directory.as_deref(), &required);
    let checkup = checkup.map_err(|error| Failure::of_doctor(&error))?;
    output::print_checkup(&checkup, arguments.json)?;
    Ok(if checkup.fit { ExitCode::SUCCESS } else { ExitCode::from(UNFIT) })
}

fn replay(arguments: &Replay) -> Result<ExitCode, Failure> {
    let settings = arguments.settings();
    let mut outputs = Outputs::open(arguments)?;
    let mut workload = Workload::open(&arguments.workload, arguments.seed, arguments.limit)?;
    let bar = progress_bar(arguments.no_progress);
    let mut watch = |progress: Progress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
    };
    let outcome = tierproof::replay(&settings, &mut workload, outputs.decisions(), &mut watch);
    bar.finish_and_clear();
    let outcome = outcome?;
    outputs.print(&outcome, settings.blocks)?;
    Ok(if outcome.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}

/// A bar on standard error where that is a terminal, else nothing.
fn progress_bar(hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % {elapsed} of {duration}");
    let bar = ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
