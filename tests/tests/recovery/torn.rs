//! Promise: a publication that a power cut tore (F07), whichever sectors of the index are new and whichever are old,
//! leaves each slot its former record or its new one, none damaged, and nothing wrong is found.

use crate::index_file::{INDEX, PAGE, RECORD, read, write};
use crate::process::{Device, Process, Published, device, power_cut, promised};
use std::collections::BTreeSet;

const BLOCKS: [u32; 3] = [3, 0, 30];
const ROOMY: [u32; 3] = [96, 0, 30];
/// What a crash leaves old or new as a whole.
const SECTOR: usize = 512;

/// Three keys each; every other one shares its first with the one before.
fn prompts() -> impl Iterator<Item = [u64; 3]> {
    (0..24).map(|number| [1 + number / 2, 100 + number, 200 + number])
}

/// Serves some prompts, publishes, and dies; answers what is published then.
fn publish(device: &Device, published: Published, from: usize, count: usize) -> Published {
    let mut process = Process::on(device, BLOCKS).unwrap();
    process.inherit(published);
    for prompt in prompts().skip(from).take(count) {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    process.publish().unwrap();
    let published = process.die();
    power_cut(device);
    published
}

#[test]
fn any_subset_of_sectors() {
    let device = device();
    let before = publish(&device, Published::new(), 0, 9);
    let old = read(&device);
    // Some slots get other keys, some their first ones, and some keep what they have.
    let after = publish(&device, before.clone(), 9, 6);
    let new = read(&device);
    let sectors: Vec<usize> = (0..INDEX / SECTOR)
        .filter(|sector| {
            let range = sector * SECTOR..(sector + 1) * SECTOR;
            old[range.clone()] != new[range]
        })
        .collect();
    assert!(sectors.len() >= 4, "header and records: {sectors:?}");
    let mut lost = 0;
    for mask in 0..1_u32 << sectors.len() {
        let mut mixed = old.clone();
        let mut fresh = BTreeSet::new();
        for (bit, &sector) in sectors.iter().enumerate() {
            if mask >> bit & 1 == 1 {
                let range = sector * SECTOR..(sector + 1) * SECTOR;
                mixed[range.clone()].copy_from_slice(&new[range]);
                fresh.insert(sector);
            }
        }
        write(&device, &mixed);
        let mut left = after.clone();
        left.retain(|key, slot| {
            let sector = (PAGE + *slot as usize * RECORD) / SECTOR;
            fresh.contains(&sector) || before.get(key) == Some(slot)
        });
        lost = lost.max(after.len() - left.len());
        let mut process = Process::on(&device, ROOMY).unwrap();
        assert_eq!((process.recovery().damaged, process.recovery().rebuilt), (0, 0));
        for prompt in prompts() {
            let found = process.serve(&prompt).unwrap();
            assert!(found >= promised(&left, &prompt), "{mask:b}, {prompt:?}: {found} of {left:?}");
        }
        process.check();
        process.die();
        power_cut(&device);
    }
    assert!(lost > 5, "a torn publication loses something");
}
