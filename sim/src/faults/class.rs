//! The classes of faults, and what is known of each before it fires.

use std::fmt;
use std::str::FromStr;
use tierproof_core::{Error, ErrorKind};

/// What the engine owes whoever uses it when a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Nobody sees it: it is tried again, waited for, or ignored and counted.
    Mask,
    /// The block is not found, and never wrong.
    Miss,
    /// The request is offered again later.
    Wait,
    /// The call, or the part, ends with a typed error.
    TypedError,
    /// It works, and the report says that it works otherwise than asked.
    Report,
    /// After a restart the block is old, new or absent.
    Recover,
}

/// How long a fault that fired goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lasts {
    /// The next try is without it.
    Once,
    /// A few more calls.
    AWhile,
    /// Until what it damaged is written again.
    UntilRewritten,
    /// Until [`heal`](super::Faulty::heal).
    UntilHealed,
    /// As long as the backend.
    Always,
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mask => "mask it",
            Self::Miss => "miss",
            Self::Wait => "offer again",
            Self::TypedError => "typed error",
            Self::Report => "report it",
            Self::Recover => "recover",
        })
    }
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Once => "once",
            Self::AWhile => "a few calls",
            Self::UntilRewritten => "until rewritten",
            Self::UntilHealed => "until healed",
            Self::Always => "always",
        })
    }
}

/// What a fault strikes, and so what kind of [`Subject`](super::Subject) an entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// A part of a transfer.
    Part,
    /// An allocation.
    Allocate,
    /// A wait.
    Park,
    /// The backend as it is opened.
    Open,
    /// A power cut.
    Cut,
}

/// Where in a transfer's life a fault of a part strikes. One part has at most one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Submit answers an error.
    Refusal,
    /// When the completion is told.
    Timing,
    /// How the completion is told.
    Telling,
    /// What became of the part.
    Outcome,
}

struct Facts {
    title: &'static str,
    duty: Duty,
    lasts: Lasts,
    occasion: Occasion,
}

macro_rules! classes {
    ($($id:ident $duty:ident $lasts:ident $occasion:ident $title:literal)*) => {
        /// A class of faults, by the id that laws, reports and plans use.
        #[derive(
            Debug,
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            serde::Serialize,
            serde::Deserialize,
        )]
        pub enum FaultClass {
            $(#[doc = $title] $id,)*
        }

        impl FaultClass {
            /// All classes, by id.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// The id.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$id => stringify!($id),)* }
            }

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$id => Facts {
                        title: $title,
                        duty: Duty::$duty,
                        lasts: Lasts::$lasts,
                        occasion: Occasion::$occasion,
                    },)*
                }
            }
        }
    };
}

classes! {
    F01 Mask Once Part "transient error on read"
    F02 Miss UntilRewritten Part "latent sector error"
    F03 Mask Once Part "error on write"
    F04 Miss AWhile Part "no space left"
    F05 Miss UntilRewritten Part "short write"
    F06 Mask Once Part "short read"
    F07 Recover Once Cut "torn write at a crash"
    F08 Recover Once Cut "writes reordered between flushes"
    F09 Miss UntilRewritten Part "acknowledged write lost"
    F10 Miss UntilRewritten Part "misdirected write"
    F11 Mask Once Part "misdirected read"
    F12 Miss UntilRewritten Part "bit rot at rest"
    F13 Mask Once Part "corruption on the wire"
    F14 Mask Once Part "stale generation read"
    F17 Miss UntilHealed Part "hung transfer"
    F18 Mask Once Part "slow transfer"
    F19 Mask Once Part "completions reordered"
    F20 Mask Once Part "completion told twice"
    F21 Mask Once Part "completion of an unknown or old id"
    F22 Miss UntilRewritten Part "error told of another part"
    F23 Miss UntilRewritten Part "failure told as success"
    F24 Mask Once Part "some parts of a batch fail"
    F25 Wait Once Part "clean refusal"
    F26 Miss UntilRewritten Part "dirty refusal: carried out later"
    F27 Miss UntilHealed Part "device of the files gone"
    F28 Miss UntilRewritten Part "file changed by others"
    F29 TypedError Once Part "permission, descriptors or a signal"
    F30 Mask Always Open "tighter limits"
    F31 Miss UntilHealed Part "file number reused"
    F32 Recover UntilRewritten Allocate "header page damaged"
    F35 Miss AWhile Park "clock jumps or stalls"
    F36 TypedError Once Allocate "allocation fails"
    G01 Report Always Allocate "cuFile in its compat mode"
    G02 Report Always Allocate "registration fails: bounce buffer"
    G08 TypedError UntilHealed Part "sticky error of the device's context"
    G09 TypedError Once Allocate "device memory or BAR exhausted"
    G10 Miss UntilRewritten Part "writes on after its end was told"
    G11 Wait AWhile Part "pool of transfers exhausted"
    G12 Mask UntilRewritten Allocate "memory with another's leftovers"
    G14 Miss UntilRewritten Part "same shape, another layout"
    G16 Miss UntilHealed Part "page retired"
}

impl FaultClass {
    /// What it is, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// What the engine owes.
    #[must_use]
    pub const fn duty(self) -> Duty {
        self.facts().duty
    }

    /// How long it goes on.
    #[must_use]
    pub const fn lasts(self) -> Lasts {
        self.facts().lasts
    }

    /// What it strikes.
    #[must_use]
    pub const fn occasion(self) -> Occasion {
        self.facts().occasion
    }

    /// Whether it needs a device whose power can be cut. All others are realised above any
    /// backend.
    #[must_use]
    pub const fn needs_power_cut(self) -> bool {
        matches!(self.occasion(), Occasion::Cut)
    }

    /// Whether only a trailer behind the bytes can tell it from success. Where none lies it can't
    /// be detected, so it does not fire there unless the plan asks for it
    /// ([`FaultPlan::unsealed`](super::FaultPlan::unsealed)).
    #[must_use]
    pub const fn needs_trailers(self) -> bool {
        use FaultClass::{
            F05, F06, F09, F10, F11, F12, F13, F14, F22, F23, F26, F28, F31, G10, G14,
        };
        matches!(
            self,
            F05 | F06 | F09 | F10 | F11 | F12 | F13 | F14 | F22 | F23 | F26 | F28 | F31 | G10 | G14
        )
    }

    pub(super) const fn stage(self) -> Stage {
        use FaultClass::{F17, F18, F19, F20, F21, F25, F26, G11};
        match self {
            F25 | F26 | G11 => Stage::Refusal,
            F17 | F18 | F19 => Stage::Timing,
            F20 | F21 => Stage::Telling,
            _ => Stage::Outcome,
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for FaultClass {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|class| class.id().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| {
            let context =
                format!("there is no fault class {text:?}: give F01 to F36 or G01 to G16");
            Error::new(ErrorKind::Config, context)
        })
    }
}
