//! What can strike a part: some faults need a read or a write of stored bytes, a file, a trailer.

use tierproof_core::{MediumKind, Part};

use super::FaultClass;

/// A part, as far as it matters for what can strike it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) part: &'a Part,
    pub(super) between: [MediumKind; 2],
    /// Parts of its request.
    pub(super) parts: usize,
    /// Damage may go undetected.
    pub(super) unsealed: bool,
}

impl Target<'_> {
    /// Reads what was stored.
    fn reads(&self) -> bool {
        self.between[0] != MediumKind::Device
    }

    /// Stores.
    pub(super) fn writes(&self) -> bool {
        self.between[1] != MediumKind::Device
    }

    fn touches(&self, kind: MediumKind) -> bool {
        self.between.contains(&kind)
    }

    /// A trailer, or nobody's wish for one, lies behind what it reads.
    pub(super) fn checked(&self) -> bool {
        self.part.check.is_some() || self.unsealed
    }

    /// A trailer, or nobody's wish for one, lies behind what it writes.
    pub(super) fn sealed(&self) -> bool {
        self.part.seal.is_some() || self.unsealed
    }

    /// Whether a fault of `class` can strike it, or why not.
    pub(super) fn fits(&self, class: FaultClass) -> Result<(), &'static str> {
        use FaultClass::{
            F01, F02, F03, F04, F05, F06, F09, F10, F11, F12, F13, F14, F22, F23, F24, F26, F27,
            F28, F31, G08, G10, G14,
        };
        let file = MediumKind::File;
        let (wanted, why) = match class {
            F01 | F02 => (self.reads(), "the part reads nothing stored"),
            F03 => (self.writes(), "the part stores nothing"),
            F04 => (self.between[1] == file, "the part writes no file"),
            F26 if self.part.rows.is_some() => (false, "the part copies rows"),
            F05 | F09 | F10 | F12 | F26 | G10 | G14 => {
                (self.writes() && self.sealed(), "the part stores nothing that a trailer ends")
            }
            F06 | F11 | F13 | F14 => {
                (self.reads() && self.checked(), "the part reads nothing that a trailer ends")
            }
            F22 | F23 => (
                if self.writes() { self.sealed() } else { self.reads() && self.checked() },
                "nothing that a trailer ends is read or stored",
            ),
            F24 => (self.parts > 1, "the request has one part"),
            F27 => (self.touches(file), "the part touches no file"),
            F28 | F31 => (
                (self.between[0] == file && self.checked())
                    || (self.between[1] == file && self.sealed()),
                "the part touches no file slot that a trailer ends",
            ),
            G08 => (self.touches(MediumKind::Device), "the part touches no device memory"),
            _ => return Ok(()),
        };
        if wanted { Ok(()) } else { Err(why) }
    }
}
