//! What damaged ranges should hold.
//!
//! Damage is done to the device's own bytes, so that whoever reads them, reads them damaged. What
//! they were before is kept here until they are written again: the truth that an audit compares
//! with, and that healing puts back.

use std::collections::BTreeMap;
use std::ops::Range;

use tierproof_core::{Bytes, Descriptor, RegionId};

use super::FaultClass;

/// A range that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// By what.
    pub class: FaultClass,
    /// Where.
    pub at: Descriptor,
}

#[derive(Debug)]
struct Overlay {
    class: FaultClass,
    truth: Vec<u8>,
}

/// All overlays, by where they begin. None overlaps another.
#[derive(Debug, Default)]
pub(super) struct Overlays(BTreeMap<(RegionId, Bytes), Overlay>);

impl Overlays {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Turns what the device holds at `at` into what it should hold.
    pub(super) fn correct(&self, at: Descriptor, bytes: &mut [u8]) {
        for (start, overlay) in self.near(at) {
            let shared = start.max(at.offset)..(start + overlay.len()).min(at.offset + at.len);
            let from = (shared.start - start) as usize..(shared.end - start) as usize;
            let to = (shared.start - at.offset) as usize..(shared.end - at.offset) as usize;
            bytes[to].copy_from_slice(&overlay.truth[from]);
        }
    }

    /// Keeps `truth` for a range that is about to be damaged.
    pub(super) fn lay(&mut self, class: FaultClass, at: Descriptor, truth: Vec<u8>) {
        self.cut(at);
        if !truth.is_empty() {
            self.0.insert((at.region, at.offset), Overlay { class, truth });
        }
    }

    /// Forgets what a range should hold, because it is written anew.
    pub(super) fn cut(&mut self, at: Descriptor) {
        if self.0.is_empty() {
            return;
        }
        let end = at.offset + at.len;
        let starts: Vec<_> = self.near(at).map(|(start, _)| start).collect();
        for start in starts {
            let Some(mut overlay) = self.0.remove(&(at.region, start)) else { continue };
            if start + overlay.len() > end {
                let truth = overlay.truth.split_off((end - start) as usize);
                self.0.insert((at.region, end), Overlay { class: overlay.class, truth });
            }
            if start < at.offset {
                overlay.truth.truncate((at.offset - start) as usize);
                self.0.insert((at.region, start), overlay);
            }
        }
    }

    /// Forgets all of a region.
    pub(super) fn forget(&mut self, region: RegionId) {
        self.0.retain(|(of, _), _| *of != region);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn damage(&self) -> impl Iterator<Item = Damage> {
        self.0.iter().map(|(&(region, offset), overlay)| Damage {
            class: overlay.class,
            at: Descriptor { region, offset, len: overlay.len() },
        })
    }

    /// What the range of a damage should hold.
    pub(super) fn truth(&self, at: Descriptor) -> Option<&[u8]> {
        self.0.get(&(at.region, at.offset)).map(|overlay| overlay.truth.as_slice())
    }

    /// Overlays that share a byte with `at`, and where they begin.
    fn near(&self, at: Descriptor) -> impl Iterator<Item = (Bytes, &Overlay)> {
        let range: Range<Bytes> = at.offset..at.offset + at.len;
        let before = self.0.range(..(at.region, range.start)).next_back();
        let within = self.0.range((at.region, range.start)..(at.region, range.end));
        let of_region = before.into_iter().filter(move |((region, _), _)| *region == at.region);
        let reaches =
            move |(start, overlay): &(Bytes, &Overlay)| start + overlay.len() > range.start;
        let all = of_region.chain(within).map(|(&(_, start), overlay)| (start, overlay));
        all.filter(reaches).filter(move |_| at.len > 0)
    }
}

impl Overlay {
    fn len(&self) -> Bytes {
        self.truth.len() as Bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: RegionId = RegionId(1);

    fn at(offset: Bytes, len: Bytes) -> Descriptor {
        Descriptor { region: REGION, offset, len }
    }

    fn corrected(overlays: &Overlays) -> Vec<u8> {
        let mut bytes = vec![0; 10];
        overlays.correct(at(0, 10), &mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_over_is_forgotten_and_the_rest_kept() {
        let mut overlays = Overlays::default();
        overlays.lay(FaultClass::F12, at(2, 6), vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(corrected(&overlays), [0, 0, 1, 2, 3, 4, 5, 6, 0, 0]);
        overlays.cut(at(4, 2));
        assert_eq!(corrected(&overlays), [0, 0, 1, 2, 0, 0, 5, 6, 0, 0]);
        overlays.lay(FaultClass::F09, at(3, 4), vec![7; 4]);
        assert_eq!(corrected(&overlays), [0, 0, 1, 7, 7, 7, 7, 6, 0, 0]);
        let mut middle = [9; 3];
        overlays.correct(at(2, 3), &mut middle);
        assert_eq!(middle, [1, 7, 7]);
        overlays.cut(at(5, 0));
        assert_eq!(overlays.damage().count(), 3);
        overlays.cut(at(0, 10));
        assert!(overlays.is_empty());
    }

    #[test]
    fn regions_do_not_meet() {
        let mut overlays = Overlays::default();
        overlays.lay(FaultClass::F12, Descriptor { region: RegionId(0), ..at(0, 10) }, vec![1; 10]);
        overlays.lay(FaultClass::F12, Descriptor { region: RegionId(2), ..at(0, 10) }, vec![2; 10]);
        overlays.cut(at(0, 10));
        assert_eq!(corrected(&overlays), [0; 10]);
        overlays.forget(RegionId(0));
        assert_eq!(overlays.damage().count(), 1);
    }
}
