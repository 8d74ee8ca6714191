//! `tierproof explore` and `tierproof rerun`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tierproof::Root;
use tierproof::explore::museum::{self, Exhibit};
use tierproof::explore::{self, Campaign, Case, End, Failure as Failed, Scope, Shard, Tally};

use crate::UNSOUND;
use crate::cli::{Exhibits, Explore, Rerun, Target};
use crate::failure::Failure;
use crate::output::complain;

/// Runs that making a failure small may take.
const TRIES: u32 = 4_000;

/// Seeds that an exhibit of the museum must be seen within.
const VISITS: u64 = 10_000;

/// `tierproof explore`.
pub(crate) fn explore(arguments: &Explore) -> Result<ExitCode, Failure> {
    if let Some(Exhibits(exhibits)) = &arguments.museum {
        return visit(arguments, exhibits);
    }
    let (tally, failed) = match arguments.merge.as_slice() {
        [] => run(arguments)?,
        files => (merged(files)?, None),
    };
    let missed = if arguments.complete { tally.missed(&arguments.faults.0) } else { Vec::new() };
    print(&tally, arguments)?;
    for what in &missed {
        complain(&format!("never reached: {what}"));
    }
    if let Some(failed) = failed {
        save(arguments, &failed)?;
    }
    let sound = tally.failures.is_empty() && missed.is_empty() && !tally.canary_lived();
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}

/// `tierproof explore --museum`.
fn visit(arguments: &Explore, exhibits: &[&'static Exhibit]) -> Result<ExitCode, Failure> {
    silence_panics();
    let scope = scope(arguments);
    let mut visits = Vec::new();
    for &exhibit in exhibits {
        visits.push((exhibit, museum::visit(exhibit, VISITS, &scope)?));
    }
    let mut out = io::stdout();
    out.write_all(museum::board(&visits).as_bytes()).and_then(|()| out.flush())?;
    let seen = visits.iter().all(|(_, visit)| visit.broke.is_some());
    Ok(if seen { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}

fn scope(arguments: &Explore) -> Scope {
    Scope { ops_max: arguments.ops, classes: arguments.faults.0.clone() }
}

fn run(arguments: &Explore) -> Result<(Tally, Option<Failed>), Failure> {
    let shard = match arguments.shard {
        Some(shard) => shard,
        None => Shard::of_environment(|name| std::env::var(name).ok())?.unwrap_or_default(),
    };
    let target = target(&arguments.target);
    let (bar, began) = (live_line(arguments.no_progress), Instant::now());
    silence_panics();
    let campaign = Campaign {
        seeds: arguments.seeds(),
        shard,
        scope: scope(arguments),
        jobs: arguments.jobs(),
        time: arguments.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0)),
        keep_going: arguments.keep_going,
        repeat_every: arguments.repeat_every,
        canary: &museum::CANARY,
        exact: target.is_exact(),
        run: &|case| target.run(case),
        watch: &|tally| bar.set_message(tally.line(began.elapsed())),
    };
    let done = campaign.explore();
    bar.finish_and_clear();
    Ok(done?)
}

/// A live line on standard error where that is a terminal, else nothing.
fn live_line(hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// Panics of a run are counted and told with its case: what they print themselves is only noise.
fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn target(target: &Target) -> explore::Target {
    let root = target.directory.clone().map_or(Root::Temporary, Root::At);
    explore::Target::new(target.backend.kind(), root, target.gpu)
}

/// Adds up the lines of several files.
fn merged(files: &[PathBuf]) -> Result<Tally, Failure> {
    let mut sum = Tally::default();
    for path in files {
        let text = read(path)?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let tally: Tally = serde_json::from_str(line).map_err(|error| {
                Failure::usage(
                    format!("{}, line {number}: {error}", path.display()),
                    "give files that `tierproof explore --json` wrote",
                )
            })?;
            sum.add(tally);
        }
    }
    if let Some(overlap) = sum.overlap() {
        return Err(Failure::usage(overlap, "give each part of a campaign once"));
    }
    Ok(sum)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let what = format!("{}: can't be read: {error}", path.display());
        Failure::usage(what, "name an existing text file")
    })
}

fn print(tally: &Tally, arguments: &Explore) -> Result<(), Failure> {
    let line = serde_json::to_string(tally).map_err(io::Error::from)? + "\n";
    let aside = match &arguments.json {
        Some(path) if path == Path::new("-") => Some(line),
        Some(path) => {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(path)?;
            file.write_all(line.as_bytes())?;
            None
        }
        None => None,
    };
    let mut out = io::stdout();
    match aside {
        Some(line) => {
            complain(tally.chart().trim_end());
            out.write_all(line.as_bytes())?;
        }
        None => out.write_all(tally.chart().as_bytes())?,
    }
    out.flush()?;
    Ok(())
}

/// Makes a failure small and saves it.
fn save(arguments: &Explore, failed: &Failed) -> Result<(), Failure> {
    let target = target(&arguments.target);
    let small = explore::shrink(&failed.case, &failed.ran, TRIES, |case| {
        target.run(case).unwrap_or_default()
    });
    let breach = failed.ran.broke().map_or_else(String::new, |breach| breach.to_string());
    let seed = failed.case.seed.unwrap_or_default();
    let folder = arguments.save.clone().unwrap_or_default();
    let path = folder.join(format!("{breach}-{seed}.json"));
    fs::write(&path, small.to_json() + "\n")?;
    complain(&format!(
        "seed {seed} breaks {breach}; {} operations and {} faults still do, saved: tierproof rerun {}",
        small.ops.len(),
        small.faults.entries.len(),
        path.display()
    ));
    Ok(())
}

/// `tierproof rerun`.
pub(crate) fn rerun(arguments: &Rerun) -> Result<ExitCode, Failure> {
    let case = Case::from_json(&read(&arguments.plan)?)?;
    silence_panics();
    let ran = target(&arguments.target).run(&case)?;
    let mut out = String::new();
    for (class, why) in &ran.unrealised {
        out += &format!("{class} can't be had here: {why}\n");
    }
    for fault in &ran.fired {
        out += &format!("{} {} on {}\n", fault.class, fault.class.title(), fault.on);
    }
    let code = match &ran.end {
        End::Broken { breach, at, what, log } => {
            for line in log.iter().skip(log.len().saturating_sub(arguments.events)) {
                out += &format!("  {line}\n");
            }
            let place = at.map_or("beside the operations".into(), |at| format!("operation {at}"));
            out += &format!("{breach} broken, {place}: {what}\n");
            ExitCode::from(UNSOUND)
        }
        End::Sound => {
            out += "every law held\n";
            ExitCode::SUCCESS
        }
        End::DeviceLost => {
            out += "the device was lost, as it should; until then every law held\n";
            ExitCode::SUCCESS
        }
        End::NotBuilt => {
            out += "memory or a file could not be had, and building the engine said so\n";
            ExitCode::SUCCESS
        }
    };
    out += &format!(
        "{} operations, {} decisions, {} parts moved, {} faults; decided {:016x}\n",
        ran.ops,
        ran.decisions,
        ran.parts,
        ran.fired.len(),
        ran.decided
    );
    let mut stdout = io::stdout();
    stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush())?;
    Ok(code)
}
