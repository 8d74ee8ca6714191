//! What a fault is about, named so that the name means the same on every backend.

use std::fmt;
use std::str::FromStr;
use tierproof_core::{Error, ErrorKind, MediumKind};

use super::Occasion;

/// A slot of a region: the number of the region among those of its medium, in the order in which
/// they were allocated, and how many slots lie before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The medium of the region.
    pub medium: MediumKind,
    /// Regions allocated on that medium before it.
    pub region: u32,
    /// Slots before it. A slot is as long as a part of this length takes, with its trailer if it
    /// has one, in multiples of the backend's alignment.
    pub slot: u64,
}

/// What a fault strikes. Neither an id nor a byte offset, so it is the same operation on every
/// backend, and whatever else is left out of a run.
///
/// As text, which is also how plans hold it:
///
/// ```
/// use tierproof_sim::faults::Subject;
/// // The third copy from slot 3 of the device's first region to slot 7 of the second file.
/// let part: Subject = "device0:3>file1:7#2".parse()?;
/// assert_eq!(part.to_string(), "device0:3>file1:7#2");
/// for text in ["open", "allocate#4", "park#1", "flush#0", "cut#0"] {
///     assert_eq!(text.parse::<Subject>()?.to_string(), text);
/// }
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// A part of a transfer.
    Part {
        /// Where it comes from.
        source: Spot,
        /// Where it goes.
        target: Spot,
        /// Parts that went the same way before, refused ones included.
        visit: u32,
    },
    /// The opening of the backend.
    Open,
    /// An allocation.
    Allocate {
        /// Allocations asked for before.
        nth: u32,
    },
    /// A wait.
    Park {
        /// Waits before.
        nth: u32,
    },
    /// A flush.
    Flush {
        /// Flushes before.
        nth: u32,
    },
    /// A power cut.
    Cut {
        /// Cuts before.
        nth: u32,
    },
}

impl Subject {
    /// Words that tell it from all others, for draws.
    pub(super) fn words(self) -> [u64; 6] {
        let place = |spot: Spot| (spot.medium as u64) << 32 | u64::from(spot.region);
        let counted = |kind: u64, nth: u32| [kind, nth.into(), 0, 0, 0, 0];
        match self {
            Self::Part { source, target, visit } => {
                [0, place(source), source.slot, place(target), target.slot, visit.into()]
            }
            Self::Open => counted(1, 0),
            Self::Allocate { nth } => counted(2, nth),
            Self::Park { nth } => counted(3, nth),
            Self::Flush { nth } => counted(4, nth),
            Self::Cut { nth } => counted(5, nth),
        }
    }

    /// Whether a fault that strikes at `occasion` can be about it. A flush is lost as a write is.
    pub(super) fn suits(self, occasion: Occasion) -> bool {
        match self {
            Self::Part { .. } | Self::Flush { .. } => occasion == Occasion::Part,
            Self::Open => occasion == Occasion::Open,
            Self::Allocate { .. } => occasion == Occasion::Allocate,
            Self::Park { .. } => occasion == Occasion::Park,
            Self::Cut { .. } => occasion == Occasion::Cut,
        }
    }
}

const MEDIA: [(&str, MediumKind); 3] =
    [("device", MediumKind::Device), ("host", MediumKind::Host), ("file", MediumKind::File)];

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:{}", MEDIA[self.medium as usize].0, self.region, self.slot)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { source, target, visit } => write!(f, "{source}>{target}#{visit}"),
            Self::Open => f.write_str("open"),
            Self::Allocate { nth } => write!(f, "allocate#{nth}"),
            Self::Park { nth } => write!(f, "park#{nth}"),
            Self::Flush { nth } => write!(f, "flush#{nth}"),
            Self::Cut { nth } => write!(f, "cut#{nth}"),
        }
    }
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            let start: String = text.chars().take(40).collect();
            let context = format!(
                "{start:?} names nothing a fault can strike: give one like device0:3>file1:7#2, \
                 open, allocate#4, park#1, flush#0 or cut#0"
            );
            Error::new(ErrorKind::Config, context)
        })
    }
}

fn parse(text: &str) -> Option<Subject> {
    if text == "open" {
        return Some(Subject::Open);
    }
    let (what, nth) = text.split_once('#')?;
    let nth = number(nth)?;
    match what {
        "allocate" => Some(Subject::Allocate { nth }),
        "park" => Some(Subject::Park { nth }),
        "flush" => Some(Subject::Flush { nth }),
        "cut" => Some(Subject::Cut { nth }),
        _ => {
            let (source, target) = what.split_once('>')?;
            Some(Subject::Part { source: spot(source)?, target: spot(target)?, visit: nth })
        }
    }
}

fn spot(text: &str) -> Option<Spot> {
    let (region, slot) = text.split_once(':')?;
    let mut known = MEDIA.iter();
    let (medium, region) =
        known.find_map(|&(name, medium)| Some((medium, region.strip_prefix(name)?)))?;
    Some(Spot { medium, region: number(region)?, slot: number(slot)? })
}

/// Digits without a sign or leading zeros, so that every name has one spelling.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let plain = text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c));
    text.parse().ok().filter(|_| plain)
}

impl TryFrom<String> for Subject {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}
