//! The `tierproof` command.

#![forbid(unsafe_code)]

mod cli;
mod failure;
mod output;

use clap::Parser;
use cli::{Cli, Command, Replay};
use failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use output::Outputs;
use std::process::ExitCode;
use tierproof::{Progress, Workload};

/// A byte was wrong or an invariant broke.
const UNSOUND: u8 = 3;

fn main() -> ExitCode {
    let Cli { command: Command::Replay(arguments) } = Cli::parse();
    match replay(&arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
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
