//! Files through NIXL, whose library is found and loaded at run time.
//!
//! Three floors: `sys` names symbols, `agent` owns objects, the rest is safe. Modules, each using only
//! those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `sys` | the functions of the C API |
//! | `status` | what they answer, mapped to the public kinds |
//! | `places`, `vet`, `library` | where the library is looked for, whether it can be trusted, [`Attestation`] |
//! | `cargo` | the memory that a transfer owns |
//! | `agent` | agents, registrations and transfers |
//! | `staging` | buffers for trailers and for what direct I/O can't reach |
//! | `part` | one part before and after NIXL moves its bytes |
//! | `flights` | requests in flight, and the one completion of each |
//! | `plugin` | what must be known of a plugin |
//! | `agents` | the agent of a backend, and another one after an error |
//! | `config` | [`NixlConfig`] |
//! | `backend` | [`Nixl`], for any plugin |
//! | `posix` | [`NixlPosix`] |
//! | `probe` | [`NixlInstallation`], [`PluginName`]: what is here, and whether it works |
//! | `cufile` | [`CuFileLibrary`]: what the GDS plugins need |

mod agent;
mod agents;
mod backend;
mod cargo;
mod config;
mod cufile;
mod flights;
mod library;
mod part;
mod places;
mod plugin;
mod posix;
mod probe;
mod staging;
mod status;
mod sys;
mod vet;

pub use backend::Nixl;
pub use config::NixlConfig;
pub use cufile::CuFileLibrary;
pub use library::{Attestation, LoadedFile};
pub use plugin::Plugin;
pub use posix::{NixlPosix, PosixPlugin};
pub use probe::{NixlInstallation, PluginName};
