//! The C API of NIXL: every symbol that is used, found once when the library is loaded.
//!
//! Signatures are those of `wrapper.h` as of NIXL 1.5. All calls answer a status; handles are
//! opaque. A library that lacks a symbol is refused as a whole.

use libloading::Library;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::ptr::NonNull;

/// What a call answers: 0 for success, 1 for a transfer in progress, negative for errors.
pub(super) type Status = c_int;

/// Why a library can't be used, and what the system says.
pub(super) type LoadError = (String, libloading::Error);

/// Kinds of memory.
pub(super) const DRAM: c_int = 0;
#[cfg(feature = "cuda")]
pub(super) const VRAM: c_int = 1;
pub(super) const FILE: c_int = 4;

/// Operations, seen from memory.
pub(super) const READ: c_int = 0;
pub(super) const WRITE: c_int = 1;

/// Calls into one agent may come from any thread, one at a time.
pub(super) const SYNC_STRICT: c_int = 1;

/// How an agent is made.
#[repr(C)]
pub(super) struct AgentConfig {
    pub(super) progress_thread: bool,
    pub(super) listen_thread: bool,
    pub(super) listen_port: c_int,
    pub(super) thread_sync: c_int,
    pub(super) workers: c_uint,
    pub(super) progress_delay_us: u64,
    pub(super) listen_delay_us: u64,
    pub(super) capture_telemetry: bool,
}

/// Declares types that only the library knows.
macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub(super) struct $name {
            _opaque: [u8; 0],
        }
    )*};
}

opaque! { AgentObject Params BackendObject Hint RegistrationList TransferList RequestObject }

/// An object of the library's. Whoever holds it answers for its end.
pub(super) struct Handle<T>(NonNull<T>);

// SAFETY: the library's objects belong to no thread: agents are made with strict synchronisation,
// and all others are reached through `&mut` or through their agent.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as above; a shared handle only gives the address.
unsafe impl<T> Sync for Handle<T> {}

impl<T> Handle<T> {
    /// `None` for null, which no successful call answers.
    pub(super) fn new(raw: *mut T) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    pub(super) fn raw(&self) -> *mut T {
        self.0.as_ptr()
    }
}

/// Declares the table of functions and how it is filled.
macro_rules! api {
    ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {
        /// The functions of a loaded library.
        pub(super) struct Api {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) -> $answer,)*
            /// Never unloaded: it has threads and destructors of its own.
            _library: &'static Library,
        }

        impl Api {
            fn find(library: &'static Library) -> Result<Self, LoadError> {
                Ok(Self {
                    $($name: {
                        let symbol = concat!("nixl_capi_", stringify!($name));
                        // SAFETY: the type is that of `wrapper.h`, and the library stays loaded.
                        let found = unsafe {
                            library.get::<unsafe extern "C" fn($($argument),*) -> $answer>(symbol)
                        };
                        *found.map_err(|error| (format!("it has no {symbol}"), error))?
                    },)*
                    _library: library,
                })
            }
        }
    };
}

api! {
    is_stub() -> bool;
    create_configured_agent(*const c_char, *const AgentConfig, *mut *mut AgentObject) -> Status;
    destroy_agent(*mut AgentObject) -> Status;
    create_params(*mut *mut Params) -> Status;
    params_add(*mut Params, *const c_char, *const c_char) -> Status;
    destroy_params(*mut Params) -> Status;
    create_backend(*mut AgentObject, *const c_char, *mut Params, *mut *mut BackendObject) -> Status;
    destroy_backend(*mut BackendObject) -> Status;
    create_opt_args(*mut *mut Hint) -> Status;
    opt_args_add_backend(*mut Hint, *mut BackendObject) -> Status;
    destroy_opt_args(*mut Hint) -> Status;
    create_reg_dlist(c_int, *mut *mut RegistrationList) -> Status;
    reg_dlist_add_desc(*mut RegistrationList, usize, usize, u64, *const c_void, usize) -> Status;
    destroy_reg_dlist(*mut RegistrationList) -> Status;
    register_mem(*mut AgentObject, *mut RegistrationList, *mut Hint) -> Status;
    deregister_mem(*mut AgentObject, *mut RegistrationList, *mut Hint) -> Status;
    create_xfer_dlist(c_int, *mut *mut TransferList) -> Status;
    xfer_dlist_add_desc(*mut TransferList, usize, usize, u64) -> Status;
    destroy_xfer_dlist(*mut TransferList) -> Status;
    create_xfer_req(
        *mut AgentObject, c_int, *mut TransferList, *mut TransferList, *const c_char,
        *mut *mut RequestObject, *mut Hint
    ) -> Status;
    post_xfer_req(*mut AgentObject, *mut RequestObject, *mut Hint) -> Status;
    get_xfer_status(*mut AgentObject, *mut RequestObject) -> Status;
    release_xfer_req(*mut AgentObject, *mut RequestObject) -> Status;
    destroy_xfer_req(*mut RequestObject) -> Status;
}

impl Api {
    /// Loads the library at an absolute path, for good. The caller has looked at whose it is.
    pub(super) fn load(path: &Path) -> Result<Self, LoadError> {
        // SAFETY: loading runs the library's initialisers. The path is absolute, so no search path
        // chooses another one, and nobody but root and us could have written it.
        let library = unsafe { Library::new(path) };
        let library = library.map_err(|error| ("the system can't load it".into(), error))?;
        Self::find(Box::leak(Box::new(library)))
    }

    /// Whether this is the stand-in that is linked where NIXL is missing.
    pub(super) fn stub(&self) -> bool {
        // SAFETY: it takes nothing and only answers.
        unsafe { (self.is_stub)() }
    }
}
