//! When processes die.

use serde::{Deserialize, Serialize};
use tierproof_core::{Error, ErrorKind, Verify};
use tierproof_sim::faults::{FaultClass, FaultPlan};

use crate::explore::Case;
use crate::explore::choices::Choices;
use crate::lockstep::driver::Setup;
use crate::lockstep::plan::PlanConfig;

/// The most crashes of a case.
const CRASHES_MAX: usize = 16;

/// One process's life and death. At its death the power is cut, and the next process goes on with the
/// operations that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// It dies at the call to its backend after so many, those of its recovery included; without
    /// operations left it dies too.
    pub calls: u64,
    /// It publishes after every drain, and after so many operations; 0: after drains only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub publish_every: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Whether a case's crashes can be had.
pub(in crate::explore) fn validate(case: &Case) -> Result<(), Error> {
    let invalid = |what: &str| Err(Error::new(ErrorKind::Config, what));
    if case.crashes.is_empty() {
        return Ok(());
    }
    if case.crashes.len() > CRASHES_MAX {
        return invalid("crashes: give at most 16");
    }
    if case.config.windows.iter().all(|window| window.disk == 0) {
        return invalid(
            "crashes without a disk tier: give a window disk blocks, or leave them out",
        );
    }
    if case.setup.verify == Verify::Off {
        return invalid("crashes without trailers: verify the disk at least, or leave them out");
    }
    Ok(())
}

/// Crashes for about one case in six.
pub(in crate::explore) fn chosen(choices: &mut Choices<'_>) -> Vec<Crash> {
    if !choices.percent(17) {
        return Vec::new();
    }
    let publish_every = choices.of(&[0, 1, 3, 8]);
    let point = |choices: &mut Choices<'_>| {
        let calls_max = choices.weighted(&[(1, 30), (2, 200), (3, 1500)]);
        Crash { calls: choices.between(0, calls_max), publish_every }
    };
    (0..choices.between(1, 4)).map(|_| point(choices)).collect()
}

/// Makes a chosen configuration one whose content lasts and comes to disk. Half of the cases have no
/// faults but those of power cuts and of flushes that lie, so that little of what is owed is in doubt.
pub(in crate::explore) fn make_durable(
    choices: &mut Choices<'_>,
    allowed: &[FaultClass],
    config: &mut PlanConfig,
    setup: &mut Setup,
    faults: &mut FaultPlan,
) {
    (config.reuse, config.onboard) = (true, true);
    config.offload_priority_min = config.offload_priority_min.min(30);
    let without_host = choices.percent(50);
    for window in &mut config.windows {
        if window.disk == 0 {
            window.disk = window.device;
        }
        if without_host {
            window.host = 0;
        }
    }
    if setup.verify == Verify::Off {
        setup.verify = Verify::Disk;
    }
    if choices.percent(50) {
        faults.rates.retain(|class, _| *class == FaultClass::F09 || class.needs_power_cut());
    }
    for class in allowed.iter().filter(|class| class.needs_power_cut()) {
        if choices.percent(60) {
            faults.rates.insert(*class, 600_000);
        }
    }
}
