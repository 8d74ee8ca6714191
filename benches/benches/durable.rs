//! A durable disk tier: what publishing costs beside the same stores without, and how long it takes to begin on a
//! million blocks.

use std::path::Path;
use std::time::Instant;
use tierproof_benches::conveyor::{Belt, Conveyor};
use tierproof_benches::rounds::{Rounds, Unit, median, rounds_wanted};

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name == wanted);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    if asked("publishing") {
        publishing(folder);
    }
    if asked("recovery") {
        recovery(folder);
    }
}

/// Stores of 1 MiB blocks, 1 GiB a lap into a tier of 1 GiB.
fn publishing(folder: &Path) {
    const PROMPTS: u64 = 32;
    let place = tempfile::tempdir_in(folder).expect("a folder on a disk");
    let title = "posix stores of 1 MiB blocks through the engine, trailers written";
    let mut rounds = Rounds::new(title, Unit::Bytes);
    for (name, durable, step) in [
        ("not durable", false, 1),
        ("not durable, other files", false, 1),
        ("published every 512 blocks", true, 16),
        ("published every 128 blocks", true, 4),
        ("published every 32 blocks", true, 1),
    ] {
        let root = place.path().join(name.replace([' ', ','], "_"));
        std::fs::create_dir(&root).expect("a folder of ours");
        let belt = Belt { root, block: 1 << 20, disk: 1024, durable };
        let mut conveyor = Conveyor::new(&belt);
        // Every slot is written once before anything counts: the first write of a preallocated page is another.
        conveyor.run(conveyor.prompts() + 1, u64::MAX);
        rounds.add(name, move || conveyor.run(PROMPTS, step));
    }
    rounds.run(rounds_wanted());
    println!("{rounds}");
}

/// A million blocks of 4 KiB, stored and published; then engines that begin on them.
fn recovery(folder: &Path) {
    let root = tempfile::tempdir_in(folder).expect("a folder on a disk");
    let belt = Belt { root: root.path().to_owned(), block: 4096, disk: 1_000_000, durable: true };
    let mut conveyor = Conveyor::new(&belt);
    let prompts = conveyor.prompts();
    conveyor.run(prompts + 1, 1024);
    drop(conveyor);
    let mut seconds = Vec::new();
    for _ in 0..rounds_wanted() {
        let start = Instant::now();
        let conveyor = Conveyor::new(&belt);
        seconds.push(start.elapsed().as_secs_f64());
        assert_eq!((conveyor.recovery().found, conveyor.recovery().damaged), (1_000_000, 0));
    }
    let mut conveyor = Conveyor::new(&belt);
    for prompt in (1..prompts).step_by(997) {
        assert!(conveyor.serve(prompt) > 0, "prompt {prompt} is found");
    }
    let (fastest, slowest) = (
        seconds.iter().copied().fold(f64::MAX, f64::min),
        seconds.iter().copied().fold(0.0, f64::max),
    );
    println!(
        "\nan engine begins on a million published blocks: {:.2} s, the median of {}; {fastest:.2} to {slowest:.2} s",
        median(seconds.clone()),
        seconds.len()
    );
}
