//! Host memory for every medium.

use crate::clock::Clock;
use crate::copy::copy_part;
use crate::memory::Mapping;
use crate::request::{Judge, RegionFacts, examine_bytes, extent, refuse_lasting, unknown_region};
use std::ops::Range;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Fallback, Fault, Medium,
    MediumKind, Nanos, Part, RegionId, Result, Route, TransferId, TransferRequest, buggify,
    sometimes,
};

/// All media in host memory: "device" and "files" too.
///
/// Every copy is done when [`Backend::submit`] returns, so nothing is ever in flight and no
/// deadline passes; the completion waits for the next poll. A region on a file is kept in memory
/// and said so in [`Capability::fallbacks`].
///
/// ```
/// use tierproof_backends::Dram;
/// use tierproof_core::{Backend, Descriptor, Medium};
///
/// let mut dram = Dram::new();
/// let region = dram.allocate(&Medium::Host, 4096)?;
/// let greeting = Descriptor { region, offset: 16, len: 5 };
/// dram.fill(greeting, b"hello")?;
/// let mut back = [0; 5];
/// dram.peek(greeting, &mut back)?;
/// assert_eq!(&back, b"hello");
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Dram {
    capability: Capability,
    regions: Vec<Option<Region>>,
    submitted: u64,
    done: Vec<Completion>,
    judge: Judge,
    clock: Clock,
}

#[derive(Debug)]
struct Region {
    kind: MediumKind,
    mapping: Mapping,
}

impl Dram {
    /// What offsets in "files" and trailers are a multiple of: a cache line.
    pub const ALIGNMENT: Bytes = 64;

    /// A backend without regions; its time starts now.
    #[must_use]
    pub fn new() -> Self {
        let capability = Capability {
            routes: [[Route::Direct; 3]; 3],
            alignment: Self::ALIGNMENT,
            request_parts_max: 4096,
            request_bytes_max: 1 << 40,
            in_flight_parts_max: 4096,
            fallbacks: Vec::new(),
        };
        Self {
            capability,
            regions: Vec::new(),
            submitted: 0,
            done: Vec::new(),
            judge: Judge::default(),
            clock: Clock::start(),
        }
    }

    fn region(&mut self, id: RegionId) -> Result<&mut Region> {
        let region = self.regions.get_mut(id.0 as usize).and_then(Option::as_mut);
        region.ok_or_else(|| unknown_region(id))
    }

    fn copy(&mut self, part: &Part) -> Result<(), Fault> {
        let range = |at: Descriptor, sealed| -> Option<Range<usize>> {
            let range = extent(at, sealed, Self::ALIGNMENT, false)?;
            Some(range.start as usize..range.end as usize)
        };
        let source = range(part.source, part.check.is_some()).expect("the part was judged");
        let target = range(part.target, part.seal.is_some()).expect("the part was judged");
        let (from, to) = (part.source.region.0 as usize, part.target.region.0 as usize);
        sometimes!(part.rows.is_some(), "dram: rows are copied");
        if from == to {
            sometimes!("dram: a part is copied within a region");
            let (source, target) = split(self.mapping(from), source, target);
            return copy_part(part, Self::ALIGNMENT, source, target);
        }
        let regions = self.regions.get_disjoint_mut([from, to]).expect("the part was judged");
        let [Some(from), Some(to)] = regions else { unreachable!("the part was judged") };
        copy_part(part, Self::ALIGNMENT, &from.mapping[source], &mut to.mapping[target])
    }

    fn mapping(&mut self, index: usize) -> &mut Mapping {
        &mut self.regions[index].as_mut().expect("the part was judged").mapping
    }
}

/// Two disjoint ranges of one slice, the first to read and the second to write.
fn split(bytes: &mut [u8], source: Range<usize>, target: Range<usize>) -> (&[u8], &mut [u8]) {
    if target.is_empty() {
        (&bytes[source], &mut [])
    } else if source.is_empty() {
        (&[], &mut bytes[target])
    } else if source.start < target.start {
        let (low, high) = bytes.split_at_mut(target.start);
        (&low[source], &mut high[..target.len()])
    } else {
        let (low, high) = bytes.split_at_mut(source.start);
        (&high[..source.len()], &mut low[target])
    }
}

impl Default for Dram {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Dram {
    fn name(&self) -> &'static str {
        "dram"
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let id = u32::try_from(self.regions.len()).map(RegionId).map_err(|_| {
            Error::new(ErrorKind::Exhausted, "all region ids are used: open a new backend")
        })?;
        refuse_lasting(medium, "dram")?;
        let mapping = Mapping::new(len)?;
        self.regions.push(Some(Region { kind: medium.kind(), mapping }));
        if medium.kind() == MediumKind::File {
            let (wanted, instead) = ("disk tier in files", "held in memory");
            let fallback = Fallback::new(wanted, instead, "the dram backend has no files");
            fallback.note(&mut self.capability.fallbacks);
        }
        Ok(id)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.region(region)?;
        self.regions[region.0 as usize] = None;
        Ok(())
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        let mapping = &mut self.region(target.region)?.mapping;
        examine_bytes(target, bytes.len(), mapping.len() as Bytes)?;
        mapping[target.offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        let mapping = &self.region(source.region)?.mapping;
        examine_bytes(source, bytes.len(), mapping.len() as Bytes)?;
        bytes.copy_from_slice(&mapping[source.offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let regions = &self.regions;
        self.judge.judge(&self.capability, request, |id| {
            let region = regions.get(id.0 as usize)?.as_ref()?;
            let len = region.mapping.len() as Bytes;
            Some(RegionFacts { kind: region.kind, len, paged: false })
        })?;
        let mut faults = Vec::new();
        for (index, part) in (0..).zip(&request.parts) {
            if let Err(fault) = self.copy(part) {
                faults.push((index, fault));
            }
        }
        let id = TransferId(self.submitted);
        self.submitted += 1;
        self.done.push(Completion { id, at: self.clock.now(), faults });
        Ok(id)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        if buggify!("dram: a poll reports nothing yet") {
            return Ok(());
        }
        sometimes!(self.done.len() > 1, "dram: several requests end in one poll");
        if buggify!("dram: completions are reported in reverse") {
            self.done.reverse();
        }
        done.append(&mut self.done);
        Ok(())
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        if self.done.is_empty() {
            self.clock.sleep(until);
        }
        self.clock.now()
    }
}
