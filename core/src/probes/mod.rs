//! Probes: proof that runs reach what they are meant to, and detours that reach it more often.
//!
//! [`sometimes!`](crate::sometimes) counts how often a place that matters is come by: a campaign
//! fails if one of those listed never is. [`buggify!`](crate::buggify) is a question to which a run
//! sometimes answers yes, and the code then takes a detour that is always allowed: a queue of one, a
//! completion later. Decisions are the same either way.
//!
//! In ordinary builds both are nothing and this module is empty. With the feature `probes` there are:
//!
//! * `registry`: what one crate lists with `probe_sites!`, and the counts of it.
//! * `detour`: `Buggify`, which gives a run a seed.
//!
//! Both count by thread. Nothing here reads a clock or an address: the answers of a run are a hash of
//! its seed, the point, and how often that was asked.

#[cfg(feature = "probes")]
mod detour;
#[cfg(feature = "probes")]
mod registry;
#[cfg(feature = "probes")]
mod sites;

#[cfg(feature = "probes")]
pub use detour::Buggify;
#[cfg(feature = "probes")]
pub use registry::{Counts, site};
#[cfg(feature = "probes")]
pub(crate) use sites::{BUGGIFY, COUNTS, SOMETIMES};
#[cfg(feature = "probes")]
pub use sites::{list, reset, snapshot};

/// Counts that this place was come by, or that the condition was true here. Its name is one of those
/// that the crate lists with [`probe_sites!`](crate::probe_sites); any other does not compile.
#[cfg(feature = "probes")]
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "the list is the calling crate's")]
macro_rules! sometimes {
    ($name:literal) => {{
        const SITE: usize = $crate::probes::site($name, crate::probes::SOMETIMES);
        crate::probes::COUNTS.with(|counts| counts.hit(SITE));
    }};
    ($condition:expr, $name:literal) => {
        if $condition {
            $crate::sometimes!($name);
        }
    };
}

/// Nothing: the feature `probes` is off. A condition has to compile, and is never asked.
#[cfg(not(feature = "probes"))]
#[macro_export]
macro_rules! sometimes {
    ($name:literal) => {};
    ($condition:expr, $name:literal) => {
        let _ = || -> bool { $condition };
    };
}

/// Nothing: the feature `probes` is off.
#[cfg(not(feature = "probes"))]
#[macro_export]
macro_rules! probe_sites {
    ($($anything:tt)*) => {};
}

/// Whether to take a detour here. Its name is one of those that the crate lists with
/// [`probe_sites!`](crate::probe_sites); any other does not compile.
#[cfg(feature = "probes")]
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "the list is the calling crate's")]
macro_rules! buggify {
    ($name:literal) => {{
        const SITE: usize = $crate::probes::site($name, crate::probes::BUGGIFY);
        crate::probes::COUNTS.with(|counts| counts.detours(SITE))
    }};
}

/// `false`: the feature `probes` is off.
#[cfg(not(feature = "probes"))]
#[macro_export]
macro_rules! buggify {
    ($name:literal) => {
        false
    };
}

// What is constant can do nothing when it runs: in an ordinary build there is nothing left of either.
#[cfg(not(feature = "probes"))]
const _: () = {
    sometimes!("a name that nobody lists");
    sometimes!(panic!("this is not asked"), "nor this one");
    assert!(!buggify!("nor this"));
};
