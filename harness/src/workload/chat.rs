//! Multi-turn conversations.

use super::history::History;
use crate::arrival::Arrival;
use crate::draw::Draws;
use tierproof_core::Nanos;

/// Sessions that are open at any time.
const SESSIONS: u64 = 48;
/// Assistants, each with a system prompt of its own; the first is the most popular.
const ASSISTANTS: u64 = 4;
/// A session that has grown to this many blocks ends.
const BLOCKS_MAX: u64 = 64;

/// People talking to a few assistants. Each of their turns sends the system prompt, all that was
/// said before, and something new. Whoever spoke lately is likelier to speak next; a session that
/// ends makes room for a new one.
#[derive(Debug)]
pub struct Chat {
    draws: Draws,
    /// Open sessions, the one that spoke last in front.
    sessions: Vec<Session>,
    opened: u64,
    turn: u64,
    now: Nanos,
}

#[derive(Debug)]
struct Session {
    number: u64,
    turns_left: u64,
    said: History,
}

impl Chat {
    /// The conversations of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let draws = Draws::new(seed).stream(u64::from_be_bytes(*b"chat    "));
        Self { draws, sessions: Vec::new(), opened: 0, turn: 0, now: Nanos::ZERO }
    }

    fn open(&mut self) -> Session {
        let number = self.opened;
        self.opened += 1;
        let assistant = self.draws.stream(1).skewed(number, ASSISTANTS);
        let mut said = History::default();
        said.say(assistant, 2 + assistant);
        Session { number, turns_left: self.draws.stream(2).between(number, 1, 12), said }
    }
}

impl Iterator for Chat {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let turn = self.turn;
        self.turn += 1;
        // Half a second between turns on average.
        self.now += Nanos::from_millis(self.draws.stream(3).between(turn, 0, 1_000));
        let speaker = self.draws.stream(4).skewed(turn, SESSIONS) as usize;
        let mut session =
            if speaker < self.sessions.len() { self.sessions.remove(speaker) } else { self.open() };
        // The question; the answer joins the history of the next turn.
        let content = self.draws.stream(5).at(session.number);
        session.said.say(content ^ turn, self.draws.stream(6).between(turn, 1, 4));
        let ids = session.said.ids();
        session.turns_left -= 1;
        if session.turns_left > 0 && session.said.len() < BLOCKS_MAX {
            session.said.say(content ^ !turn, self.draws.stream(7).between(turn, 1, 3));
            self.sessions.insert(0, session);
        }
        Some(Arrival::of_hashes(self.now, ids))
    }
}
