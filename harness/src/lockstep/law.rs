//! The laws, by id, and what breaks one. `docs/design.md` says which are checked where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A law: safety (S), conservation (C), liveness (L) or determinism (D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Law {
    /// What is read is what was written there for this key, or an error is told.
    S1,
    /// What was found is there, as long as it is held.
    S2,
    /// Nobody writes what another still reads or writes, or reads what another still writes.
    S3,
    /// What is refused has no effect.
    S4,
    /// A failure reaches those that it concerns, and nobody else.
    S5,
    /// How something ended does not change any more.
    S6,
    /// Blocks are taken, moved and given up as the rule book says.
    S7,
    /// No tenant reads another's bytes.
    S8,
    /// After a crash each key is old, new or absent.
    S9,
    /// Another layout or format is not found.
    S10,
    /// Nothing outside its slots is touched.
    S11,
    /// The blocks of a tier are all in exactly one place.
    C1,
    /// What was asked for was done, has failed, or is on its way.
    C2,
    /// What was taken of the backend is given back.
    C3,
    /// References are those of live requests and of pins.
    C4,
    /// Counters and events add up to the state.
    C5,
    /// Everything ends once.
    C6,
    /// Every operation ends.
    L1,
    /// What failed is not tried for ever.
    L2,
    /// Once all is quiet a new request succeeds.
    L3,
    /// Nobody is overtaken for ever.
    L4,
    /// Blocks out of use come back.
    L5,
    /// Closing ends, and leaves nothing in flight.
    L6,
    /// One stuck way does not hold up others.
    L7,
    /// One plan gives one trace.
    D1,
    /// A fault that never strikes changes nothing.
    D2,
    /// A saved plan is its seed.
    D3,
    /// All backends decide alike.
    D4,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A broken law, and how it is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) law: Law,
    pub(crate) what: String,
}

/// What a comparison finds: nothing, or what differs.
pub(crate) type Check = Result<(), Broken>;

impl Law {
    /// This law is broken.
    pub(crate) fn broken(self, what: impl Into<String>) -> Broken {
        Broken { law: self, what: what.into() }
    }

    /// Holds if `holds`. Words are found only where it does not.
    pub(crate) fn holds(self, holds: bool, what: impl FnOnce() -> String) -> Check {
        if holds { Ok(()) } else { Err(self.broken(what())) }
    }

    /// Holds if engine and model have the same.
    pub(crate) fn same<T: PartialEq + fmt::Debug + ?Sized>(
        self,
        engine: &T,
        model: &T,
        what: impl FnOnce() -> String,
    ) -> Check {
        self.holds(engine == model, || {
            format!("{}: the engine has {engine:?}, the model {model:?}", what())
        })
    }
}
