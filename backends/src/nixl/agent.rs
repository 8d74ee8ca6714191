//! An agent of NIXL with one plugin, and what it has registered.
//!
//! Every call names the plugin (the *hint*): without it NIXL registers with whatever takes the kind
//! of memory and picks any of them for a transfer.

use super::cargo::MemoryKind;
use super::status::{Code, done};
#[cfg(feature = "cuda")]
use super::sys::VRAM;
use super::sys::{
    AgentConfig, AgentObject, Api, BackendObject, DRAM, FILE, Handle, Hint, Params,
    RegistrationList, SYNC_STRICT, Status,
};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_int};
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) const NAME: &CStr = c"tierproof";

/// What is registered: memory by its first address, a file by its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Registered {
    Memory(usize),
    File(RawFd),
}

/// An agent, its plugin and its registrations, until dropped.
pub(super) struct Agent {
    pub(super) api: &'static Api,
    pub(super) agent: Handle<AgentObject>,
    backend: Handle<BackendObject>,
    pub(super) hint: Handle<Hint>,
    registered: Mutex<BTreeMap<Registered, Handle<RegistrationList>>>,
    /// Whether it may still be called.
    live: Mutex<bool>,
    /// Whether all of it is gone.
    gone: AtomicBool,
    ends: Ends,
}

/// What proves that a failed transfer has ended, whose error alone does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Its error does: it is told when all reads and writes of the request have ended.
    WithError,
    /// The end of its agent, which waits for them.
    WithAgent,
    /// Nothing.
    Never,
}

impl Agent {
    /// An agent with a plugin. Whether the plugin works here is known only by trying: NIXL lists
    /// plugins that can't be loaded.
    pub(super) fn open(
        api: &'static Api,
        plugin: &CStr,
        parameters: &[(&CStr, &CStr)],
        ends: Ends,
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
                ends,
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
    pub(super) fn register_memory(
        &self,
        kind: MemoryKind,
        address: usize,
        len: usize,
    ) -> Result<(), Code> {
        let (kind, device) = numbers(kind);
        self.register(Registered::Memory(address), kind, (address, len, device))
    }

    /// Registers the first `len` bytes of an open file. It must be forgotten before it is closed.
    pub(super) fn register_file(&self, fd: RawFd, len: usize) -> Result<(), Code> {
        self.register(Registered::File(fd), FILE, (0, len, fd as u64))
    }

    fn register(
        &self,
        place: Registered,
        kind: c_int,
        what: (usize, usize, u64),
    ) -> Result<(), Code> {
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
    pub(super) fn forget(&self, place: Registered) -> Result<(), Code> {
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
    pub(super) fn live(&self) -> Result<MutexGuard<'_, bool>, Code> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if *live { Ok(live) } else { Err(Code::InvalidState) }
    }

    /// Ends it for good, also while transfers still hold a share of it, and waits for the kernel if
    /// the plugin does.
    pub(super) fn end(&self) {
        // Held until all is over: whoever forgets a region meanwhile waits, and only then frees it.
        let Ok(mut live) = self.live() else { return };
        *live = false;
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

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
    }
}

/// The object that a call makes.
pub(super) fn made<T>(make: impl FnOnce(*mut *mut T) -> Status) -> Result<Handle<T>, Code> {
    let mut raw = ptr::null_mut();
    done(make(&mut raw))?;
    Handle::new(raw).ok_or(Code::Nothing)
}

/// A kind of memory and the number of its device, as NIXL knows them.
pub(super) fn numbers(kind: MemoryKind) -> (c_int, u64) {
    match kind {
        MemoryKind::Host => (DRAM, 0),
        #[cfg(feature = "cuda")]
        MemoryKind::Device(ordinal) => (VRAM, ordinal.into()),
    }
}
