//! The simulator's compute streams, with their shadow.

use super::Event;
use super::hazard::{Access, Actor, What};
use super::shadowed::Shadowed;
use crate::sim::Sim;
use crate::streams::{Kernel, StreamId, StreamPoint};
use tierproof_core::{Descriptor, Result};

/// A point in a stream, for the simulator and for the shadow.
#[derive(Debug, Clone)]
pub struct Mark {
    point: StreamPoint,
    event: Event,
}

/// Each as of [`Sim`]; what is refused is not noted.
impl Shadowed<Sim> {
    /// [`Sim::stream`].
    pub fn stream(&mut self) -> StreamId {
        self.inner.stream()
    }

    /// [`Sim::launch`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn launch(&mut self, stream: StreamId, kernel: &Kernel) -> Result<()> {
        self.inner.launch(stream, kernel)?;
        self.shadow.enqueue(stream);
        let (actor, what) = (Actor::Stream(stream), What::Named(kernel.name));
        for &at in &kernel.reads {
            self.shadow.access(actor, at, Access::Read, what);
        }
        for &at in &kernel.writes {
            self.shadow.access(actor, at, Access::Write, what);
        }
        Ok(())
    }

    /// [`Sim::record`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn record(&mut self, stream: StreamId) -> Result<Mark> {
        let point = self.inner.record(stream)?;
        Ok(Mark { point, event: self.shadow.record(stream) })
    }

    /// [`Sim::wait`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn wait(&mut self, stream: StreamId, mark: &Mark) -> Result<()> {
        self.inner.wait(stream, mark.point)?;
        self.shadow.wait(stream, &mark.event);
        Ok(())
    }

    /// [`Sim::synchronize`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn synchronize(&mut self, stream: StreamId) -> Result<()> {
        self.inner.synchronize(stream)?;
        self.shadow.synchronize(stream);
        Ok(())
    }

    /// [`Sim::transfers_after`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn transfers_after(&mut self, range: Descriptor, stream: StreamId) -> Result<()> {
        self.inner.transfers_after(range, stream)?;
        self.shadow.transfers_after(range, stream);
        Ok(())
    }

    /// [`Sim::stream_after`].
    ///
    /// # Errors
    /// Those of the simulator.
    pub fn stream_after(&mut self, range: Descriptor, stream: StreamId) -> Result<()> {
        self.inner.stream_after(range, stream)?;
        self.shadow.stream_after(range, stream);
        Ok(())
    }

    /// [`Sim::power_cut`]: nobody has to wait any more for what vanished.
    pub fn power_cut(&mut self) {
        self.inner.power_cut();
        self.shadow.forget();
    }
}
