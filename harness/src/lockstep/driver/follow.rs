//! Follows the engine through a call: what passed the backend says what became of moves, and that
//! says what the model is told and when.

use tierproof_core::{Backend, RequestId};

use crate::lockstep::fate::Seen;
use crate::lockstep::law::{Broken, Check, Law};
use crate::lockstep::model::{Outcome, Refusal};
use crate::lockstep::plan::Op;

use super::Driver;
use super::act::{INVALID, outcome};

impl<B: Backend> Driver<B> {
    /// An operation that decides without regard to failures: the model does it, and the engine takes
    /// one step if it has something to carry out.
    pub(super) fn do_plainly(&mut self, op: &Op) -> Result<Outcome, Broken> {
        let found = self.hands.act(&mut self.engine, op);
        let expected = self.model.apply(op);
        self.read_journal();
        let carries_out = match op {
            Op::Add(_) | Op::Append { .. } | Op::Offload { .. } | Op::Onboard { .. } => {
                expected == Outcome::Done
            }
            Op::Step => true,
            _ => false,
        };
        if carries_out {
            self.hand_over();
            self.follow_step()?;
        }
        self.end_of_call()?;
        self.agree(found?, expected)
    }

    /// A request settles: the engine waits for the moves of its blocks, and what of that failed is
    /// repaired, until nothing more is decided by that.
    pub(super) fn settle(&mut self, request: u64) -> Result<Outcome, Broken> {
        let answer = self.engine.settle(RequestId(request));
        self.read_journal();
        if !self.model.is_live(request) {
            self.follow_step()?;
            self.end_of_call()?;
            return self.agree(outcome(answer.map(drop))?, INVALID);
        }
        let mut expected = Outcome::Done;
        loop {
            self.follow_step()?;
            while !self.lost && self.waits_for(request) {
                self.follow_step()?;
            }
            if self.lost {
                break;
            }
            let repair = self.model.repair(request, &self.fates);
            if repair.replaced {
                self.hand_over();
                self.follow_step()?;
            }
            if repair.stuck {
                expected = Outcome::Refused(Refusal::TimedOut);
            }
            if repair.stuck || !repair.replaced {
                break;
            }
        }
        self.end_of_call()?;
        match answer {
            Ok(settled) => {
                let outcome = self.agree(Outcome::Done, expected)?;
                self.compare_settled(request, settled)?;
                Ok(outcome)
            }
            Err(error) => self.agree(outcome(Err(error))?, expected),
        }
    }

    /// The engine waits for everything.
    pub(super) fn drain(&mut self) -> Result<Outcome, Broken> {
        let answer = self.engine.drain();
        self.read_journal();
        self.follow_step()?;
        while !self.lost && !self.fates.is_idle() {
            self.follow_step()?;
        }
        if !self.lost {
            self.model.sweep(&self.fates);
        }
        self.end_of_call()?;
        self.agree(outcome(answer)?, Outcome::Done)
    }

    fn waits_for(&self, request: u64) -> bool {
        let mut slots = self.model.slots_of(request);
        !self.fates.is_idle() && slots.any(|(window, place)| self.fates.is_busy(window, place))
    }

    fn read_journal(&mut self) {
        let seen = self.engine.backend_mut().take_journal();
        self.behind.extend(seen);
    }

    fn hand_over(&mut self) {
        for moved in self.model.take_moves() {
            self.fates.order(moved);
        }
    }

    /// One step of the engine: it asks what ended, and starts what may start. It takes none while
    /// nothing is on its way.
    fn follow_step(&mut self) -> Check {
        if self.lost || (self.fates.is_idle() && self.fates.late() == 0) {
            return Ok(());
        }
        let mut polled = false;
        while let Some(next) = self.behind.front() {
            let starts = matches!(next, Seen::Sent { .. } | Seen::Refused { .. });
            if polled && !starts {
                return Ok(());
            }
            polled |= matches!(next, Seen::Polled);
            let seen = self.behind.pop_front().expect("seen above");
            self.trace.see(&seen);
            self.fates.see(&seen)?;
        }
        self.lost = self.engine.backend().is_lost();
        Law::L1.holds(polled || self.lost, || {
            let waits = self.fates.open();
            format!("the engine goes on although it has to wait for {waits:?}")
        })
    }

    /// Everything that passed was followed.
    fn end_of_call(&mut self) -> Check {
        self.lost |= self.engine.backend().is_lost();
        if self.lost {
            self.behind.clear();
            // Perhaps only because it was asked for ever.
            self.engine.backend().broken()?;
        }
        // Whoever asks only for the time changes nothing.
        let more = self.behind.iter().find(|seen| !matches!(seen, Seen::Time(_)));
        Law::L1.holds(more.is_none(), || {
            format!("the engine goes on although it has nothing to wait for: {more:?}")
        })
    }

    /// Engine and model answer the same, unless the backend as a whole can't go on.
    fn agree(&self, found: Outcome, expected: Outcome) -> Result<Outcome, Broken> {
        if self.lost && found == Outcome::DeviceLost {
            return Ok(Outcome::DeviceLost);
        }
        let timed_out = Outcome::Refused(Refusal::TimedOut);
        let law = if [found, expected].contains(&timed_out) { Law::S5 } else { Law::S7 };
        law.same(&found, &expected, || "the answer".to_owned())?;
        Ok(found)
    }
}
