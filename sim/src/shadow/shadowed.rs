//! A wrapper that tells the shadow what a backend is asked for.

use super::Shadow;
use super::hazard::{Access, Hazard, What};
use crate::flight::touched;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, Nanos, RegionId, Result,
    TransferId, TransferRequest,
};

/// Any backend, with a [`Shadow`]. What happens is not changed by it.
///
/// What is refused has no effect; a refused submit is noted only where it overlaps a transfer in
/// flight, which a backend may refuse it for. A part touches its descriptors whole, with their
/// trailers, whatever rows it copies: after a failure all of its target is garbage. Fills, peeks and
/// releases are the host's.
///
/// ```
/// use tierproof_core::{Backend, Descriptor, Medium};
/// use tierproof_sim::{Sim, SimConfig, shadow::Shadowed};
/// let mut sim = Shadowed::new(Sim::new(SimConfig::default())?);
/// let region = sim.allocate(&Medium::Host, 64)?;
/// sim.fill(Descriptor { region, offset: 0, len: 64 }, &[1; 64])?;
/// assert!(sim.hazards().is_empty());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Shadowed<B> {
    pub(super) inner: B,
    pub(super) shadow: Shadow,
}

impl<B: Backend> Shadowed<B> {
    /// Watches from now on: regions and transfers from before are not known.
    pub fn new(inner: B) -> Self {
        Self { inner, shadow: Shadow::default() }
    }

    /// Every hazard so far. An engine that fences its transfers leaves this empty.
    #[must_use]
    pub fn hazards(&self) -> &[Hazard] {
        self.shadow.hazards()
    }

    /// The shadow.
    #[must_use]
    pub fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// The shadow, to tell it of what does not pass through here.
    pub fn shadow_mut(&mut self) -> &mut Shadow {
        &mut self.shadow
    }

    /// The backend.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// The backend, to do what is no backend's call.
    pub fn inner_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// The backend, without its shadow.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B: Backend> Backend for Shadowed<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.inner.allocate(medium, len)?;
        self.shadow.region(region, medium.kind());
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.inner.release(region)?;
        self.shadow.release(region);
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.inner.fill(target, bytes)?;
        self.shadow.host_access(target, Access::Write, What::Named("fill"));
        Ok(())
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)?;
        self.shadow.host_access(source, Access::Read, What::Named("peek"));
        Ok(())
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let submitted = self.inner.submit(request);
        let alignment = self.inner.capability().alignment;
        let touched = touched(&request.parts, alignment).map(|(at, writing, part)| {
            (at, if writing { Access::Write } else { Access::Read }, part)
        });
        match &submitted {
            Ok(id) => self.shadow.submit(*id, touched),
            Err(_) => self.shadow.refused(touched),
        }
        submitted
    }

    fn flush(&mut self, region: RegionId) -> Result<()> {
        self.inner.flush(region)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        let first = done.len();
        let polled = self.inner.poll(done);
        for completion in &done[first..] {
            self.shadow.complete(completion.id);
        }
        polled
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.inner.park(until)
    }
}
