//! `cuda-dram` beside the driver's own copies.

use crate::batches::{Slots, Trailers};
use crate::draw::Draw;
use crate::flood::Flood;
use crate::gpu_memory::{Copies, Heading, Layers};
use crate::options::Options;
use crate::rounds::{Rounds, Unit};
use crate::table::{Figure, Table, Target};
use crate::through_nixl::size_name;
use crate::watch::doing;
use std::cell::RefCell;
use tierproof_backends::CudaDram;
use tierproof_core::{Backend, Bytes, Medium, RegionId, Stamp};

const BYTES: Bytes = 256 << 20;
const SIZES: [Bytes; 5] = [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];
const LAYERS: usize = 64;
const PIECE: Bytes = 16 << 10;
const WAYS: [Heading; 2] = [Heading::Down, Heading::Up];

/// A backend with memory on the GPU, and pinned memory with room for trailers.
struct Ours {
    cuda: RefCell<CudaDram>,
    device: [RegionId; 2],
    host: [RegionId; 2],
}

/// Measures and prints all tables.
///
/// # Panics
/// If anything fails.
pub fn compare(options: &Options) {
    doing("cuda-dram: opening");
    let copies = RefCell::new(Copies::open(BYTES));
    let ours = Ours::open(None);
    one_way(&ours, &copies, options);
    both_ways(&ours, &copies, options);
    drop(ours);
    scattered(&copies, options);
}

impl Ours {
    /// Device regions of our own, or one over these layers.
    fn open(layers: Option<Layers>) -> Self {
        let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
        let lent = layers.is_some();
        if let Some(layers) = layers {
            layers.lend(&mut cuda);
        }
        let sealed = BYTES / SIZES[0] * (SIZES[0] + CudaDram::ALIGNMENT);
        let mut make = |medium: &Medium, len| cuda.allocate(medium, len).expect("memory");
        let on_gpu = Medium::Device { ordinal: 0 };
        let first = make(&on_gpu, BYTES);
        let device = [first, if lent { first } else { make(&on_gpu, BYTES) }];
        let host = [make(&Medium::Host, sealed), make(&Medium::Host, sealed)];
        Self { cuda: RefCell::new(cuda), device, host }
    }

    /// Blocks between the GPU's memory and pinned memory: each first slot is on the GPU.
    fn flood(&self, heading: Heading, pairs: &[(u32, u32)], block: Bytes, stamped: bool) -> Flood {
        let capability = self.cuda.borrow().capability().clone();
        let sealed = Stamp::sealed_len(block, CudaDram::ALIGNMENT).expect("a small block");
        let device = Slots { region: self.device[heading as usize], stride: block };
        // What was sealed on its way down is what is checked on its way up.
        let host = self.host[if stamped { 0 } else { heading as usize }];
        let host = Slots { region: host, stride: if stamped { sealed } else { block } };
        match heading {
            Heading::Down => {
                let trailers = if stamped { Trailers::Seal } else { Trailers::Off };
                Flood::new((device, host), pairs, block, trailers, &capability)
            }
            Heading::Up => {
                let trailers = if stamped { Trailers::Check } else { Trailers::Off };
                let turned: Vec<_> = pairs.iter().map(|(device, host)| (*host, *device)).collect();
                Flood::new((host, device), &turned, block, trailers, &capability)
            }
        }
    }

    fn add<'a>(&'a self, rounds: &mut Rounds<'a>, name: String, mut flood: Flood) {
        rounds.add(name.clone(), move || {
            doing(name.clone());
            flood.run(&mut *self.cuda.borrow_mut())
        });
    }
}

fn own_slots(block: Bytes) -> Vec<(u32, u32)> {
    (0..(BYTES / block) as u32).map(|slot| (slot, slot)).collect()
}

fn way_name(heading: Heading) -> String {
    if heading == Heading::Down { "offload" } else { "onboard" }.into()
}

fn one_way(ours: &Ours, copies: &RefCell<Copies>, options: &Options) {
    let mut table = Table::new("cuda-dram beside one pinned copy of 256 MiB");
    for block in SIZES {
        // Down first: what is checked on its way up is what was sealed last on its way down.
        for heading in WAYS {
            let (way, size) = (way_name(heading), size_name(block));
            let mut rounds = Rounds::new(format!("{way}, {size}"), Unit::Bytes);
            rounds.add("one pinned copy", || copies.borrow_mut().one(heading));
            for stamped in [false, true] {
                let flood = ours.flood(heading, &own_slots(block), block, stamped);
                ours.add(&mut rounds, format!("cuda-dram, {way} of {size}, {stamped}"), flood);
            }
            rounds.run(options.rounds);
            let figures = vec![
                Figure::of(&rounds, 0, None, "one pinned copy", Target::None),
                Figure::of(&rounds, 1, Some(0), "backend", Target::None),
                Figure::of(&rounds, 2, Some(0), "with trailers", Target::None),
            ];
            table.add(vec![("block", size), ("way", way)], figures);
        }
    }
    println!("{table}");
}

fn both_ways(ours: &Ours, copies: &RefCell<Copies>, options: &Options) {
    let mut table = Table::new("cuda-dram, both ways at once beside one way");
    for block in SIZES {
        let size = size_name(block);
        let pairs = own_slots(block);
        let flood = |heading| ours.flood(heading, &pairs, block, false);
        let mut rounds = Rounds::new(format!("both ways, {size}"), Unit::Bytes);
        ours.add(&mut rounds, format!("cuda-dram, offload of {size}"), flood(Heading::Down));
        ours.add(&mut rounds, format!("cuda-dram, onboard of {size}"), flood(Heading::Up));
        let both = flood(Heading::Down).and(flood(Heading::Up));
        ours.add(&mut rounds, format!("cuda-dram, both of {size}"), both);
        rounds.add("one pinned copy", || copies.borrow_mut().one(Heading::Down));
        rounds.add("two pinned copies", || copies.borrow_mut().both());
        rounds.run(options.rounds);
        let figures = vec![
            Figure::of(&rounds, 0, None, "offload", Target::None),
            Figure::of(&rounds, 1, Some(0), "onboard", Target::None),
            Figure::of(&rounds, 2, Some(0), "both", Target::Ratio(1.6)),
            Figure::of(&rounds, 3, Some(0), "one pinned copy", Target::None),
            Figure::of(&rounds, 4, Some(3), "two pinned copies (times one)", Target::None),
        ];
        table.add(vec![("block", size)], figures);
    }
    println!("{table}");
}

fn scattered(copies: &RefCell<Copies>, options: &Options) {
    doing("cuda-dram: opening over layers");
    let block = LAYERS as Bytes * PIECE;
    let blocks = BYTES / block;
    let layers = || Layers::new(LAYERS, PIECE, blocks);
    let ours = Ours::open(Some(layers()));
    let theirs = layers();
    let mut slots: Vec<u32> = (0..blocks as u32).collect();
    Draw::new(3).shuffle(&mut slots);
    let pairs: Vec<_> = slots.into_iter().zip(0..).collect();
    let title = "blocks of 64 scattered pieces of 16 KiB beside one pinned copy of 256 MiB";
    let mut table = Table::new(title);
    for heading in WAYS {
        let way = way_name(heading);
        let pieces = copies.borrow().pieces(&theirs, &pairs, heading);
        let batches = copies.borrow_mut().batch(heading, &pieces).is_some();
        let mut rounds = Rounds::new(format!("scattered, {way}"), Unit::Bytes);
        rounds.add("one pinned copy", || copies.borrow_mut().one(heading));
        for stamped in [false, true] {
            let flood = ours.flood(heading, &pairs, block, stamped);
            ours.add(&mut rounds, format!("cuda-dram, scattered, {way}, {stamped}"), flood);
        }
        rounds.add("a copy a piece", || copies.borrow_mut().each(heading, &pieces));
        if batches {
            let batch = || copies.borrow_mut().batch(heading, &pieces).expect("there just before");
            rounds.add("cuMemcpyBatchAsync", batch);
        }
        rounds.run(options.rounds);
        let wanted = Target::Ratio(0.75);
        let mut figures = vec![
            Figure::of(&rounds, 0, None, "one pinned copy", Target::None),
            Figure::of(&rounds, 1, Some(0), "backend", wanted),
            Figure::of(&rounds, 2, Some(0), "with trailers", wanted),
            Figure::of(&rounds, 3, Some(0), "a copy a piece", Target::None),
        ];
        if batches {
            figures.push(Figure::of(&rounds, 4, Some(0), "cuMemcpyBatchAsync", Target::None));
        } else {
            println!("the driver has no cuMemcpyBatchAsync");
        }
        table.add(vec![("way", way)], figures);
    }
    println!("{table}");
}
