//! Which faults may cost what is owed. Of all others the ledger holds.

use tierproof_core::{MediumKind, RegionId};
use tierproof_sim::faults::{FaultClass, FaultEntry, Spot, Subject};

use super::ledger::{Ledger, Slot};

/// Slots that a change of a file by others reaches at most.
const MEDDLED: u64 = 16;
/// Bytes of a header page.
const HEADER: u64 = 4096;

impl Ledger {
    /// A fault struck a part.
    pub(super) fn struck_by(&mut self, entry: &FaultEntry) {
        use FaultClass::{F02, F05, F09, F10, F12, F22, F23, F26, F28, F31, G10, G14, G16};
        let Subject::Part { source, target, .. } = entry.on else { return };
        let [source, target] = [source, target].map(|spot| self.disk_slot(spot));
        match entry.class {
            F05 | F09 | F12 | F22 | F23 | G14 => target.into_iter().for_each(|at| self.doubt(at)),
            F02 | G16 => source.into_iter().chain(target).for_each(|at| self.doubt(at)),
            F10 => {
                if let Some(Slot { window, .. }) = target {
                    self.doubt_all(|other| other.window == window);
                }
            }
            F28 => {
                for Slot { window, slot } in source.into_iter().chain(target) {
                    let reached = slot..slot + MEDDLED;
                    self.doubt_all(|at| at.window == window && reached.contains(&at.slot));
                }
            }
            F26 | G10 => {
                if let Some(at) = target {
                    self.haunted.insert(at);
                    self.doubt(at);
                }
            }
            F31 => {
                self.confused = true;
                self.struck.extend(self.files.iter().map(|file| file.window));
                self.doubt_all(|_| true);
            }
            _ => {}
        }
    }

    /// The first page of a file was damaged.
    pub(super) fn header_struck(&mut self, region: RegionId) {
        let Some(file) = self.file(region) else { return };
        let (window, stride) = (file.window, file.stride);
        if file.role == tierproof_core::FileRole::Index {
            self.struck.insert(window);
        } else {
            self.doubt_all(|at| at.window == window && at.slot * stride < HEADER);
        }
    }

    fn disk_slot(&self, spot: Spot) -> Option<Slot> {
        let file = self.files.get(spot.region as usize).filter(|_| spot.medium == MediumKind::File);
        file.map(|file| Slot { window: file.window, slot: spot.slot })
    }
}
