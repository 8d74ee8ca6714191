//! Tool loops.

use super::history::History;
use crate::arrival::Arrival;
use crate::draw::Draws;
use tierproof_core::Nanos;

/// Tasks that run at any time.
const TASKS: u64 = 24;
/// Blocks of the system prompt with its tool descriptions, the same for every task.
const SYSTEM_BLOCKS: u64 = 16;
/// At this many blocks a task replaces what it did by a summary.
const BLOCKS_MAX: u64 = 96;

/// Agents at work. All share one long system prompt; every step of a task sends all of the task so
/// far and the result of one more tool call. A task that has grown too long is summarized, which
/// starts its history anew behind the system prompt.
#[derive(Debug)]
pub struct Agent {
    draws: Draws,
    tasks: Vec<Task>,
    opened: u64,
    step: u64,
    now: Nanos,
}

#[derive(Debug)]
struct Task {
    number: u64,
    steps_left: u64,
    done: History,
}

impl Agent {
    /// The tasks of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let draws = Draws::new(seed).stream(u64::from_be_bytes(*b"agent   "));
        Self { draws, tasks: Vec::new(), opened: 0, step: 0, now: Nanos::ZERO }
    }

    fn open(&mut self) -> Task {
        let number = self.opened;
        self.opened += 1;
        let mut done = system_prompt();
        done.say(self.draws.stream(1).at(number), self.draws.stream(2).between(number, 1, 4));
        Task { number, steps_left: self.draws.stream(3).between(number, 4, 40), done }
    }
}

fn system_prompt() -> History {
    let mut history = History::default();
    history.say(0, SYSTEM_BLOCKS);
    history
}

impl Iterator for Agent {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let step = self.step;
        self.step += 1;
        self.now += Nanos::from_millis(self.draws.stream(4).between(step, 0, 200));
        let worker = self.draws.stream(5).between(step, 0, TASKS - 1) as usize;
        let mut task =
            if worker < self.tasks.len() { self.tasks.swap_remove(worker) } else { self.open() };
        let content = self.draws.stream(6).at(task.number) ^ step;
        if task.done.len() >= BLOCKS_MAX {
            task.done = system_prompt();
            task.done.say(!content, 4);
        }
        let ids = task.done.ids();
        task.steps_left -= 1;
        if task.steps_left > 0 {
            task.done.say(content, self.draws.stream(7).between(step, 1, 5));
            self.tasks.push(task);
        }
        Some(Arrival::of_hashes(self.now, ids))
    }
}
