//! Slots: where the bytes of every block are, and what the trailers behind them must say.

mod lasting;

use crate::backend::{Backend, Capability, Route};
use crate::block::{Place, Tier};
use crate::descriptor::{Descriptor, FileMedium, FileRole, Medium, MediumKind, RegionId};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Contents, Index, IndexSite};
use crate::key::KeySpace;
use crate::order::Move;
use crate::pool::Pool;
use crate::tiers::Tiers;
use crate::trailer::Stamp;
use crate::transfer::Part;
use crate::units::{Bytes, round_up};

/// Which stored blocks carry trailers that every load verifies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// None: bytes are trusted everywhere.
    Off,
    /// Those in files.
    Disk,
    /// Those in host memory too.
    #[default]
    All,
}

impl Verify {
    fn seals(self, tier: Tier) -> bool {
        match tier {
            Tier::Device => false,
            Tier::Host => self == Self::All,
            Tier::Disk => self != Self::Off,
        }
    }
}

impl Tier {
    /// The medium that the tier lives on.
    #[must_use]
    pub fn medium(self) -> MediumKind {
        MediumKind::ALL[self as usize]
    }
}

/// What a sealed slot was last written with.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    key: [u8; 32],
    tenant: u64,
    generation: u64,
}

/// One tier of one window.
#[derive(Debug, Default)]
struct Shelf {
    /// By directory (only the disk has several), then pool.
    regions: Vec<Vec<RegionId>>,
    /// Bytes from slot to slot, by pool.
    strides: Vec<Bytes>,
    /// By slot; empty where the tier is not sealed.
    written: Vec<Written>,
}

/// All slots of one window.
#[derive(Debug)]
pub(crate) struct Slots {
    pools: Vec<Pool>,
    shelves: [Shelf; 3],
    layout: [u8; 16],
    /// Where the disk is durable.
    index: Option<Index>,
}

/// What the slots of a window are made for.
pub(crate) struct Site<'a> {
    pub(crate) rank: u32,
    pub(crate) window_size: u32,
    pub(crate) directories: &'a [String],
    pub(crate) verify: Verify,
    pub(crate) ordinal: u32,
    pub(crate) durable: bool,
}

impl Slots {
    /// Allocates the regions of a window; answers also what an earlier process published there.
    pub(crate) fn allocate<B: Backend>(
        backend: &mut B,
        tiers: &Tiers,
        pools: Vec<Pool>,
        keys: &KeySpace,
        site: &Site<'_>,
    ) -> Result<(Self, Contents)> {
        check_routes(backend.name(), backend.capability(), tiers, &pools)?;
        let layout = keys.layout(site.window_size);
        let mut slots = Self { pools, shelves: Default::default(), layout, index: None };
        let mut contents = Contents::default();
        if site.durable && tiers.blocks(Tier::Disk) > 0 {
            // Before the slots, which are not touched where the index is somebody else's.
            let opened = slots.open_index(backend, tiers, keys, site)?;
            (slots.index, contents) = (Some(opened.0), opened.1);
        }
        for tier in Tier::ALL.into_iter().filter(|&tier| tiers.blocks(tier) > 0) {
            slots.shelves[tier as usize] = slots.shelf(backend, tier, tiers.slots(tier), site)?;
        }
        slots.recover(backend, &contents)?;
        Ok((slots, contents))
    }

    fn open_index<B: Backend>(
        &self,
        backend: &mut B,
        tiers: &Tiers,
        keys: &KeySpace,
        site: &Site<'_>,
    ) -> Result<(Index, Contents)> {
        let strides = self.strides(backend.capability().alignment, true);
        let place = (site.rank, site.window_size, strides, site.directories);
        let site = IndexSite {
            directory: &site.directories[0],
            rank: site.rank,
            window_size: site.window_size,
            fingerprint: keys.site(&format!("{place:?}")),
            slots: tiers.slots(Tier::Disk),
            directories: site.directories.len(),
        };
        site.open(backend)
    }

    /// Bytes from slot to slot, by pool; `None` beyond 64 bits.
    fn strides(&self, alignment: Bytes, sealed: bool) -> Option<Vec<Bytes>> {
        let stride = |pool: &Pool| match sealed {
            true => Stamp::sealed_len(pool.bytes, alignment),
            false => round_up(pool.bytes, alignment),
        };
        self.pools.iter().map(stride).collect()
    }

    fn shelf<B: Backend>(
        &self,
        backend: &mut B,
        tier: Tier,
        count: u32,
        site: &Site<'_>,
    ) -> Result<Shelf> {
        let alignment = backend.capability().alignment;
        let sealed = site.verify.seals(tier);
        let role = if site.durable { FileRole::Lasting } else { FileRole::Scratch };
        let too_large = || {
            let what = format!(
                "window {}: {count} slots on {tier:?} exceed 63 bits of bytes",
                site.window_size
            );
            Error::new(ErrorKind::OutOfRange, what)
        };
        let strides = self.strides(alignment, sealed).ok_or_else(too_large)?;
        let mut shelf = Shelf { strides, ..Shelf::default() };
        let directories: Vec<&str> = match tier {
            Tier::Disk => site.directories.iter().map(String::as_str).collect(),
            _ => vec![""],
        };
        for directory in directories {
            let mut regions = Vec::new();
            for (pool, &stride) in shelf.strides.iter().enumerate() {
                let len =
                    stride.checked_mul(Bytes::from(count)).filter(|&len| len <= i64::MAX as u64);
                let medium = match tier {
                    Tier::Device => Medium::Device { ordinal: site.ordinal },
                    Tier::Host => Medium::Host,
                    Tier::Disk => Medium::File(FileMedium {
                        directory: directory.to_owned(),
                        rank: site.rank,
                        window: site.window_size,
                        pool: pool as u32,
                        role,
                        stride,
                    }),
                };
                regions.push(backend.allocate(&medium, len.ok_or_else(too_large)?)?);
            }
            shelf.regions.push(regions);
        }
        if sealed {
            shelf.written = vec![Written::default(); count as usize];
        }
        Ok(shelf)
    }

    pub(crate) fn pools(&self) -> &[Pool] {
        &self.pools
    }

    pub(crate) fn regions(&self) -> impl Iterator<Item = RegionId> {
        let shelves = self.shelves.iter().flat_map(|shelf| shelf.regions.iter().flatten().copied());
        shelves.chain(self.index.as_ref().map(Index::region))
    }

    /// The bytes of one pool of a slot.
    pub(crate) fn descriptor(&self, place: Place, pool: usize) -> Descriptor {
        let shelf = &self.shelves[place.tier as usize];
        let directory = if place.tier == Tier::Disk { usize::from(place.directory) } else { 0 };
        Descriptor {
            region: shelf.regions[directory][pool],
            offset: shelf.strides[pool] * Bytes::from(place.slot),
            len: self.pools[pool].bytes,
        }
    }

    /// Remembers what a move is about to write, so that a load can ask for it.
    pub(crate) fn note(&mut self, moved: &Move, keys: &KeySpace, number: u64) {
        if let (Some(index), Tier::Disk) = (&mut self.index, moved.target.tier) {
            index.forget(moved.target.slot, number);
        }
        let shelf = &mut self.shelves[moved.target.tier as usize];
        if let Some(written) = shelf.written.get_mut(moved.target.slot as usize) {
            let generation = self.index.as_ref().map_or(number, |index| index.generation(number));
            let key = moved.key.as_ref();
            *written = Written {
                key: key.map_or([0; 32], |key| keys.identity(key)),
                tenant: key.map_or(0, |key| u64::from(key.tenant())),
                generation,
            };
        }
    }

    fn stamp(&self, place: Place, pool: usize) -> Option<Stamp> {
        let written = self.shelves[place.tier as usize].written.get(place.slot as usize)?;
        Some(Stamp {
            key: written.key,
            tenant: written.tenant,
            layout: self.layout,
            generation: written.generation,
            slot: place.slot,
            pool: pool as u32,
            len: self.pools[pool].bytes,
        })
    }

    /// The copy of one pool that a move asks for.
    pub(crate) fn part(&self, moved: &Move, pool: usize) -> Part {
        let memory = moved.source.tier != Tier::Disk && moved.target.tier != Tier::Disk;
        let rows = moved.tokens.filter(|_| memory);
        Part {
            source: self.descriptor(moved.source, pool),
            target: self.descriptor(moved.target, pool),
            rows: rows.and_then(|tokens| self.pools[pool].first_tokens(tokens)),
            check: self.stamp(moved.source, pool),
            seal: self.stamp(moved.target, pool),
        }
    }
}

/// The ways that content takes between the tiers that exist.
fn check_routes(name: &str, capability: &Capability, tiers: &Tiers, pools: &[Pool]) -> Result<()> {
    let exists = |tier: Tier| tiers.blocks(tier) > 0;
    let mut ways = Vec::new();
    for tier in [Tier::Host, Tier::Disk].into_iter().filter(|&tier| exists(tier)) {
        let above = Tier::ALL.into_iter().rev().find(|&upper| upper < tier && exists(upper));
        ways.extend([(above.unwrap_or(Tier::Device), tier), (tier, Tier::Device)]);
    }
    let absent =
        |&(from, to): &(Tier, Tier)| capability.route(from.medium(), to.medium()) == Route::Absent;
    if let Some((from, to)) = ways.into_iter().find(absent) {
        let what = format!(
            "backend {name} has no route from {from:?} to {to:?}: leave that tier out or choose another backend"
        );
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    if capability.alignment == 0
        || capability.request_parts_max == 0
        || capability.in_flight_parts_max == 0
    {
        let what = format!("backend {name} reports an alignment, parts or flight limit of 0");
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    match pools.iter().find(|pool| pool.bytes > capability.request_bytes_max) {
        Some(pool) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "a block has {} bytes in one pool; backend {name} takes {} a request: use smaller blocks",
                pool.bytes, capability.request_bytes_max
            ),
        )),
        None => Ok(()),
    }
}
