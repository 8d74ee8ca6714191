//! Transfers of NIXL, which own what they move.

use super::agent::{Agent, Ends, NAME, made, numbers};
use super::budget::Permit;
use super::cargo::{Cargo, Direction};
use super::status::{Code, Progress, done, progress};
use super::sys::{Api, FILE, Handle, READ, RequestObject, TransferList, WRITE};
use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// What a request of NIXL may touch.
struct Shared<C> {
    agent: Arc<Agent>,
    cargo: C,
    /// Its share of what may be in flight: of one whose end is never seen, for good.
    _permit: Option<Permit>,
}

/// What a request was to touch that NIXL did not make.
pub(super) struct Refused<C> {
    pub(super) code: Code,
    pub(super) cargo: C,
}

/// A request of NIXL with all that it moves. Dropped before its end, it keeps agent and memory for
/// good: the library may still touch them.
pub(super) struct Transfer<C> {
    request: Handle<RequestObject>,
    shared: ManuallyDrop<Shared<C>>,
    ended: bool,
}

impl<C: Cargo> Transfer<C> {
    /// Makes a request between the cargo's memory and a registered file. Nothing moves yet; where
    /// NIXL refuses, all comes back.
    pub(super) fn new(
        agent: &Arc<Agent>,
        span_max: usize,
        mut cargo: C,
        permit: Option<Permit>,
    ) -> Result<Self, Box<Refused<C>>> {
        match request(agent, span_max, &mut cargo) {
            Ok(request) => {
                let shared = Shared { agent: Arc::clone(agent), cargo, _permit: permit };
                Ok(Self { request, shared: ManuallyDrop::new(shared), ended: true })
            }
            Err(code) => Err(Box::new(Refused { code, cargo })),
        }
    }
}

impl<C> Transfer<C> {
    pub(super) fn agent(&self) -> &Arc<Agent> {
        &self.shared.agent
    }

    /// Starts it. After an error what it moves may still be touched at any time.
    pub(super) fn post(&mut self) -> Result<Progress, Code> {
        let agent = &self.shared.agent;
        let _live = agent.live()?;
        self.ended = false;
        // SAFETY: agent, request and hint are alive, and all memory of the request is owned by
        // `self` for as long as it is in progress, and for good if its end is never seen.
        let status = unsafe {
            (agent.api.post_xfer_req)(agent.agent.raw(), self.request.raw(), agent.hint.raw())
        };
        let posted = progress(status);
        self.ended = posted == Ok(Progress::Done);
        posted
    }

    /// Asks how far it is, which also drives the plugin's queue. After an error, too, what it moves
    /// may still be touched, unless the plugin waits for all of a request before it tells: NIXL answers
    /// so when its queue fails, whatever is on the way.
    pub(super) fn progress(&mut self) -> Result<Progress, Code> {
        if self.ended {
            return Ok(Progress::Done);
        }
        let agent = &self.shared.agent;
        let _live = agent.live()?;
        // SAFETY: agent and request are alive.
        let status = unsafe { (agent.api.get_xfer_status)(agent.agent.raw(), self.request.raw()) };
        let seen = progress(status);
        self.ended = match seen {
            Ok(seen) => seen == Progress::Done,
            Err(_) => agent.ends() == Ends::WithError,
        };
        seen
    }

    /// Whether a failed transfer has ended: with its error or with its agent, where that proves it.
    pub(super) fn failed_and_ended(&mut self) -> bool {
        let agent = &self.shared.agent;
        self.ended |= agent.is_gone() && agent.ends() != Ends::Never;
        self.ended
    }

    /// Gives back what an ended transfer moved.
    ///
    /// # Panics
    /// If its end was not seen.
    pub(super) fn finish(mut self) -> C {
        assert!(self.ended, "a transfer in progress owns its memory");
        self.release();
        // SAFETY: `self` is forgotten below, so nobody uses or drops the content again.
        let Shared { cargo, .. } = unsafe { ManuallyDrop::take(&mut self.shared) };
        std::mem::forget(self);
        cargo
    }

    /// Without its agent a request can't be released, and stays as it is.
    fn release(&mut self) {
        let agent = &self.shared.agent;
        let Ok(_live) = agent.live() else { return };
        // SAFETY: both are alive, and the request is not in progress.
        unsafe { (agent.api.release_xfer_req)(agent.agent.raw(), self.request.raw()) };
        // SAFETY: released just before, and this is its only end.
        unsafe { (agent.api.destroy_xfer_req)(self.request.raw()) };
    }
}

impl<C> Drop for Transfer<C> {
    fn drop(&mut self) {
        if self.ended {
            self.release();
            // SAFETY: dropped here only: `finish` forgets `self`.
            unsafe { ManuallyDrop::drop(&mut self.shared) };
        }
    }
}

fn request(
    agent: &Agent,
    span_max: usize,
    cargo: &mut impl Cargo,
) -> Result<Handle<RequestObject>, Code> {
    let operation = match cargo.direction() {
        Direction::Store => WRITE,
        Direction::Load => READ,
    };
    let (kind, device) = numbers(cargo.memory());
    let _live = agent.live()?;
    let spans = cargo.spans(span_max);
    if spans.is_empty() {
        return Err(Code::NotFound);
    }
    let memory = spans.iter().map(|span| (span.memory.start, span.memory.len(), device));
    let memory = List::new(agent.api, kind, memory)?;
    let file = spans
        .iter()
        .map(|span| (span.place.at as usize, span.memory.len(), span.place.file as u64));
    let file = List::new(agent.api, FILE, file)?;
    // SAFETY: agent, lists and hint are alive; lists and name are copied. Nothing moves before the
    // request is posted, which only `Transfer` does, together with the cargo.
    made(|out| unsafe {
        (agent.api.create_xfer_req)(
            agent.agent.raw(),
            operation,
            memory.list.raw(),
            file.list.raw(),
            NAME.as_ptr(),
            out,
            agent.hint.raw(),
        )
    })
}

/// A list of descriptors, until dropped.
struct List {
    api: &'static Api,
    list: Handle<TransferList>,
}

impl List {
    fn new(
        api: &'static Api,
        kind: c_int,
        descriptors: impl Iterator<Item = (usize, usize, u64)>,
    ) -> Result<Self, Code> {
        // SAFETY: the call only writes the new object's address.
        let list = made(|out| unsafe { (api.create_xfer_dlist)(kind, out) })?;
        let list = Self { api, list };
        for (address, len, device) in descriptors {
            // SAFETY: the list is alive, and addresses are only noted.
            done(unsafe { (api.xfer_dlist_add_desc)(list.list.raw(), address, len, device) })?;
        }
        Ok(list)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and this is its only end.
        unsafe { (self.api.destroy_xfer_dlist)(self.list.raw()) };
    }
}
