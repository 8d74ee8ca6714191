//! The wrapper as a backend.

use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, Nanos, RegionId,
    Result, TransferId, TransferRequest,
};

use super::{FaultClass, Faulty, Occasion, Subject};

impl<B: Backend> Backend for Faulty<B> {
    fn name(&self) -> &'static str {
        self.media.backend.name()
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.allocate_faultily(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        // Of what hangs the backend knows nothing.
        if !self.is_plain()
            && let Some(TransferId(id)) = self.media.user(region)
        {
            let context = format!("{region:?} is released while transfer {id} is in flight");
            return Err(Error::new(ErrorKind::Busy, context));
        }
        self.media.backend.release(region)?;
        self.media.leave(region);
        self.conditions.forget(region);
        self.history.retain(|at, _| at.region != region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.is_free(target, true)?;
        self.media.write(target, bytes)?;
        self.conditions.rewritten(target);
        Ok(())
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.is_free(source, false)?;
        self.media.backend.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.submit_faultily(request)
    }

    /// Makes a file region durable, unless the flush is one that lies (F09).
    fn flush(&mut self, region: RegionId) -> Result<()> {
        let on = Subject::Flush { nth: self.calls.flush };
        self.calls.flush = self.calls.flush.wrapping_add(1);
        let lies = self.of_call(on, Occasion::Part);
        if let Some(&choice) = lies.iter().find(|choice| choice.class == FaultClass::F09) {
            self.choices.fire(on, choice);
            return Ok(());
        }
        self.media.backend.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.pump();
        self.deliver(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        let on = Subject::Park { nth: self.calls.park };
        self.calls.park = self.calls.park.wrapping_add(1);
        for choice in self.of_call(on, Occasion::Park) {
            self.clock.disturb(choice.detail);
            self.choices.fire(on, choice);
        }
        let until = self.clock.below(until);
        if self.is_plain() {
            self.now = self.media.backend.park(until);
        } else {
            self.wait(until);
        }
        self.clock.tell(self.now)
    }
}

impl<B: Backend> Faulty<B> {
    /// Refuses to touch bytes of a transfer in flight that the backend does not know to be.
    fn is_free(&self, at: Descriptor, writing: bool) -> Result<()> {
        if self.is_plain() || at.end().is_none() {
            return Ok(());
        }
        match self.media.owner(at, writing) {
            None => Ok(()),
            Some(TransferId(id)) => {
                let context = format!("{at:?} overlaps transfer {id}, which is in flight");
                Err(Error::new(ErrorKind::Busy, context))
            }
        }
    }

    /// Waits for something to tell, and lets go on meanwhile what was held up.
    fn wait(&mut self, until: Nanos) {
        self.now = self.media.backend.park(Nanos::ZERO);
        while self.now < until {
            self.pump();
            if self.is_deliverable() {
                return;
            }
            self.now = self.media.backend.park(self.wake().min(until));
        }
    }
}
