//! Replays a workload through three tiers and says what was found where.
//!
//! `cargo run --release --example 01_replay`

use tierproof::{Settings, Workload, replay, report};

fn main() -> tierproof_core::Result<()> {
    let settings = Settings { blocks: [128, 256, 1024], ..Settings::default() };
    let mut workload = Workload::open("agent", 7, Some(500))?;
    let outcome = replay(&settings, &mut workload, std::io::sink(), |_| ())?;
    print!("{}", report(&outcome, settings.blocks));
    assert!(outcome.is_sound(), "every byte was right and every law held");
    Ok(())
}
