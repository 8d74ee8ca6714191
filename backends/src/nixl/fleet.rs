//! Transfers in flight, and those that failed until their memory is ours again.

use super::agent::{Agent, Ends};
use super::status::{Code, Progress};
use super::transfer::Transfer;
use std::sync::Arc;
use tierproof_core::Nanos;

/// Transfers of one kind of cargo. `R` is what is left to do when the cargo is back.
pub(super) struct Fleet<C, R> {
    moving: Vec<Moving<C, R>>,
    /// Those that failed, until their memory is ours again.
    doubtful: Vec<(Moving<C, R>, Code)>,
}

/// A transfer whose cargo is on the way.
pub(super) struct Moving<C, R> {
    pub(super) transfer: Transfer<C>,
    pub(super) rest: R,
    /// If it has no answer then, it hangs.
    pub(super) deadline: Nanos,
}

/// A transfer that has ended.
pub(super) struct Ended<C, R> {
    pub(super) cargo: C,
    pub(super) rest: R,
    pub(super) moved: Result<(), Code>,
}

/// What became of transfers.
pub(super) struct News<C, R> {
    pub(super) ended: Vec<Ended<C, R>>,
    /// Agents that nothing new may go through.
    pub(super) failed: Vec<Arc<Agent>>,
    /// Those that will never be known to have ended, and why.
    pub(super) lost: Vec<(R, Code)>,
}

impl<C, R> Default for Fleet<C, R> {
    fn default() -> Self {
        Self { moving: Vec::new(), doubtful: Vec::new() }
    }
}

impl<C, R> Default for News<C, R> {
    fn default() -> Self {
        Self { ended: Vec::new(), failed: Vec::new(), lost: Vec::new() }
    }
}

impl<C, R> Fleet<C, R> {
    /// Transfers on the way, or not known to have ended.
    pub(super) fn len(&self) -> usize {
        self.moving.len() + self.doubtful.len()
    }

    /// Whether anything is on the way through this agent.
    pub(super) fn uses(&self, agent: &Arc<Agent>) -> bool {
        self.moving.iter().any(|moving| Arc::ptr_eq(moving.transfer.agent(), agent))
    }

    /// A transfer that was posted, with NIXL's answer.
    pub(super) fn add(&mut self, moving: Moving<C, R>, posted: Result<Progress, Code>) {
        match posted {
            Ok(_) => self.moving.push(moving),
            Err(code) => self.doubtful.push((moving, code)),
        }
    }

    /// Asks for everything that is on the way. `hung` hears once of what has no answer at its deadline.
    pub(super) fn drive(&mut self, now: Nanos, news: &mut News<C, R>, mut hung: impl FnMut(&R)) {
        let mut index = 0;
        while index < self.moving.len() {
            let moving = &mut self.moving[index];
            match moving.transfer.progress() {
                Ok(Progress::Going) => {
                    if now > moving.deadline {
                        // It keeps what it has, and others go another way.
                        moving.deadline = Nanos::MAX;
                        hung(&moving.rest);
                        news.failed.push(Arc::clone(moving.transfer.agent()));
                    }
                    index += 1;
                }
                Ok(Progress::Done) => {
                    let moving = self.moving.swap_remove(index);
                    news.ended.push(moving.land(Ok(())));
                }
                Err(code) => {
                    let moving = self.moving.swap_remove(index);
                    // Where the error is the end, nothing is in doubt, and the agent is as good as before.
                    if moving.transfer.agent().ends() != Ends::WithError {
                        news.failed.push(Arc::clone(moving.transfer.agent()));
                    }
                    self.doubtful.push((moving, code));
                }
            }
        }
        for (moving, _) in self.doubtful.iter_mut().filter(|(moving, _)| now > moving.deadline) {
            moving.deadline = Nanos::MAX;
            hung(&moving.rest);
        }
    }

    /// Settles failed transfers that are known to have ended, and gives up those that never will be.
    pub(super) fn resolve(&mut self, news: &mut News<C, R>) {
        let mut index = 0;
        while index < self.doubtful.len() {
            let (moving, _) = &mut self.doubtful[index];
            if moving.transfer.failed_and_ended() {
                let (moving, code) = self.doubtful.swap_remove(index);
                news.ended.push(moving.land(Err(code)));
            } else if moving.transfer.agent().ends() != Ends::Never {
                index += 1;
            } else {
                let (Moving { transfer, rest, .. }, code) = self.doubtful.swap_remove(index);
                // Its memory and its share of what may be in flight are never ours again.
                drop(transfer);
                news.lost.push((rest, code));
            }
        }
    }
}

impl<C, R> Moving<C, R> {
    fn land(self, moved: Result<(), Code>) -> Ended<C, R> {
        Ended { cargo: self.transfer.finish(), rest: self.rest, moved }
    }
}
