//! One move, from its decision to its end.

use tierproof_core::{Bytes, ErrorKind, Fault, Nanos, RetryPolicy};

use crate::lockstep::model::Move;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done {
        bytes: Bytes,
    },
    /// It failed, and another attempt follows.
    Again(Fault),
    /// It failed for good.
    Failed(Fault),
}

/// A move that has not ended.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) moved: Move,
    /// Moves that have not ended and must before this one starts.
    pub(super) waits_for: Vec<u64>,
    /// What it is to move was lost before.
    pub(super) doomed: bool,
    attempt: u8,
    /// Of the present attempt: pools sent, parts in flight, payload sent, and what went wrong.
    sent: Vec<bool>,
    in_flight: usize,
    bytes: Bytes,
    fault: Option<Fault>,
    /// Until when the attempt may be refused: the deadline of its first offer.
    give_up_at: Option<Nanos>,
}

impl Errand {
    pub(super) fn new(moved: Move, waits_for: Vec<u64>, doomed: bool, pools: usize) -> Self {
        Self {
            moved,
            waits_for,
            doomed,
            attempt: 1,
            sent: vec![false; pools],
            in_flight: 0,
            bytes: 0,
            fault: None,
            give_up_at: None,
        }
    }

    /// Nothing of the present attempt was sent.
    pub(super) fn is_at_rest(&self) -> bool {
        self.sent.iter().all(|sent| !sent)
    }

    /// It is offered to the backend. Answers until when that may be.
    pub(super) fn offer(&mut self, deadline: Nanos) -> Nanos {
        *self.give_up_at.get_or_insert(deadline)
    }

    /// One pool is sent; `false` if it was already, or if nothing more should be.
    pub(super) fn send(&mut self, pool: usize, bytes: Bytes) -> bool {
        self.in_flight += 1;
        self.bytes += bytes;
        self.fault.is_none() && !std::mem::replace(&mut self.sent[pool], true)
    }

    /// One part ends.
    pub(super) fn end_part(&mut self, fault: Option<Fault>, retry: &RetryPolicy) -> Option<End> {
        self.in_flight -= 1;
        self.note(fault);
        self.end_attempt(retry)
    }

    /// What was not sent is not sent any more: its time is over.
    pub(super) fn abandon(&mut self, retry: &RetryPolicy) -> Option<End> {
        self.note(Some(Fault::new(ErrorKind::TimedOut)));
        self.end_attempt(retry)
    }

    /// What timed out decides, since its slots are not ours to try again; else what failed first.
    fn note(&mut self, fault: Option<Fault>) {
        let timed_out = fault.is_some_and(|fault| fault.kind == ErrorKind::TimedOut);
        if self.fault.is_none() || timed_out {
            self.fault = fault.or(self.fault);
        }
    }

    /// An attempt ends with its last part, and nothing more is sent of one that failed.
    fn end_attempt(&mut self, retry: &RetryPolicy) -> Option<End> {
        let all_sent = self.sent.iter().all(|sent| *sent);
        if self.in_flight > 0 || !(all_sent || self.fault.is_some()) {
            return None;
        }
        let Some(fault) = self.fault.take() else { return Some(End::Done { bytes: self.bytes }) };
        let worth_it = match fault.kind {
            ErrorKind::Device | ErrorKind::Busy => true,
            ErrorKind::Corrupt => retry.reread_corrupt,
            _ => false,
        };
        if !worth_it || self.attempt >= retry.attempts_max {
            return Some(End::Failed(fault));
        }
        self.attempt += 1;
        self.sent.fill(false);
        self.bytes = 0;
        self.give_up_at = None;
        Some(End::Again(fault))
    }
}
