//! Promise: a disk tier may grow and shrink between two processes: what still has a slot is found, what has none is
//! said, and what once lay beyond does not come back.

use crate::process::{Device, Process, Published, device, power_cut, promised};

const PROMPTS: [[u64; 2]; 6] = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]];

fn publish_on(device: &Device, blocks: [u32; 3]) -> Published {
    let mut process = Process::on(device, blocks).unwrap();
    for prompt in PROMPTS {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    process.publish().unwrap();
    let published = process.die();
    power_cut(device);
    published
}

/// Begins with so many disk blocks; answers what was recovered.
fn begin(device: &Device, disk: u32, published: &Published) -> [u64; 3] {
    let mut process = Process::on(device, [64, 2, disk]).unwrap();
    let recovery = process.recovery();
    process.check();
    let slots = u64::from(disk) + 1;
    let mut left = published.clone();
    left.retain(|_, &mut slot| slot < slots);
    for prompt in PROMPTS {
        assert_eq!(process.serve(&prompt).unwrap(), promised(&left, &prompt), "{prompt:?}");
    }
    process.die();
    power_cut(device);
    [recovery.found, recovery.slots_gone, recovery.damaged]
}

#[test]
fn more_slots_than_before() {
    let device = device();
    let published = publish_on(&device, [2, 2, 8]);
    assert_eq!(published.len(), 8);
    assert_eq!(begin(&device, 500, &published), [8, 0, 0]);
}

#[test]
fn fewer_slots_than_before_and_more_again() {
    let device = device();
    let published = publish_on(&device, [2, 2, 8]);
    let kept = published.values().filter(|&&slot| slot < 4).count() as u64;
    assert!((1..8).contains(&kept));
    assert_eq!(begin(&device, 3, &published), [kept, 5, 0]);
    let mut left = published.clone();
    left.retain(|_, slot| *slot < 4);
    assert_eq!(begin(&device, 8, &left), [kept, 0, 0], "what lay beyond is gone for good");
}

/// Each time a block comes back from disk and leaves again it has another slot, and its former one still says
/// that it is there.
#[test]
fn of_a_block_that_is_there_twice_the_newer_is_found() {
    let device = device();
    let mut process = Process::on(&device, [2, 0, 6]).unwrap();
    for prompt in [[1, 2], [3, 4], [1, 2], [5, 6]] {
        process.serve(&prompt).unwrap();
        process.engine.drain().unwrap();
        process.publish().unwrap();
    }
    let published = process.die();
    power_cut(&device);
    let process = Process::on(&device, [64, 0, 6]).unwrap();
    let recovery = process.recovery();
    assert!(recovery.superseded > 0, "{recovery:?}");
    assert_eq!(recovery.found, published.len() as u64);
    drop(process);
    power_cut(&device);
    let mut process = Process::on(&device, [64, 0, 6]).unwrap();
    for prompt in [[1, 2], [3, 4]] {
        assert_eq!(process.serve(&prompt).unwrap(), promised(&published, &prompt));
    }
    assert_eq!(process.engine.transfer_stats().corrupt, 0);
}

/// All slots hold something, those of the reserve too: they are all found, and the reserve is made anew by
/// what leaves.
#[test]
fn a_tier_without_an_empty_slot() {
    let device = device();
    let mut process = Process::on(&device, [2, 0, 2]).unwrap();
    for prompt in [[1, 2], [3, 4], [1, 2], [3, 4], [5, 6]] {
        process.serve(&prompt).unwrap();
        process.engine.drain().unwrap();
        process.publish().unwrap();
    }
    process.die();
    power_cut(&device);
    let mut process = Process::on(&device, [2, 0, 2]).unwrap();
    for round in 0..4 {
        for prompt in [[1, 2], [3, 4], [5, 6]] {
            process.serve(&prompt).unwrap_or_else(|error| panic!("round {round}: {error}"));
            process.check();
        }
    }
}
