//! Moving bytes: each backend beside plain loops over the same bytes, and what verification costs.
//!
//! Memory and files are cold: every lap goes once through pools larger than the caches, in an order
//! that prefetchers can't follow from block to block.

use std::path::Path;
use tierproof_backends::{DirectIo, Dram, Posix, PosixConfig};
use tierproof_benches::batches::{Batches, Slots, Trailers};
use tierproof_benches::carousel::{Carousel, Shape};
use tierproof_benches::draw::Draw;
use tierproof_benches::memory::PlainMemory;
use tierproof_benches::plain_files::PlainFile;
use tierproof_benches::rounds::{Lap, Rounds, Unit, rounds_wanted};
use tierproof_core::{Backend, Bytes, FileMedium, FileRole, Medium, RegionId, Stamp, Verify};
use tierproof_sim::{Sim, SimConfig};

const POOL: Bytes = 256 << 20;
const SIZES: [Bytes; 3] = [64 << 10, 256 << 10, 1 << 20];
const PARTS: usize = 16;
const DEVICE: Medium = Medium::Device { ordinal: 0 };

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name == wanted);
    if asked("sim") {
        print(simulated());
    }
    if asked("dram") {
        SIZES.into_iter().for_each(|block| print(between_memories(block)));
    }
    if asked("posix") {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for (direct, block) in [DirectIo::Auto, DirectIo::Never]
            .into_iter()
            .flat_map(|direct| SIZES.map(|block| (direct, block)))
        {
            files(folder, direct, block);
        }
    }
}

fn print(mut rounds: Rounds<'_>) {
    rounds.run(rounds_wanted());
    println!("{rounds}");
}

/// Slots 0.. in a random order, each with another slot.
fn pairs(blocks: u32, seed: u64) -> Vec<(u32, u32)> {
    let shuffled = |seed| {
        let mut draw = Draw::new(seed);
        let mut slots: Vec<u32> = (0..blocks).collect();
        for last in (1..slots.len()).rev() {
            slots.swap(last, draw.below(last as u64 + 1) as usize);
        }
        slots
    };
    shuffled(seed).into_iter().zip(shuffled(seed + 1)).collect()
}

/// A region of `blocks` slots, every page of it touched.
fn slots(backend: &mut impl Backend, medium: &Medium, stride: Bytes, blocks: u32) -> Slots {
    let region = backend.allocate(medium, stride * Bytes::from(blocks)).expect("room");
    for slot in 0..blocks {
        touch(backend, region, stride * Bytes::from(slot), stride);
    }
    Slots { region, stride }
}

fn touch(backend: &mut impl Backend, region: RegionId, offset: Bytes, len: Bytes) {
    let at = tierproof_core::Descriptor { region, offset, len };
    backend.fill(at, &vec![0x5a; len as usize]).expect("inside the region");
}

fn between_memories(block: Bytes) -> Rounds<'static> {
    let blocks = (POOL / block) as u32;
    let len = block as usize;
    let order = pairs(blocks, 1);
    let title = format!("dram, blocks of {} KiB", block >> 10);
    let mut rounds = Rounds::new(title, Unit::Bytes);

    let (mut from, mut to) = (PlainMemory::new(POOL as usize), PlainMemory::new(POOL as usize));
    let plain = order.clone();
    rounds.add("plain copies", move || {
        let copies = || {
            for &(source, target) in &plain {
                let (source, target) = (source as usize * len, target as usize * len);
                to[target..][..len].copy_from_slice(&from[source..][..len]);
            }
            std::mem::swap(&mut from, &mut to);
        };
        Lap::of(POOL, copies).0
    });

    let sealed = Stamp::sealed_len(block, Dram::ALIGNMENT).expect("a small block");
    for (name, trailers) in [
        ("backend", Trailers::Off),
        ("backend, seals", Trailers::Seal),
        ("backend, checks", Trailers::Check),
    ] {
        let mut dram = Dram::new();
        let device = slots(&mut dram, &DEVICE, block, blocks);
        let stride = if trailers == Trailers::Off { block } else { sealed };
        let host = slots(&mut dram, &Medium::Host, stride, blocks);
        let down = trailers != Trailers::Check;
        let way = if down { (device, host) } else { (host, device) };
        let mut batches = Batches::new(way, &order, block, PARTS, trailers);
        if trailers == Trailers::Check {
            let own: Vec<_> = (0..blocks).map(|slot| (slot, slot)).collect();
            Batches::new((device, host), &own, block, PARTS, Trailers::Seal).run(&mut dram);
        }
        rounds.add(name, move || batches.run(&mut dram));
    }

    let prompt = 8;
    let on_device = blocks / prompt / 2;
    for (name, verify) in [("engine", Verify::Off), ("engine, verifies", Verify::All)] {
        let shape = Shape { block, on_device, prompts: on_device * 2, prompt, verify };
        let mut carousel = Carousel::new(Dram::new(), shape);
        // A block goes up and another down: half as many requests move as many bytes.
        rounds.add(name, move || carousel.turn(on_device as usize));
    }
    rounds
}

fn files(folder: &Path, direct: DirectIo, block: Bytes) {
    let (blocks, threads) = ((POOL / block) as u32, 4);
    let place = tempfile::tempdir_in(folder).expect("a folder on a disk");
    let past_cache = direct != DirectIo::Never;
    let how = if past_cache { "O_DIRECT" } else { "buffered" };
    let file = |name: &str| {
        let path = place.path().join(name);
        PlainFile::new(&path, block as usize, blocks as usize, threads, past_cache)
    };
    let open = |stride: Bytes, pool: u32| {
        let root = place.path();
        let config = PosixConfig { direct, threads: threads as u32, ..PosixConfig::new(root) };
        let mut posix = Posix::open(config).expect("a folder of ours");
        let medium = FileMedium {
            directory: String::new(),
            rank: 0,
            window: 0,
            pool,
            role: FileRole::Scratch,
            stride,
        };
        let host = slots(&mut posix, &Medium::Host, block, blocks);
        let disk = slots(&mut posix, &Medium::File(medium), stride, blocks);
        assert!(posix.capability().fallbacks.is_empty(), "{:?}", posix.capability().fallbacks);
        (posix, host, disk)
    };
    let own: Vec<_> = (0..blocks).map(|slot| (slot, slot)).collect();
    let sealed = Stamp::sealed_len(block, Posix::ALIGNMENT).expect("a small block");

    let title = format!("posix writes, {how}, blocks of {} KiB, {threads} threads", block >> 10);
    let mut writes = Rounds::new(title, Unit::Bytes);
    let title = format!("posix reads, {how}, blocks of {} KiB, {threads} threads", block >> 10);
    let mut reads = Rounds::new(title, Unit::Bytes);
    // The same again on another file shows how much the place on the disk matters.
    for (suffix, name) in [("", "plain"), (", another file", "plain_again")] {
        let (mut one, mut other) = (file(&format!("{name}_w")), file(&format!("{name}_r")));
        other.write();
        writes.add(format!("pwritev loops{suffix}"), move || one.write());
        reads.add(format!("preadv loops{suffix}"), move || other.read());
    }
    for (name, stride, pool, seals) in
        [("backend", block, 0, false), ("backend, verified", sealed, 2, true)]
    {
        let (write, read) =
            if seals { (Trailers::Seal, Trailers::Check) } else { (Trailers::Off, Trailers::Off) };
        let (mut posix, host, disk) = open(stride, pool);
        let mut down = Batches::new((host, disk), &own, block, PARTS, write);
        writes.add(name, move || down.run(&mut posix));
        let (mut posix, host, disk) = open(stride, pool + 1);
        Batches::new((host, disk), &own, block, PARTS, write).run(&mut posix);
        let mut up = Batches::new((disk, host), &own, block, PARTS, read);
        reads.add(name, move || up.run(&mut posix));
    }
    print(writes);
    print(reads);
}

fn simulated() -> Rounds<'static> {
    let mut rounds =
        Rounds::new("sim, blocks of 4 KiB, moved with trailers, bytes compared", Unit::Blocks);
    for (name, verify) in [("engine, unverified", Verify::Off), ("engine, verifies", Verify::All)] {
        let shape = Shape { block: 4096, on_device: 16, prompts: 32, prompt: 24, verify };
        let sim = Sim::new(SimConfig::default()).expect("valid settings");
        let mut carousel = Carousel::new(sim, shape);
        rounds.add(name, move || carousel.turn_and_compare(4096));
    }
    rounds
}
