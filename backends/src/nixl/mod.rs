//! Files through NIXL, whose library is found and loaded at run time.
//!
//! Three floors: `sys` names symbols, `agent` and `transfer` own objects, the rest is safe. Modules, each
//! using only those before it:
//!
//! | module | what it holds |
//! |---|---|
//! | `sys` | the functions of the C API |
//! | `status` | what they answer, mapped to the public kinds |
//! | `places`, `vet`, `library` | where the library is looked for, whether it can be trusted, [`Attestation`] |
//! | `cargo` | what a transfer carries |
//! | `agent` | agents and registrations |
//! | `transfer` | transfers, which own what they carry |
//! | `budget` | how many descriptors may be in flight |
//! | `fleet` | transfers in flight, and those in doubt |
//! | `plugin` | what must be known of a plugin |
//! | `trial`, `compat` | whether a way to a GPU's memory works, and whether it is direct |
//! | `agents` | the agent of a backend, and another one after an error |
//! | `yard` | what lanes work with |
//! | `part`, `host_lane` | between host memory and files |
//! | `stops`, `haul`, `device_lane` | between a GPU's memory and files |
//! | `config` | [`NixlConfig`] |
//! | `backend` | [`Nixl`], for any plugin |
//! | `on_gpu` | a serving engine's own pools and streams |
//! | `posix`, `gds`, `gds_mt` | the plugins |
//! | `probe` | [`NixlInstallation`], [`PluginName`]: what is here, and whether it works |
//! | `cufile` | [`CuFileLibrary`]: what the GDS plugins need |
//! | `bare` | NIXL by itself, with the feature of that name: what measurements compare with |

mod agent;
mod agents;
mod backend;
#[cfg(feature = "bare")]
mod bare;
mod budget;
mod cargo;
#[cfg(feature = "cuda")]
mod compat;
mod config;
mod cufile;
#[cfg(feature = "cuda")]
mod device_lane;
mod fleet;
mod gds;
mod gds_mt;
#[cfg(feature = "cuda")]
mod haul;
mod host_lane;
mod library;
#[cfg(feature = "cuda")]
mod on_gpu;
mod part;
mod places;
mod plugin;
mod posix;
mod probe;
mod status;
#[cfg(feature = "cuda")]
mod stops;
mod sys;
mod transfer;
#[cfg(feature = "cuda")]
mod trial;
mod vet;
mod yard;

pub use backend::Nixl;
#[cfg(feature = "bare")]
pub use bare::{Bare, BareConfig, BareWay, Flight};
pub use config::NixlConfig;
pub use cufile::CuFileLibrary;
pub use gds::{GdsPlugin, NixlGds};
pub use gds_mt::{GdsMtPlugin, NixlGdsMt};
pub use library::{Attestation, LoadedFile};
pub use plugin::Plugin;
pub use posix::{NixlPosix, PosixPlugin};
pub use probe::{NixlInstallation, PluginName};
