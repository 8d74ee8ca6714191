//! A case: a plan, the device it runs on, and what goes wrong there. JSON that anybody can run again.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use tierproof_core::{Error, ErrorKind};
use tierproof_sim::SimConfig;
use tierproof_sim::faults::{FaultClass, FaultPlan};

use crate::lockstep::driver::{Setup, Trouble};
use crate::lockstep::plan::{JSON_BYTES_MAX, Op, Plan, PlanConfig};

use super::breach::Breach;
use super::choices::Choices;
use super::crash::{self, Crash};
use super::swarm::{self, Shape};
use super::wish::Wish;
use super::writer::Writer;

/// The version of a case's JSON; that of a plain [`Plan`] is 1.
pub(super) const VERSION: u32 = 2;

/// A plan, a device, faults.
///
/// ```
/// use tierproof::explore::{Case, Scope};
/// let case = Case::of_seed(7, &Scope::default());
/// assert_eq!(Case::from_json(&case.to_json())?, case);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The format: 2.
    pub version: u32,
    /// Where it came from; nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What it broke when it was saved; nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broke: Option<Breach>,
    /// What the engine is built with.
    pub config: PlanConfig,
    /// How bytes are laid out, sealed, compared, and tried again.
    pub setup: Setup,
    /// What is simulated; another backend has its own.
    pub device: Device,
    /// When processes die, one after the other; with any, the disk tier is durable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crashes: Vec<Crash>,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// What is done.
    pub ops: Vec<Op>,
}

/// What a simulated device may be asked for, and the seed of what it draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The seed of the order of ties, of jitter, of bytes that nobody wrote.
    pub seed: u64,
    /// Bytes that offsets of files are a multiple of.
    pub alignment: u64,
    /// Parts of a request at most.
    pub request_parts_max: u32,
    /// Payload bytes of a request at most.
    #[serde(default = "plenty")]
    pub request_bytes_max: u64,
    /// Parts in flight at most.
    pub in_flight_parts_max: u32,
}

/// What older cases leave out.
fn plenty() -> u64 {
    SimConfig::default().request_bytes_max
}

impl Default for Device {
    fn default() -> Self {
        let sim = SimConfig::default();
        Self {
            seed: sim.seed,
            alignment: sim.alignment,
            request_parts_max: sim.request_parts_max,
            request_bytes_max: sim.request_bytes_max,
            in_flight_parts_max: sim.in_flight_parts_max,
        }
    }
}

impl Device {
    /// The simulator's settings.
    #[must_use]
    pub fn config(self) -> SimConfig {
        let Self { seed, alignment, request_parts_max, request_bytes_max, in_flight_parts_max } =
            self;
        let narrow = SimConfig { request_parts_max, request_bytes_max, ..SimConfig::default() };
        SimConfig { seed, alignment, in_flight_parts_max, ..narrow }
    }
}

/// Which cases a seed may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Operations wished for at most.
    pub ops_max: u64,
    /// Classes of faults that may strike.
    pub classes: Vec<FaultClass>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { ops_max: 120, classes: FaultClass::ALL.to_vec() }
    }
}

impl Case {
    /// The case that a seed is.
    #[must_use]
    pub fn of_seed(seed: u64, scope: &Scope) -> Self {
        Self { seed: Some(seed), ..Self::chosen(&Choices::of_seed(seed), scope) }
    }

    /// The case that any bytes are, a fuzzer's for example.
    #[must_use]
    pub fn of_bytes(bytes: &[u8], scope: &Scope) -> Self {
        let rest = Cell::new(bytes);
        Self::chosen(&Choices::of_bytes(&rest), scope)
    }

    fn chosen(choices: &Choices<'_>, scope: &Scope) -> Self {
        let mut config = swarm::config(&mut choices.about(subject::CONFIG));
        let mut shape = Shape::chosen(&mut choices.about(subject::SHAPE));
        let device = swarm::device(&mut choices.about(subject::DEVICE));
        let mut faults = swarm::faults(&mut choices.about(subject::FAULTS), &scope.classes);
        let mut of_setup = choices.about(subject::SETUP);
        let mut setup = swarm::setup(&mut of_setup);
        if faults.rates.is_empty() {
            setup.trouble = Trouble::Never;
        }
        let mut of_crashes = choices.about(subject::CRASHES);
        let crashes = crash::chosen(&mut of_crashes);
        if !crashes.is_empty() {
            let (config, setup) = (&mut config, &mut setup);
            crash::make_durable(&mut of_crashes, &scope.classes, config, setup, &mut faults);
            shape.plain = shape.plain.max(90);
        }
        let kinds = of_setup.between(0, 0x1ff) & of_setup.between(0, 0x1ff);
        let mut writer = Writer::new(&config, kinds as u16);
        let wishes = of_setup.between(1, scope.ops_max);
        for number in 0..wishes {
            let mut own = choices.about(subject::WISHES + number);
            if !own.are_left() {
                break;
            }
            writer.write(&Wish::chosen(&mut own, &shape));
        }
        let ops = writer.ops();
        let (seed, broke) = (None, None);
        Self { version: VERSION, seed, broke, config, setup, device, crashes, faults, ops }
    }

    /// Reads a case, or a plain plan, and checks it.
    ///
    /// # Errors
    /// `Config`, with the first reason why it can't be run.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if text.len() > JSON_BYTES_MAX {
            let len = text.len();
            return Err(invalid(format!("{len} bytes of JSON: give at most {JSON_BYTES_MAX}")));
        }
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        let case = match version {
            1 => Self::of_plan(Plan::from_json(text).map_err(|error| invalid(error.to_string()))?),
            VERSION => serde_json::from_str(text).map_err(unreadable)?,
            _ => return Err(invalid(format!("version {version}: this reads 1 and {VERSION}"))),
        };
        case.validate()?;
        Ok(case)
    }

    /// A plan on a device where nothing goes wrong.
    #[must_use]
    pub fn of_plan(Plan { config, ops, .. }: Plan) -> Self {
        Self {
            version: VERSION,
            seed: None,
            broke: None,
            config,
            setup: Setup::default(),
            device: Device::default(),
            crashes: Vec::new(),
            faults: FaultPlan::default(),
            ops,
        }
    }

    /// The case as JSON, on one line.
    ///
    /// # Panics
    /// Never: a case holds nothing that JSON can't.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a case holds nothing that JSON can't")
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// `Config`, with the first reason why not.
    pub fn validate(&self) -> Result<(), Error> {
        let plan = Plan::new(self.config.clone(), self.ops.clone());
        plan.validate().map_err(|error| invalid(error.to_string()))?;
        self.faults.validate()?;
        crash::validate(self)?;
        self.device.config().validate()
    }
}

/// What choices are about, so that those about one thing move none about another.
mod subject {
    pub(super) const CONFIG: u64 = 0;
    pub(super) const SHAPE: u64 = 1;
    pub(super) const SETUP: u64 = 2;
    pub(super) const DEVICE: u64 = 3;
    pub(super) const FAULTS: u64 = 4;
    pub(super) const CRASHES: u64 = 5;
    /// And the number of the wish.
    pub(super) const WISHES: u64 = 1 << 32;
}

fn unreadable(error: serde_json::Error) -> Error {
    invalid(format!("not a plan: {error}")).with_source(error)
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::Config, context)
}
