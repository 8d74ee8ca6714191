//! Power cuts, sector by sector.

use crate::draw::{Domain, Draw};
use crate::flight::Flights;
use crate::schedule::Schedule;
use crate::sim::Sim;
use tierproof_core::{MediumKind, Part, RegionId};

/// What a power cut leaves of writes that no flush covers. A sector of 512 bytes is always old or
/// new as a whole. What a flush covered is never lost.
///
/// ```
/// use tierproof_core::{Backend, Descriptor, FileMedium, FileRole, Medium};
/// use tierproof_sim::{Cut, Sim, SimConfig};
/// let mut sim = Sim::new(SimConfig::default())?;
/// let (directory, role) = (String::new(), FileRole::Scratch);
/// let medium = FileMedium { directory, rank: 0, window: 0, pool: 0, role, stride: 4096 };
/// let region = sim.allocate(&Medium::File(medium), 4096)?;
/// let at = Descriptor { region, offset: 0, len: 4096 };
/// sim.fill(at, &[1; 4096])?;
/// sim.flush(region)?;
/// sim.fill(at, &[7; 4096])?;
/// sim.cut(Cut { reordered: Some(1), ..Cut::default() });
/// let mut found = [0; 4096];
/// sim.peek(at, &mut found)?;
/// let (sectors, _) = found.as_chunks::<512>();
/// assert!(sectors.iter().all(|sector| *sector == [7; 512] || *sector == [1; 512]));
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Of writes in flight, each sector is old or new, drawn from this seed (F07); without one,
    /// all are old.
    pub torn: Option<u64>,
    /// Of writes that ended since the last flush, each sector is old or new, drawn from this seed
    /// (F08); without one, all are old.
    pub reordered: Option<u64>,
}

impl Sim {
    /// Loses all that is not durable: requests and kernels in flight and completions not yet polled vanish,
    /// memory holds other undefined bytes, files hold what was last flushed. Regions stay.
    pub fn power_cut(&mut self) {
        self.cut(Cut::default());
    }

    /// The same, but of what is not durable some sectors are.
    pub fn cut(&mut self, cut: Cut) {
        let in_flight = self.parts_to_files();
        let new = |seed: Option<u64>, region: RegionId, sector: usize| {
            let subject = [region.0.into(), sector as u64];
            seed.is_some_and(|seed| Draw::new(seed).at(Domain::Cut, &subject) & 1 == 1)
        };
        self.memory.revert_files(|region, sector| new(cut.reordered, region, sector));
        for part in in_flight.iter().filter(|_| cut.torn.is_some()) {
            self.memory.execute_torn(part, |sector| new(cut.torn, part.target.region, sector));
        }
        self.memory.end_cut();
        self.schedule = Schedule::new(&self.profile);
        self.flights = Flights::default();
        self.streams.cut();
        self.done.clear();
    }

    /// Takes over a copy of the files of `other` that last and that no region of its is of, as after a power
    /// cut: what is done to them here is not done there.
    pub fn copy_files(&mut self, other: &Self) {
        self.memory.copy_files(&other.memory);
    }

    /// Parts in flight that are on their way to a file and would arrive.
    fn parts_to_files(&self) -> Vec<Part> {
        let ended: Vec<_> = self.done.iter().map(|ended| ended.flight).collect();
        let of_flights = self.flights.under_way(&ended);
        let to_file = |part: &Part| {
            self.memory.get(part.target.region).is_some_and(|to| to.kind == MediumKind::File)
        };
        of_flights.filter(to_file).collect()
    }
}
