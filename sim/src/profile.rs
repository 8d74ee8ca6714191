//! Device models: what a measured machine's routes take, as data.

use crate::link::BANDWIDTH_MAX;
use serde::Deserialize;
use std::collections::BTreeMap;
use tierproof_core::{Error, ErrorKind, MediumKind, Nanos, Result};

/// Text of a profile at most.
const TEXT_MAX: usize = 1 << 16;
/// Links of a profile at most.
const LINKS_MAX: usize = 64;
/// Requests that a route serves at once at most.
const QUEUE_DEPTH_MAX: u32 = 1 << 12;
/// An hour: more is a mistake in the unit.
const LATENCY_MAX: Nanos = Nanos(3_600_000_000_000);

const H100_NVME: &str = include_str!("../../golden/profiles/h100-nvme.toml");
const LAPTOP: &str = include_str!("../../golden/profiles/laptop.toml");

/// A device model.
///
/// A request on a route waits for one of the route's places, then for the route's latency, and then
/// moves its bytes over the route's link, which it shares fairly with all that is on that link.
///
/// ```
/// use tierproof_sim::Profile;
/// let profile = Profile::from_toml(r#"
///     name = "two media"
///     [links.bus]
///     bandwidth_bytes_per_s = 10_000_000_000
///     [routes.host_to_device]
///     link = "bus"
///     latency_ns = 5_000
///     queue_depth = 4
/// "#)?;
/// assert!(profile.routes.device_to_host.is_none());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What reports call it.
    pub name: String,
    /// What routes go over, by name.
    pub links: BTreeMap<String, LinkProfile>,
    /// What goes over them.
    pub routes: RouteProfiles,
}

/// Something whose bandwidth is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkProfile {
    /// Bytes per second, from 1 to 2^43.
    pub bandwidth_bytes_per_s: u64,
}

/// The routes that exist. One that is not given is absent: the simulator refuses what it does not
/// model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct RouteProfiles {
    pub device_to_device: Option<RouteProfile>,
    pub device_to_host: Option<RouteProfile>,
    pub device_to_file: Option<RouteProfile>,
    pub host_to_device: Option<RouteProfile>,
    pub host_to_host: Option<RouteProfile>,
    pub host_to_file: Option<RouteProfile>,
    pub file_to_device: Option<RouteProfile>,
    pub file_to_host: Option<RouteProfile>,
}

/// What a request takes on one route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteProfile {
    /// The link that its bytes go over.
    pub link: String,
    /// Nanoseconds that every request takes, whatever its size; an hour at most.
    pub latency_ns: Nanos,
    /// Requests served at once, from 1 to 4096. The rest wait, first come first served.
    pub queue_depth: u32,
    /// Thousandths of the latency that are added to it at most, drawn for each request; up to
    /// 1 000 000.
    #[serde(default)]
    pub jitter_per_mille: u32,
}

impl Profile {
    /// Reads and validates a profile.
    ///
    /// # Errors
    /// `Config`, naming the field.
    pub fn from_toml(text: &str) -> Result<Self> {
        if text.len() > TEXT_MAX {
            return invalid(format!("profile of {} bytes: give at most {TEXT_MAX}", text.len()));
        }
        let profile: Self = toml::from_str(text).map_err(|error| {
            let context = format!("profile: {}", error.to_string().trim_end());
            Error::new(ErrorKind::Config, context).with_source(error)
        })?;
        profile.validate()?;
        Ok(profile)
    }

    /// An H100 and an `NVMe` disk, measured. The default.
    #[must_use]
    pub fn h100_nvme() -> Self {
        embedded(H100_NVME)
    }

    /// A small machine without an accelerator, assumed.
    #[must_use]
    pub fn laptop() -> Self {
        embedded(LAPTOP)
    }

    /// Checks every bound; what [`Profile::from_toml`] gives is valid already.
    ///
    /// # Errors
    /// `Config`, naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.links.len() > LINKS_MAX {
            return invalid(format!("links: {} given, at most {LINKS_MAX}", self.links.len()));
        }
        for (name, link) in &self.links {
            let field = format!("links.{name}.bandwidth_bytes_per_s");
            within(&field, link.bandwidth_bytes_per_s, 1, BANDWIDTH_MAX)?;
        }
        for (name, _, _, route) in self.routes.all() {
            let Some(route) = route else { continue };
            if !self.links.contains_key(&route.link) {
                let known: Vec<_> = self.links.keys().map(String::as_str).collect();
                let known = known.join(", ");
                let link = &route.link;
                return invalid(format!("routes.{name}.link is {link:?}: give one of: {known}"));
            }
            let field = |field: &str| format!("routes.{name}.{field}");
            within(&field("latency_ns"), route.latency_ns.0, 0, LATENCY_MAX.0)?;
            let depth_max = u64::from(QUEUE_DEPTH_MAX);
            within(&field("queue_depth"), route.queue_depth.into(), 1, depth_max)?;
            within(&field("jitter_per_mille"), route.jitter_per_mille.into(), 0, 1_000_000)?;
        }
        Ok(())
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::h100_nvme()
    }
}

impl RouteProfiles {
    /// Every route that a profile can give: its name, source, target and model.
    pub(crate) fn all(&self) -> [(&'static str, MediumKind, MediumKind, Option<&RouteProfile>); 8] {
        use MediumKind::{Device, File, Host};
        [
            ("device_to_device", Device, Device, self.device_to_device.as_ref()),
            ("device_to_host", Device, Host, self.device_to_host.as_ref()),
            ("device_to_file", Device, File, self.device_to_file.as_ref()),
            ("host_to_device", Host, Device, self.host_to_device.as_ref()),
            ("host_to_host", Host, Host, self.host_to_host.as_ref()),
            ("host_to_file", Host, File, self.host_to_file.as_ref()),
            ("file_to_device", File, Device, self.file_to_device.as_ref()),
            ("file_to_host", File, Host, self.file_to_host.as_ref()),
        ]
    }
}

fn embedded(text: &str) -> Profile {
    Profile::from_toml(text).expect("the embedded profile is valid")
}

/// Checks that a setting is from `min` to `max`.
pub(crate) fn within(field: &str, value: u64, min: u64, max: u64) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    invalid(format!("{field} is {value}: give {min} to {max}"))
}

fn invalid<T>(context: String) -> Result<T> {
    Err(Error::new(ErrorKind::Config, context))
}
