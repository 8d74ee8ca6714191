//! An agent of NIXL with one plugin: what it has registered, and transfers that own what they move.
//!
//! Every call names the plugin (the *hint*): without it NIXL registers with whatever takes the kind
//! of memory and picks any of them for a transfer.

use super::cargo::{Cargo, Loan};
use super::status::{Code, Progress, done, progress};
use super::sys::{
    AgentConfig, AgentObject, Api, BackendObject, DRAM, FILE, Handle, Hint, Params, READ,
    RegistrationList, RequestObject, SYNC_STRICT, Status, TransferList, WRITE,
};
use crate::files::store::SlotStore;
use crate::lend::Claim;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_int};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const NAME: &CStr = c"tierproof";

/// What is registered: memory by its first address, a file by its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Memory(usize),
    File(RawFd),
}

/// An agent, its plugin and its registrations, until dropped.
pub(super) struct Agent {
    api: &'static Api,
    agent: Handle<AgentObject>,
    backend: Handle<BackendObject>,
    hint: Handle<Hint>,
    registered: Mutex<BTreeMap<Place, Handle<RegistrationList>>>,
    /// Whether it may still be called.
    live: Mutex<bool>,
    /// Whether all of it is gone.
    gone: AtomicBool,
    /// Whether, once it is gone, the kernel is done with all that it was asked for.
    ends_all: bool,
}

impl Agent {
    /// An agent with a plugin. Whether the plugin works here is known only by trying: NIXL lists
    /// plugins that can't be loaded.
    pub(super) fn open(
        api: &'static Api,
        plugin: &CStr,
        parameters: &[(&CStr, &CStr)],
        ends_all: bool,
    ) -> Result<Self, Code> {
        let config = AgentConfig {
            progress_thread: false,
            listen_thread: false,
            listen_port: 0,
            thread_sync: SYNC_STRICT,
            workers: 1,
            progress_delay_us: 0,
            listen_delay_us: 0,
            capture_telemetry: false,
        };
        // SAFETY: name and configuration live during the call, which copies them.
        let agent =
            made(|out| unsafe { (api.create_configured_agent)(NAME.as_ptr(), &config, out) })?;
        match Self::add_plugin(api, &agent, plugin, parameters) {
            Ok((backend, hint)) => Ok(Self {
                api,
                agent,
                backend,
                hint,
                registered: Mutex::default(),
                live: Mutex::new(true),
                gone: AtomicBool::new(false),
                ends_all,
            }),
            Err(code) => {
                // SAFETY: the agent was made above and nothing else knows of it.
                unsafe { (api.destroy_agent)(agent.raw()) };
                Err(code)
            }
        }
    }

    fn add_plugin(
        api: &'static Api,
        agent: &Handle<AgentObject>,
        plugin: &CStr,
        parameters: &[(&CStr, &CStr)],
    ) -> Result<(Handle<BackendObject>, Handle<Hint>), Code> {
        // SAFETY: the call only writes the new object's address.
        let params: Handle<Params> = made(|out| unsafe { (api.create_params)(out) })?;
        let mut added = Ok(());
        for (key, value) in parameters {
            // SAFETY: the list is alive, and the call copies both strings.
            let status = unsafe { (api.params_add)(params.raw(), key.as_ptr(), value.as_ptr()) };
            added = added.and(done(status));
        }
        let backend = added.and_then(|()| {
            // SAFETY: agent and parameters are alive; the plugin's name is copied.
            made(|out| unsafe {
                (api.create_backend)(agent.raw(), plugin.as_ptr(), params.raw(), out)
            })
        });
        // SAFETY: made above, and the plugin has copied what it needs.
        unsafe { (api.destroy_params)(params.raw()) };
        let backend = backend?;
        // SAFETY: the call only writes the new object's address.
        let hint: Handle<Hint> = made(|out| unsafe { (api.create_opt_args)(out) })?;
        // SAFETY: both objects were made above and are alive.
        done(unsafe { (api.opt_args_add_backend)(hint.raw(), backend.raw()) })?;
        Ok((backend, hint))
    }

    /// Registers memory. It must be forgotten before the memory goes.
    pub(super) fn register_memory(&self, address: usize, len: usize) -> Result<(), Code> {
        self.register(Place::Memory(address), DRAM, (address, len, 0))
    }

    /// Registers the first `len` bytes of an open file. It must be forgotten before it is closed.
    pub(super) fn register_file(&self, fd: RawFd, len: usize) -> Result<(), Code> {
        self.register(Place::File(fd), FILE, (0, len, fd as u64))
    }

    fn register(&self, place: Place, kind: c_int, what: (usize, usize, u64)) -> Result<(), Code> {
        let _live = self.live()?;
        let api = self.api;
        // SAFETY: the call only writes the new object's address.
        let list = made(|out| unsafe { (api.create_reg_dlist)(kind, out) })?;
        let (address, len, device) = what;
        // SAFETY: the list is alive; no metadata is given, so null with length 0 is right.
        let added = done(unsafe {
            (api.reg_dlist_add_desc)(list.raw(), address, len, device, ptr::null(), 0)
        });
        let registered = added.and_then(|()| {
            // SAFETY: all three objects are alive. Registering reads and writes none of the memory;
            // only transfers do, and they own it.
            done(unsafe { (api.register_mem)(self.agent.raw(), list.raw(), self.hint.raw()) })
        });
        if let Err(code) = registered {
            // SAFETY: made above, and not kept by the failed call.
            unsafe { (api.destroy_reg_dlist)(list.raw()) };
            return Err(code);
        }
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(place, list);
        Ok(())
    }

    /// Ends a registration; nothing if there is none.
    pub(super) fn forget(&self, place: Place) -> Result<(), Code> {
        let _live = self.live()?;
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.remove(&place).map_or(Ok(()), |list| self.deregister(&list))
    }

    fn deregister(&self, list: &Handle<RegistrationList>) -> Result<(), Code> {
        // SAFETY: all three objects are alive, and the list is the one that was registered.
        let status =
            unsafe { (self.api.deregister_mem)(self.agent.raw(), list.raw(), self.hint.raw()) };
        // SAFETY: the caller took the list out of the map, so this is its only end.
        unsafe { (self.api.destroy_reg_dlist)(list.raw()) };
        done(status)
    }
}

impl Agent {
    /// The right to call it, one at a time.
    fn live(&self) -> Result<MutexGuard<'_, bool>, Code> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if *live { Ok(live) } else { Err(Code::InvalidState) }
    }

    /// Ends it for good, also while transfers still hold a share of it, and waits for the kernel if
    /// the plugin does.
    pub(super) fn end(&self) {
        match self.live() {
            Ok(mut live) => *live = false,
            Err(_) => return,
        }
        let registered =
            std::mem::take(&mut *self.registered.lock().unwrap_or_else(PoisonError::into_inner));
        for list in registered.into_values() {
            // A registration that can't be ended ends with the agent.
            let _ = self.deregister(&list);
        }
        // SAFETY: made in `open`; it is no longer live, so this is its only end and its last use.
        unsafe { (self.api.destroy_opt_args)(self.hint.raw()) };
        // SAFETY: as above; the plugin itself ends with the agent.
        unsafe { (self.api.destroy_backend)(self.backend.raw()) };
        // SAFETY: as above. What transfers own stays theirs until they see that this is over.
        unsafe { (self.api.destroy_agent)(self.agent.raw()) };
        self.gone.store(true, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether its end is the end of all transfers.
    pub(super) fn ends_all(&self) -> bool {
        self.ends_all
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a request of NIXL may touch.
struct Shared {
    agent: Arc<Agent>,
    file: Claim<SlotStore>,
    cargo: Cargo,
}

/// What a request was to touch that NIXL did not make.
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) file: Claim<SlotStore>,
    pub(super) cargo: Cargo,
}

/// A request of NIXL with all that it moves. Dropped before its end, it keeps agent and memory for
/// good: the library may still touch them.
pub(super) struct Transfer {
    request: Handle<RequestObject>,
    shared: ManuallyDrop<Shared>,
    ended: bool,
}

impl Transfer {
    /// Makes a request between the cargo's memory and a registered file. Nothing moves yet; where
    /// NIXL refuses, all comes back.
    pub(super) fn new(
        agent: &Arc<Agent>,
        span_max: usize,
        file: Claim<SlotStore>,
        mut cargo: Cargo,
    ) -> Result<Self, Box<Refused>> {
        let made = match file.owner().kept() {
            Some(fd) => agent.request(fd.as_raw_fd(), span_max, &mut cargo),
            None => Err(Code::NotFound),
        };
        match made {
            Ok(request) => {
                let shared = Shared { agent: Arc::clone(agent), file, cargo };
                Ok(Self { request, shared: ManuallyDrop::new(shared), ended: true })
            }
            Err(code) => Err(Box::new(Refused { code, file, cargo })),
        }
    }

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
    /// may still be touched: NIXL answers so when its queue fails, whatever is on the way.
    pub(super) fn progress(&mut self) -> Result<Progress, Code> {
        if self.ended {
            return Ok(Progress::Done);
        }
        let agent = &self.shared.agent;
        let _live = agent.live()?;
        // SAFETY: agent and request are alive.
        let status = unsafe { (agent.api.get_xfer_status)(agent.agent.raw(), self.request.raw()) };
        let seen = progress(status);
        self.ended = seen == Ok(Progress::Done);
        seen
    }

    /// Whether a failed transfer has ended: with its agent, where that waits for the kernel.
    pub(super) fn ended_with_agent(&mut self) -> bool {
        let agent = &self.shared.agent;
        self.ended |= agent.is_gone() && agent.ends_all();
        self.ended
    }

    /// Gives back what an ended transfer moved.
    ///
    /// # Panics
    /// If its end was not seen.
    pub(super) fn finish(mut self) -> (Claim<SlotStore>, Cargo) {
        assert!(self.ended, "a transfer in progress owns its memory");
        self.release();
        // SAFETY: `self` is forgotten below, so nobody uses or drops the content again.
        let Shared { file, cargo, .. } = unsafe { ManuallyDrop::take(&mut self.shared) };
        std::mem::forget(self);
        (file, cargo)
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

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.ended {
            self.release();
            // SAFETY: dropped here only: `finish` forgets `self`.
            unsafe { ManuallyDrop::drop(&mut self.shared) };
        }
    }
}

impl Agent {
    fn request(
        &self,
        fd: RawFd,
        span_max: usize,
        cargo: &mut Cargo,
    ) -> Result<Handle<RequestObject>, Code> {
        // What is only lent to be read is never written to.
        let operation = match cargo.memory {
            Loan::Source(_) => WRITE,
            Loan::Target(_) => READ,
        };
        let _live = self.live()?;
        let spans = cargo.spans(span_max);
        let memory = spans.iter().map(|span| (span.memory.start, span.memory.len(), 0));
        let memory = List::new(self.api, DRAM, memory)?;
        let file = spans.iter().map(|span| (span.at as usize, span.memory.len(), fd as u64));
        let file = List::new(self.api, FILE, file)?;
        // SAFETY: agent, lists and hint are alive; lists and name are copied. Nothing moves before
        // the request is posted, which only `Transfer` does, together with the cargo.
        made(|out| unsafe {
            (self.api.create_xfer_req)(
                self.agent.raw(),
                operation,
                memory.list.raw(),
                file.list.raw(),
                NAME.as_ptr(),
                out,
                self.hint.raw(),
            )
        })
    }
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

/// The object that a call makes.
fn made<T>(make: impl FnOnce(*mut *mut T) -> Status) -> Result<Handle<T>, Code> {
    let mut raw = ptr::null_mut();
    done(make(&mut raw))?;
    Handle::new(raw).ok_or(Code::Nothing)
}
