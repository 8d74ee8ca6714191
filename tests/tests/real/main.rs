//! Promise: faults of files that are made from outside, with the system's own means (F04, F05, F06, F12, F27, F28, F34),
//! cost misses and typed errors: no wrong byte, no byte of somebody else's, no hang; other tiers go on meanwhile; and what
//! can heal does. F33, and F34 of files that last, are the suite `killed`.
//!
//! | module | what it holds |
//! |---|---|
//! | `on` | the backends that every trial runs on |
//! | `ground` | where a trial runs: here, or in a child with limits, mounts or fewer rights of its own |
//! | `trial` | trials, and what becomes of them |
//! | `cache` | an engine, what lies where in it, and the laws |
//! | `folder` | its files, as others see them |
//! | `full`, `short`, `cut`, `edited`, `gone`, `others`, `two` | F04, F05, F06, F12, F27, F28, F34 |
//! | `alike` | the same, and what `tierproof_sim::faults::Faulty` makes of it |

mod alike;
mod cache;
mod cut;
mod edited;
mod folder;
mod full;
mod gone;
mod ground;
mod on;
mod others;
mod short;
mod trial;
mod two;

#[expect(dead_code, reason = "the suite of faults has the rest of its uses")]
#[path = "../faulty/bench.rs"]
mod bench;

use crate::ground::Ground;
use crate::trial::Trial;
use std::process::ExitCode;

fn trials() -> Vec<Trial> {
    let classes =
        [full::trials, short::trials, cut::trials, edited::trials, gone::trials, others::trials];
    let mut trials: Vec<Trial> = classes.iter().flat_map(|trials| trials()).collect();
    trials.extend(two::trials());
    trials.extend(alike::trials());
    trials
}

fn main() -> ExitCode {
    if let Some((name, root)) = ground::child() {
        let trial = trials().into_iter().find(|trial| trial.name() == name);
        trial.expect("the parent knows its trials").run_in(&root);
        return ExitCode::SUCCESS;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let possible = Ground::ALL.map(|ground| (ground, ground.missing()));
    let trials = trials().into_iter().map(|trial| trial.listed(&possible)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
