//! The wrapper: what it knows, and what it answers about its faults.

use std::collections::BTreeMap;
use std::fmt;

use tierproof_core::{
    Backend, Capability, Completion, Descriptor, Error, MediumKind, Nanos, Result, Route,
    TransferId,
};

use super::choices::{Choice, Choices};
use super::clock::Clock;
use super::condition::Conditions;
use super::flight::{Flight, Ghost, Hold, Hung, Landed};
use super::media::Media;
use super::overlay::Damage;
use super::{FaultClass, FaultEntry, FaultPlan, Occasion, Spot, Subject};
use crate::sim::Misuse;

/// Any backend, with faults.
///
/// It is a backend itself. What it does to one below is what any caller could do: it looks at
/// bytes and fills them, offers requests, holds them back, and tells other answers. So the same plan
/// means the same over the simulator, over host memory and over files.
///
/// Requests go on unchanged; what a fault makes of their bytes is done when their completion is
/// told, before their ranges are anybody else's. Ranges of another transfer in flight are never
/// touched.
///
/// ```
/// use tierproof_core::{Backend, Descriptor, Medium, Part, Nanos, Stamp, TransferRequest};
/// use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Faulty};
/// use tierproof_sim::{Sim, SimConfig};
///
/// let lost = FaultEntry { class: FaultClass::F09, on: "device0:0>host0:0#0".parse()?, detail: 0 };
/// let mut faulty = Faulty::new(Sim::new(SimConfig::default())?, &FaultPlan::of([lost]))?;
/// let device = faulty.allocate(&Medium::Device { ordinal: 0 }, 4096)?;
/// let host = faulty.allocate(&Medium::Host, 4096)?;
/// let source = Descriptor { region: device, offset: 0, len: 64 };
/// let target = Descriptor { region: host, ..source };
/// faulty.fill(source, &[7; 64])?;
/// let stamp = Stamp { key: [1; 32], tenant: 0, layout: [0; 16], generation: 1, slot: 0, pool: 0, len: 64 };
/// let part = Part { source, target, rows: None, check: None, seal: Some(stamp) };
/// faulty.submit(&TransferRequest { parts: vec![part], deadline: Nanos::MAX, ..Default::default() })?;
/// faulty.park(Nanos::MAX);
/// let mut done = Vec::new();
/// faulty.poll(&mut done)?;
///
/// // It was acknowledged, and nothing was written.
/// assert!(done[0].faults.is_empty());
/// let mut found = [0; 64];
/// faulty.peek(target, &mut found)?;
/// assert_ne!(found, [7; 64]);
/// assert_eq!(faulty.fired(), [lost]);
/// faulty.heal();
/// faulty.peek(target, &mut found)?;
/// assert_eq!(found, [7; 64]);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
pub struct Faulty<B> {
    pub(super) media: Media<B>,
    pub(super) capability: Capability,
    /// Fallbacks of the backend's own that `capability` has.
    pub(super) fallbacks_below: usize,
    pub(super) choices: Choices,
    pub(super) unsealed: bool,
    pub(super) visits: BTreeMap<(Spot, Spot), u32>,
    pub(super) calls: Calls,
    pub(super) next_id: u64,
    pub(super) parts_in_flight: u32,
    /// Handed to the backend, by its id.
    pub(super) below: BTreeMap<TransferId, Flight>,
    /// Of these, how many are told of at another time than they end.
    pub(super) timed: usize,
    pub(super) hung: Vec<Hung>,
    pub(super) landed: Vec<Landed>,
    pub(super) ghosts: Vec<Ghost>,
    /// Completions that are told once more.
    pub(super) echoes: Vec<Completion>,
    pub(super) conditions: Conditions,
    pub(super) clock: Clock,
    /// The backend's time as last heard.
    pub(super) now: Nanos,
    /// What polling the backend answered while waiting.
    pub(super) broken: Option<Error>,
    pub(super) last_told: Option<TransferId>,
    pub(super) healed: bool,
    /// Old bytes are kept for stale reads.
    pub(super) keeps_history: bool,
    pub(super) history: BTreeMap<Descriptor, Vec<u8>>,
    pub(super) misuses: Vec<Misuse>,
    /// Room for what the backend tells at once.
    pub(super) polled: Vec<Completion>,
    cuts: bool,
}

/// Calls so far that faults are keyed by.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) allocate: u32,
    pub(super) park: u32,
    pub(super) flush: u32,
    pub(super) cut: u32,
    pub(super) submit: u64,
}

impl<B: Backend> Faulty<B> {
    /// `backend` with the faults of `plan`.
    ///
    /// # Errors
    /// `Config` for a plan that is not valid.
    pub fn new(backend: B, plan: &FaultPlan) -> Result<Self> {
        Self::build(backend, plan, false)
    }

    pub(super) fn build(backend: B, plan: &FaultPlan, cuts: bool) -> Result<Self> {
        plan.validate()?;
        let capability = backend.capability().clone();
        let mut faulty = Self {
            media: Media::new(backend),
            fallbacks_below: capability.fallbacks.len(),
            capability,
            choices: Choices::new(plan),
            unsealed: plan.unsealed,
            visits: BTreeMap::new(),
            calls: Calls::default(),
            next_id: 0,
            parts_in_flight: 0,
            below: BTreeMap::new(),
            timed: 0,
            hung: Vec::new(),
            landed: Vec::new(),
            ghosts: Vec::new(),
            echoes: Vec::new(),
            conditions: Conditions::default(),
            clock: Clock::default(),
            now: Nanos::ZERO,
            broken: None,
            last_told: None,
            healed: false,
            keeps_history: plan.classes().any(|class| class == FaultClass::F14),
            history: BTreeMap::new(),
            misuses: Vec::new(),
            polled: Vec::new(),
            cuts,
        };
        for class in plan.classes() {
            if let Err(why) = faulty.realises(class) {
                faulty.choices.missing(class, why);
            }
        }
        faulty.limit();
        Ok(faulty)
    }

    /// Every fault that had an effect, in the order in which it had. A plan of these entries, and
    /// no rates, makes the same run do exactly the same.
    #[must_use]
    pub fn fired(&self) -> &[FaultEntry] {
        self.choices.fired()
    }

    /// How many fired, by class.
    #[must_use]
    pub fn fired_by_class(&self) -> BTreeMap<FaultClass, u64> {
        let mut counts = BTreeMap::new();
        self.fired().iter().for_each(|entry| *counts.entry(entry.class).or_default() += 1);
        counts
    }

    /// Faults asked for by name that had no effect: what they are about has not come, or not in a
    /// way that they could strike.
    #[must_use]
    pub fn unfired(&self) -> Vec<FaultEntry> {
        self.choices.unfired()
    }

    /// What the plan asks for and can't be had here, and why: of this backend, or of the place that
    /// an entry names.
    #[must_use]
    pub fn unrealised(&self) -> &BTreeMap<FaultClass, String> {
        self.choices.unrealised()
    }

    /// Whether faults of `class` can be had over this backend.
    ///
    /// # Errors
    /// Why not.
    pub fn realises(&self, class: FaultClass) -> Result<(), &'static str> {
        use FaultClass::{F04, F27, F28, F31, F32, G01};
        if class.needs_power_cut() && !self.cuts {
            return Err("only the simulator's power can be cut: use Faulty::with_power");
        }
        let has_files = || {
            let file = MediumKind::File;
            let route = |&other: &MediumKind| {
                self.capability.route(other, file) != Route::Absent
                    || self.capability.route(file, other) != Route::Absent
            };
            MediumKind::ALL.iter().any(route)
        };
        match class {
            F04 | F27 | F28 | F31 | F32 | G01 if !has_files() => {
                Err("the backend has no route from or to a file")
            }
            _ => Ok(()),
        }
    }

    /// Ranges that hold something else than they should, or can't be read, and by what.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.media.overlays.damage().chain(self.conditions.bad.iter().cloned()).collect()
    }

    /// What `source` should hold.
    ///
    /// # Errors
    /// Those of [`Backend::peek`].
    pub fn pristine(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.media.backend.peek(source, bytes)?;
        self.media.overlays.correct(source, bytes);
        Ok(())
    }

    /// Ends all faults: nothing new fires, conditions are over, what hangs goes on, completions are
    /// told as they come, and every damaged range holds again what it should, as soon as no
    /// transfer is in flight there.
    pub fn heal(&mut self) {
        self.healed = true;
        self.choices.end();
        self.conditions = Conditions::default();
        self.ghosts.clear();
        self.echoes.clear();
        self.clock.heal();
        self.timed = 0;
        self.below.values_mut().for_each(|flight| flight.hits.clear());
        for hung in &mut self.hung {
            hung.until = Nanos::ZERO;
            hung.flight.hits.clear();
        }
        for landed in &mut self.landed {
            landed.hold = Hold::No;
            landed.flight.hits.clear();
        }
        self.media.lift();
    }

    /// Requests that used ranges of a transfer in flight that the backend below does not know to
    /// be. They were refused.
    #[must_use]
    pub fn misuses(&self) -> &[Misuse] {
        &self.misuses
    }

    /// The backend.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.media.backend
    }

    /// The backend, without faults from now on. Damage stays.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.media.backend
    }

    /// Whether nothing is held up that the backend knows nothing of.
    pub(super) fn is_plain(&self) -> bool {
        self.timed == 0
            && self.hung.is_empty()
            && self.landed.is_empty()
            && self.echoes.is_empty()
            && self.broken.is_none()
    }

    /// What strikes a call.
    pub(super) fn of_call(&self, subject: Subject, occasion: Occasion) -> Vec<Choice> {
        if self.choices.any() { self.choices.of(subject, occasion) } else { Vec::new() }
    }
}

impl<B> fmt::Debug for Faulty<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("now", &self.now)
            .field("fired", &self.choices.fired().len())
            .field("in_flight", &(self.below.len() + self.hung.len() + self.landed.len()))
            .finish_non_exhaustive()
    }
}
