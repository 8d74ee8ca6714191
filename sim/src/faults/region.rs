//! Faults of the backend's opening and of its regions.

use tierproof_core::{
    Backend, Bytes, Descriptor, Error, ErrorKind, Fallback, Medium, MediumKind, RegionId, Result,
};

use super::choices::Choice;
use super::{FaultClass, Faulty, Occasion, Subject};
use crate::draw::{Domain, Draw, fill};
use crate::poison::{Leftover, Poison};

/// A header page.
const HEADER: Bytes = 4096;
/// Regions up to this size are filled with leftovers, so that an entry costs no more than that.
const LEFTOVERS_MAX: Bytes = 64 << 20;

impl<B: Backend> Faulty<B> {
    /// Tightens the limits that are told (F30): 1 to 4 parts a request, and up to 16 in flight.
    pub(super) fn limit(&mut self) {
        for choice in self.of_call(Subject::Open, Occasion::Open) {
            let (few, many) = (1 + choice.detail % 4, 1 + (choice.detail >> 8) % 16);
            let limits = &mut self.capability;
            limits.request_parts_max = limits.request_parts_max.min(few as u32);
            // Tighter, and never wider: the backend itself may take fewer in all than in one request.
            let many = (many as u32).max(limits.request_parts_max);
            limits.in_flight_parts_max = limits.in_flight_parts_max.min(many);
            self.choices.fire(Subject::Open, choice);
        }
    }

    /// Allocates, with what strikes it.
    pub(super) fn allocate_faultily(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let on = Subject::Allocate { nth: self.calls.allocate };
        self.calls.allocate = self.calls.allocate.wrapping_add(1);
        let kind = medium.kind();
        let mut choices = self.of_call(on, Occasion::Allocate);
        choices.retain(|&choice| self.fits_region(choice, medium, len));
        let refused = |choice: &&Choice| matches!(choice.class, FaultClass::F36 | FaultClass::G09);
        if let Some(&choice) = choices.iter().find(refused) {
            self.choices.fire(on, choice);
            let what = if choice.class == FaultClass::F36 { "room" } else { "device memory" };
            let context = format!("no {what} for a region of {len} bytes: allocate less");
            return Err(Error::new(ErrorKind::Exhausted, context));
        }
        let region = self.media.backend.allocate(medium, len)?;
        self.media.enter(region, kind, len);
        self.tell_fallbacks();
        for choice in choices {
            match self.strike_region(choice, region, len) {
                Ok(()) => self.choices.fire(on, choice),
                Err(error) => self.choices.cannot(choice, error.to_string()),
            }
        }
        Ok(region)
    }

    /// Takes over what the backend says that works otherwise.
    pub(super) fn tell_fallbacks(&mut self) {
        let known = &self.media.backend.capability().fallbacks;
        for fallback in &known[self.fallbacks_below.min(known.len())..] {
            fallback.clone().note(&mut self.capability.fallbacks);
        }
        self.fallbacks_below = known.len();
    }

    fn fits_region(&mut self, choice: Choice, medium: &Medium, len: Bytes) -> bool {
        let file = medium.kind() == MediumKind::File;
        let lasts = matches!(medium, Medium::File(file) if file.role.lasts());
        let (fits, why) = match choice.class {
            FaultClass::F32 | FaultClass::G01 => (file, "the region is no file"),
            FaultClass::G02 | FaultClass::G09 => (!file, "the region is a file"),
            FaultClass::G12 if lasts => (false, "the region is a file whose content lasts"),
            FaultClass::G12 => (len <= LEFTOVERS_MAX, "the region is too large to fill"),
            _ => (true, ""),
        };
        if !fits {
            self.choices.cannot(choice, why);
        }
        fits
    }

    fn strike_region(&mut self, choice: Choice, region: RegionId, len: Bytes) -> Result<()> {
        let fallbacks = &mut self.capability.fallbacks;
        match choice.class {
            FaultClass::G01 => {
                let (wanted, instead) = ("files by direct memory access", "cuFile's compat mode");
                Fallback::new(wanted, instead, "the driver fell back").note(fallbacks);
                Ok(())
            }
            FaultClass::G02 => {
                let (wanted, instead) = ("registered memory", "a bounce buffer");
                Fallback::new(wanted, instead, "registration failed").note(fallbacks);
                Ok(())
            }
            FaultClass::F32 => {
                let at = Descriptor { region, offset: 0, len: len.min(HEADER) };
                let mut bytes = self.media.image(at)?;
                damage_header(&mut bytes, choice.detail);
                self.media.damage(choice.class, at, &bytes)
            }
            _ => {
                let mut bytes = vec![0; len as usize];
                let owner = Leftover { region: u16::MAX, offset: 0, epoch: 0 };
                Poison::new(choice.detail).fill(&mut bytes, owner);
                self.media.write(Descriptor { region, offset: 0, len }, &bytes)
            }
        }
    }
}

/// One flipped bit, garbage, zeros, or a first word of another version.
fn damage_header(bytes: &mut [u8], detail: u64) {
    let kind = detail % 4;
    let amount = detail >> 2;
    match kind {
        0 if !bytes.is_empty() => {
            let bit = amount % (bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        1 => fill(bytes, Draw::new(detail).at(Domain::Garbage, &[])),
        2 => bytes.fill(0),
        _ => bytes.iter_mut().take(8).for_each(|byte| *byte = byte.wrapping_add(1)),
    }
}
