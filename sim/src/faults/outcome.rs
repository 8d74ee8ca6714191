//! What a fault makes of a part when its end is told.
//!
//! At that moment the part's ranges are nobody's, and the backend has done what was asked. So its
//! target can be spoiled, its bytes put elsewhere, or what it read be read again, otherwise.

use std::collections::BTreeMap;

use tierproof_core::{Backend, Descriptor, ErrorKind, Fault, MediumKind, TransferId};

use super::choices::Choice;
use super::fit::Target;
use super::flight::{Flight, Ghost, Hit};
use super::overlay::Damage;
use super::tamper::Extents;
use super::{FaultClass, Faulty};

/// What a fault made of a part: `None` is a success, so it is told. An error is why the fault
/// could not be had.
pub(super) type Struck = Result<Option<Fault>, String>;

const SECTOR: u64 = 512;
const PAGE: u64 = 4096;

impl<B: Backend> Faulty<B> {
    /// Ends one part, and notes what is told of it.
    pub(super) fn end_part(
        &mut self,
        flight: &mut Flight,
        index: u32,
        told: &mut BTreeMap<u32, Fault>,
    ) {
        let part = flight.request.parts[index as usize];
        let (Some(extents), Some(between)) = (self.extents(&part), self.media.between(&part))
        else {
            return;
        };
        if told.contains_key(&index) {
            return;
        }
        let parts = flight.request.parts.len();
        let target = Target { part: &part, between, parts, unsealed: self.unsealed };
        let before = flight.before.remove(&index);
        let turned_away = flight.turned_away.contains(&index);
        let of_both = [extents.source, extents.target];
        if let Some(kind) = self.conditions.strike(&target, of_both) {
            match before.filter(|_| kind == ErrorKind::Exhausted && turned_away) {
                // Without space nothing is written at all.
                Some(before) => self.put_back(extents.target, &before),
                None => self.spoil(extents.target, u64::from(index)),
            }
            told.insert(index, Fault::new(kind));
            return;
        }
        self.conditions.rewritten(extents.target);
        if let Some(replaced) = flight.replaced.remove(&index) {
            self.history.insert(extents.target, replaced);
        }
        if let Some(hit) = flight.take_outcome(index) {
            match self.strike(flight, hit, &target, &extents, before.clone(), told) {
                Ok(fault) => {
                    told.extend(fault.map(|fault| (index, fault)));
                    return self.choices.fire(hit.on, hit.choice);
                }
                Err(why) => self.choices.cannot(hit.choice, why),
            }
        }
        if turned_away && self.conditions.confuses(&part) {
            // What can't be confused is done as it was asked.
            let fault = self.confuse(&target, &extents, before).unwrap_or(None);
            told.extend(fault.map(|fault| (index, fault)));
        }
    }

    fn strike(
        &mut self,
        flight: &Flight,
        hit: Hit,
        target: &Target<'_>,
        extents: &Extents,
        before: Option<Vec<u8>>,
        told: &mut BTreeMap<u32, Fault>,
    ) -> Struck {
        use FaultClass::{
            F01, F02, F03, F04, F05, F06, F09, F10, F11, F12, F13, F14, F22, F23, F24, F27, F28,
            F29, F31, G08, G10, G14, G16,
        };
        let Choice { class, detail, .. } = hit.choice;
        let part = target.part;
        match class {
            F01 | F03 => self.fail(extents.target, ErrorKind::Device, detail),
            F29 => {
                let kinds = [ErrorKind::Unavailable, ErrorKind::Exhausted, ErrorKind::Busy];
                self.fail(extents.target, kinds[(detail % 3) as usize], detail)
            }
            F02 => {
                let at = within(extents.source, SECTOR, detail);
                self.conditions.bad.push(Damage { class, at });
                self.fail(extents.target, ErrorKind::Device, detail)
            }
            G16 => {
                let at = self.page_of(extents, detail);
                self.conditions.bad.push(Damage { class, at });
                self.fail(extents.target, ErrorKind::Device, detail)
            }
            F04 => {
                let before = before.ok_or("what the target held is not known")?;
                self.conditions.full_for = (detail % 4) as u32;
                self.put_back(extents.target, &before);
                Ok(Some(Fault::new(ErrorKind::Exhausted)))
            }
            F27 => {
                self.conditions.files_gone = true;
                self.fail(extents.target, ErrorKind::Unavailable, detail)
            }
            G08 => {
                self.conditions.context_lost = true;
                self.conditions.polls_fail = detail & 1 == 1;
                self.fail(extents.target, ErrorKind::Device, detail)
            }
            F24 => {
                self.fail_some(flight, hit, told);
                Ok(None)
            }
            F05 => self.write_short(extents, before, detail),
            F09 => self.lose(extents, before),
            F10 => self.misdirect_write(target, extents, before, detail),
            F12 => self.rot(part, extents, detail),
            G14 => self.relayout(part, extents),
            F06 => self.read_short(part, extents, detail),
            F11 => self.misdirect_read(target, extents, detail),
            F13 => self.flip_on_the_way(part, extents, detail),
            F14 => self.read_stale(part, extents),
            F22 => {
                let other = self.scapegoat(flight)?;
                let fault = self.fail_silently(class, target, extents, detail)?;
                self.blame(flight, hit, other, told);
                Ok(fault)
            }
            F23 => self.fail_silently(class, target, extents, detail),
            F28 => self.meddle(target, extents, detail),
            F31 => {
                let region = self.reuse_number(target, detail)?;
                let struck = self.confuse(target, extents, before);
                if struck.is_err() {
                    self.conditions.reused.remove(&region);
                }
                struck
            }
            G10 => {
                let bytes = self.image(extents.target)?;
                let due = self.due(hit.choice);
                self.ghosts.push(Ghost { class, at: extents.target, bytes, due });
                self.fail(extents.target, ErrorKind::Device, detail)
            }
            other => Err(format!("{other} does not strike the end of a part")),
        }
    }

    /// Ends a part with an error and garbage.
    pub(super) fn fail(&mut self, at: Descriptor, kind: ErrorKind, detail: u64) -> Struck {
        self.spoil(at, detail);
        Ok(Some(Fault::new(kind)))
    }

    /// Of the parts of a request, the struck one fails, the next does not, and each other may.
    fn fail_some(&mut self, flight: &Flight, hit: Hit, told: &mut BTreeMap<u32, Fault>) {
        let parts = flight.request.parts.len() as u32;
        for (index, part) in (0..).zip(&flight.request.parts) {
            let drawn = hit.choice.detail >> (index % 64) & 1 == 1;
            let fails = index == hit.part || (drawn && index != (hit.part + 1) % parts);
            let Some(extents) = self.extents(part).filter(|_| fails) else { continue };
            self.spoil(extents.target, u64::from(index));
            told.entry(index).or_insert(Fault::new(ErrorKind::Device));
        }
    }

    /// The transfer that is told the error of one of `flight`: itself if it has another part, else
    /// the oldest in flight.
    fn scapegoat(&self, flight: &Flight) -> Result<TransferId, String> {
        if flight.request.parts.len() > 1 {
            return Ok(flight.id);
        }
        let below = self.below.values();
        let others = below.chain(self.landed.iter().map(|landed| &landed.flight));
        let oldest = others.map(|other| other.id).min();
        oldest.ok_or_else(|| "nothing else is in flight".to_owned())
    }

    /// Tells the error of a part of another: the next one, or the first of another transfer.
    fn blame(
        &mut self,
        flight: &Flight,
        hit: Hit,
        id: TransferId,
        told: &mut BTreeMap<u32, Fault>,
    ) {
        if id == flight.id {
            let parts = flight.request.parts.len() as u32;
            told.entry((hit.part + 1) % parts).or_insert(Fault::new(ErrorKind::Device));
            return;
        }
        let below = self.below.values_mut();
        let mut others = below.chain(self.landed.iter_mut().map(|landed| &mut landed.flight));
        if let Some(other) = others.find(|other| other.id == id) {
            other.blamed = true;
        }
    }

    /// The page that is retired: of the device's side where there is one, else of the source.
    fn page_of(&self, extents: &Extents, detail: u64) -> Descriptor {
        let device = |at: &&Descriptor| self.media.kind(at.region) == Some(MediumKind::Device);
        let sides = [extents.target, extents.source];
        let at = sides.iter().find(device).copied().unwrap_or(extents.source);
        within(at, PAGE, detail)
    }
}

/// The part of `at` in one of the aligned pieces of `unit` bytes that it touches.
fn within(at: Descriptor, unit: u64, detail: u64) -> Descriptor {
    let first = at.offset / unit;
    let pieces = (at.offset + at.len).div_ceil(unit).saturating_sub(first).max(1);
    let piece = first + detail % pieces;
    let start = (piece * unit).max(at.offset);
    let end = ((piece + 1) * unit).min(at.offset + at.len);
    Descriptor { offset: start, len: end - start, ..at }
}
