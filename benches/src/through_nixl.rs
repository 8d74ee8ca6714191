//! Backends over NIXL beside NIXL by itself: same plugin, same descriptors, same bytes.

use crate::bare::Flights;
use crate::batches::{Slots, Trailers};
use crate::draw::Draw;
use crate::flood::Flood;
use crate::gpu_memory::{Copies, Heading};
use crate::options::Options;
use crate::rounds::{Rounds, Unit};
use crate::table::{Figure, Table, Target};
use crate::watch::doing;
use std::cell::RefCell;
use std::path::Path;
use tierproof_backends::{
    Bare, BareConfig, BareWay, DirectIo, FileLayout, Nixl, NixlConfig, Plugin,
};
use tierproof_core::{Backend, Bytes, Descriptor, FileMedium, FileRole, Medium, RegionId, Stamp};

const PAGE: Bytes = 4096;
/// Slot files where a GPU's blocks go through the page cache.
const FILES: u32 = 64;
const SIZES: [Bytes; 4] = [256 << 10, 1 << 20, 4 << 20, 16 << 20];
const WAYS: [BareWay; 2] = [BareWay::Store, BareWay::Load];

/// Where a block lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Neighbours,
    Scattered,
}

/// What one table compares.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// The backend's name.
    pub name: &'static str,
    /// Through the page cache or past it.
    pub direct: DirectIo,
    /// The GPU whose memory it is.
    pub gpu: Option<u32>,
    /// What is wanted of the rate, from 4 MiB; nine tenths of it at 1 MiB. Scattered slots and one pinned
    /// copy are measured too.
    pub rate: Option<f64>,
    /// Bytes a round.
    pub bytes: Bytes,
}

/// A backend and NIXL by itself, each with memory and files of its own.
struct Pair<P: Plugin> {
    ours: RefCell<Nixl<P>>,
    bare: Bare,
    control: Option<Bare>,
    memory: RegionId,
    plain: RegionId,
    sealed: RegionId,
}

/// Measures and prints one table.
///
/// # Panics
/// If anything fails.
pub fn compare<P: Plugin>(comparison: Comparison, options: &Options) {
    let Comparison { name, direct, rate, bytes, .. } = comparison;
    let how = if direct == DirectIo::Never { "page cache" } else { "O_DIRECT" };
    doing(format!("{name}, {how}: opening"));
    let folder = tempfile::tempdir_in(&options.scratch).expect("a folder in the scratch directory");
    let mut pair = None;
    let mut copies = rate.map(|_| Copies::open(256 << 20));
    let mut table = Table::new(format!("{name} beside NIXL by itself, {how}"));
    let sizes = SIZES.into_iter().filter(|size| {
        let (large, many) = (*size > 4 << 20, bytes / size >= 8);
        let asked = options.block.is_none_or(|block| block == *size);
        asked && many && !(options.quick && large && direct != DirectIo::Never)
    });
    for block in sizes {
        if direct == DirectIo::Never || pair.is_none() {
            // Closed first: both want the room.
            drop(pair.take());
            pair = Some(Pair::<P>::open(comparison, block, folder.path(), options));
        }
        let pair = pair.as_ref().expect("opened just before");
        for order in [Order::Neighbours, Order::Scattered] {
            if order == Order::Scattered && rate.is_none() {
                continue;
            }
            for way in WAYS {
                let labels = vec![
                    ("block", size_name(block)),
                    ("slots", order_name(order).to_owned()),
                    ("way", way_name(way).to_owned()),
                ];
                let figures = pair.race(comparison, (block, order, way), copies.as_mut(), options);
                table.add(labels, figures);
            }
        }
    }
    println!("{table}");
    doing(format!("{name}, {how}: closing"));
}

impl<P: Plugin> Pair<P> {
    fn open(comparison: Comparison, block: Bytes, folder: &Path, options: &Options) -> Self {
        let Comparison { name, direct, gpu, bytes, .. } = comparison;
        let in_flight_parts_max = options.in_flight;
        // Through the page cache a file takes one writer at a time, and in one of several files a block
        // lies whole. Both contenders have as many.
        let striped = direct == DirectIo::Never && gpu.is_some();
        let files = if striped { FILES } else { 1 };
        let stride = if striped { block } else { PAGE };
        let sealed_stride = if striped { block + PAGE } else { PAGE };
        let layout = FileLayout::Striped { files };
        let config =
            NixlConfig { direct, gpu, layout, in_flight_parts_max, ..NixlConfig::new(folder) };
        let mut ours = Nixl::<P>::open(config).unwrap_or_else(|error| panic!("{name}: {error}"));
        let memory = gpu.map_or(Medium::Host, |ordinal| Medium::Device { ordinal });
        let memory = ours.allocate(&memory, bytes).expect("memory");
        let chunk = vec![0x5a; 16 << 20];
        for offset in (0..bytes).step_by(chunk.len()) {
            let len = (bytes - offset).min(chunk.len() as Bytes);
            let target = Descriptor { region: memory, offset, len };
            ours.fill(target, &chunk[..len as usize]).expect("inside the region");
        }
        let mut file = |pool, stride, len| {
            let medium = FileMedium {
                directory: String::new(),
                rank: 0,
                window: 0,
                pool,
                role: FileRole::Scratch,
                stride,
            };
            ours.allocate(&Medium::File(medium), len).expect("room for a file")
        };
        let plain = file(1, stride, bytes);
        let sealed_len = if striped {
            bytes / block * sealed_stride
        } else {
            bytes / SIZES[0] * (SIZES[0] + PAGE)
        };
        let sealed = file(2, sealed_stride, sealed_len);
        let queue = ours.attestation().queue.clone();
        for fallback in &ours.capability().fallbacks {
            println!("{name}: otherwise than asked: {fallback:?}");
        }
        let bare = |pool| {
            let queue = queue.clone();
            let root = folder.into();
            let config = BareConfig { root, direct, gpu, queue, len: bytes, files, stride, pool };
            Bare::open::<P>(&config).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let control = options.control.then(|| bare(4));
        let bare = bare(3);
        println!(
            "{name}: {queue}, {}, {} MiB a round",
            if bare.direct() { "O_DIRECT" } else { "page cache" },
            bytes >> 20
        );
        Self { ours: RefCell::new(ours), bare, control, memory, plain, sealed }
    }

    fn race(
        &self,
        comparison: Comparison,
        (block, order, way): (Bytes, Order, BareWay),
        copies: Option<&mut Copies>,
        options: &Options,
    ) -> Vec<Figure> {
        let Comparison { name, bytes, rate, .. } = comparison;
        let blocks = (bytes / block) as u32;
        let pairs = pairs(blocks, order);
        let what = format!("{name}, {} of {} KiB", way_name(way), block >> 10);
        let mut rounds = Rounds::new(what.clone(), Unit::Bytes);

        let bare = |bare| {
            let mut flights = Flights::new(bare, way, &pairs, block, options.in_flight);
            let note = format!("{what}, NIXL by itself");
            move || {
                doing(note.clone());
                flights.run(bare)
            }
        };
        rounds.add("NIXL by itself", bare(&self.bare));
        let capability = self.ours.borrow().capability().clone();
        let sealed = Stamp::sealed_len(block, PAGE).expect("a small block");
        let seals = if way == BareWay::Store { Trailers::Seal } else { Trailers::Check };
        for (file, stride, trailers, name) in [
            (self.plain, block, Trailers::Off, "backend"),
            (self.sealed, sealed, seals, "with trailers"),
        ] {
            let memory = Slots { region: self.memory, stride: block };
            let file = Slots { region: file, stride };
            let turned: Vec<_> = pairs.iter().map(|(memory, file)| (*file, *memory)).collect();
            let mut flood = match way {
                BareWay::Store => Flood::new((memory, file), &pairs, block, trailers, &capability),
                BareWay::Load => Flood::new((file, memory), &turned, block, trailers, &capability),
            };
            let note = format!("{what}, {name}");
            rounds.add(name, move || {
                doing(note.clone());
                flood.run(&mut *self.ours.borrow_mut())
            });
        }
        let copied = copies.is_some();
        if let Some(copies) = copies {
            let heading = if way == BareWay::Store { Heading::Down } else { Heading::Up };
            rounds.add("one pinned copy", move || copies.one(heading));
        }
        if let Some(control) = &self.control {
            rounds.add("NIXL, another file", bare(control));
        }
        rounds.run(options.rounds);

        let ratio = Target::Ratio(if block < 1 << 20 { 0.95 } else { 0.98 });
        let wanted = match (rate, block) {
            (Some(rate), 0x40_0000) => Target::Rate(rate),
            (Some(rate), 0x10_0000) => Target::Rate(rate * 0.9),
            _ => Target::None,
        };
        let base = Some(0);
        let mut figures = vec![
            Figure::of(&rounds, 0, None, "NIXL by itself", Target::None),
            Figure::of(&rounds, 1, base, "backend", ratio),
            Figure::of(&rounds, 2, base, "with trailers", ratio),
        ];
        if copied {
            figures.push(Figure::of(&rounds, 2, None, "with trailers, as a rate", wanted));
            figures.push(Figure::of(&rounds, 3, base, "one pinned copy", Target::None));
        }
        if self.control.is_some() {
            let last = 3 + usize::from(copied);
            figures.push(Figure::of(&rounds, last, base, "NIXL, another file", Target::None));
        }
        figures
    }
}

/// Slots of memory in order, and those of the file.
fn pairs(blocks: u32, order: Order) -> Vec<(u32, u32)> {
    let mut slots: Vec<u32> = (0..blocks).collect();
    if order == Order::Scattered {
        Draw::new(7).shuffle(&mut slots);
    }
    (0..blocks).zip(slots).collect()
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::Neighbours => "neighbours",
        Order::Scattered => "scattered",
    }
}

fn way_name(way: BareWay) -> &'static str {
    match way {
        BareWay::Store => "store",
        BareWay::Load => "load",
    }
}

/// A length of whole KiB, for people.
#[must_use]
pub fn size_name(len: Bytes) -> String {
    if len >= 1 << 20 { format!("{} MiB", len >> 20) } else { format!("{} KiB", len >> 10) }
}
