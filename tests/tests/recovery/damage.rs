//! Promise: whatever an index has become, nothing wrong is served and nobody panics (F32): a damaged record is one
//! lost block that is counted, a damaged header is made good, and what is no index is left as it is.

use crate::doomed::Doomed;
use crate::index_file::{INDEX, PAGE, RECORD, read, write};
use crate::process::{Device, Process, Published, config, device, power_cut, promised};
use proptest::prelude::*;
use tierproof_core::{Backend, ErrorKind, RegionId, Result};

const BLOCKS: [u32; 3] = [2, 2, 6];
const ROOMY: [u32; 3] = [64, 2, 6];
/// Slots of the disk tier: its blocks and one of the reserve.
const SLOTS: usize = 7;
const PROMPTS: [&[u64]; 4] = [&[1, 2], &[3, 4], &[5, 6], &[7, 8]];

/// A device on which a process published, and what it promised.
fn published() -> (Device, Published) {
    let device = device();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    for prompt in PROMPTS {
        process.serve(prompt).unwrap();
    }
    process.engine.drain().unwrap();
    assert_eq!(process.publish().unwrap(), 4);
    let published = process.die();
    assert_eq!(published.len(), 4);
    power_cut(&device);
    (device, published)
}

type Life = Process<tierproof_sim::Sim, Vec<u64>>;

/// Begins, and looks every prompt up: bytes are compared on the way.
fn look_up(device: &Device) -> Result<(Life, Vec<usize>)> {
    let mut process = Process::on(device, ROOMY)?;
    let found = PROMPTS.iter().map(|prompt| process.serve(prompt)).collect::<Result<_>>()?;
    process.check();
    Ok((process, found))
}

#[test]
fn a_record_with_a_flipped_byte_is_one_lost_block() {
    let (device, published) = published();
    let good = read(&device);
    for at in PAGE..PAGE + SLOTS * RECORD {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        write(&device, &bad);
        let slot = ((at - PAGE) / RECORD) as u64;
        let mut left = published.clone();
        left.retain(|_, &mut place| place != slot);

        let (process, found) = look_up(&device).unwrap();
        let recovery = process.recovery();
        assert_eq!((recovery.damaged, recovery.found), (1, left.len() as u64), "byte {at}");
        for (prompt, found) in PROMPTS.iter().zip(found) {
            assert_eq!(found, promised(&left, prompt), "byte {at}, {prompt:?}");
        }
        drop(process);
        power_cut(&device);
        assert_eq!(read(&device)[PAGE..], bad[PAGE..], "it is left as it is");
    }
}

#[test]
fn a_header_with_a_flipped_byte_is_made_good_by_the_records() {
    let (device, published) = published();
    let good = read(&device);
    for at in (0..RECORD).chain([RECORD, PAGE - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        write(&device, &bad);
        let (process, found) = look_up(&device).unwrap();
        let recovery = process.recovery();
        let expected = (u64::from(at < RECORD), 0, published.len() as u64);
        assert_eq!((recovery.rebuilt, recovery.damaged, recovery.found), expected, "byte {at}");
        for (prompt, found) in PROMPTS.iter().zip(found) {
            assert_eq!(found, promised(&published, prompt), "byte {at}, {prompt:?}");
        }
        drop(process);
        power_cut(&device);
        let process = Process::on(&device, ROOMY).unwrap();
        assert_eq!(process.recovery().rebuilt, 0, "the header is whole again");
        drop(process);
        power_cut(&device);
    }
}

#[test]
fn a_header_that_is_gone_is_made_good_too() {
    let (device, published) = published();
    let mut bytes = read(&device);
    bytes[..PAGE].fill(0);
    write(&device, &bytes);
    let recovery = look_up(&device).unwrap().0.recovery();
    assert_eq!((recovery.rebuilt, recovery.found), (1, published.len() as u64));
}

#[test]
fn an_index_of_zeros_is_a_new_one() {
    let (device, _) = published();
    write(&device, &[0; INDEX]);
    let (process, found) = look_up(&device).unwrap();
    assert_eq!((process.recovery().found, process.recovery().rebuilt), (0, 0));
    assert_eq!(found, [0; 4]);
}

/// A record that is put into another slot's place speaks of that other slot to nobody.
#[test]
fn records_that_changed_places_are_damaged() {
    let (device, published) = published();
    let mut bytes = read(&device);
    let slots: Vec<usize> = published.values().map(|&slot| slot as usize).collect();
    let (one, other) = (PAGE + slots[0] * RECORD, PAGE + slots[1] * RECORD);
    for i in 0..RECORD {
        bytes.swap(one + i, other + i);
    }
    write(&device, &bytes);
    let recovery = look_up(&device).unwrap().0.recovery();
    assert_eq!((recovery.damaged, recovery.found), (2, published.len() as u64 - 2));
}

/// The slot was written over after it was published, and the crash came before the next publication: the
/// record says one key, the trailer another.
#[test]
fn a_record_that_is_older_than_its_slot_is_a_miss() {
    let device = device();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    for prompt in PROMPTS {
        process.serve(prompt).unwrap();
    }
    process.engine.drain().unwrap();
    process.publish().unwrap();
    let old = read_published(&mut process);
    // These push all of it out, into the same slots.
    for prompt in [[21, 22], [23, 24], [25, 26], [27, 28], [29, 30], [31, 32]] {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    // As an orderly system does, whose data reached the disk although nobody published it.
    let regions: Vec<RegionId> = (0..32).map(RegionId).collect();
    for region in regions {
        let _ = device.borrow_mut().flush(region);
    }
    assert!(process.die().is_empty(), "all was written over");
    power_cut(&device);
    let (mut process, found) = look_up(&device).unwrap();
    assert_eq!(process.recovery().found, old as u64, "the records are whole");
    assert_eq!(found, [0; 4], "and nothing of it is believed");
    assert!(process.engine.transfer_stats().corrupt > 0);
    assert_eq!(process.serve(PROMPTS[0]).unwrap(), 2, "what was computed anew is found");
}

fn read_published(process: &mut Life) -> usize {
    process.engine.blocks(0).unwrap().filter(|block| block.published).count()
}

#[test]
fn every_process_begins_an_epoch() {
    let (device, _) = published();
    let mut process = Process::on(&device, ROOMY).unwrap();
    assert_eq!(process.recovery().epoch, 2);
    process.publish().unwrap();
    drop(process);
    power_cut(&device);
    assert_eq!(Process::on(&device, ROOMY).unwrap().recovery().epoch, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any bytes anywhere in the index: it begins or it says why not, and what it finds is right.
    #[test]
    fn any_bytes(edits in prop::collection::vec((0..INDEX, prop::collection::vec(any::<u8>(), 1..200)), 1..5)) {
        let (device, _) = published();
        let mut bytes = read(&device);
        for (at, edit) in edits {
            let end = INDEX.min(at + edit.len());
            bytes[at..end].copy_from_slice(&edit[..end - at]);
        }
        write(&device, &bytes);
        match look_up(&device) {
            Ok((mut process, _)) => {
                for prompt in PROMPTS {
                    prop_assert_eq!(process.serve(prompt).unwrap(), 2, "what was computed is found");
                }
                process.publish().unwrap();
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Config);
                power_cut(&device);
                prop_assert_eq!(read(&device), bytes, "what is not ours is left as it is");
            }
        }
    }

    /// Nothing but noise is nobody's index.
    #[test]
    fn noise(noise in prop::collection::vec(any::<u8>(), INDEX)) {
        let device = device();
        write(&device, &noise);
        let begun = Process::begin(Doomed::new(&device, Vec::<u64>::new(), u64::MAX), config(ROOMY));
        prop_assert_eq!(begun.err().map(|error| error.kind()), Some(ErrorKind::Config));
        power_cut(&device);
        prop_assert_eq!(read(&device), noise);
    }
}
