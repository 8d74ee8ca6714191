//! Promise: a crash at any call to the device, in the midst of a workload and in the midst of recovery, leaves
//! what was published and nothing wrong (F33, law S9).

use crate::doomed::Doomed;
use crate::process::{Device, Process, Published, config, device, power_cut, promised};
use std::collections::BTreeSet;
use tierproof_core::{BlockState, Recovery, Result};
use tierproof_sim::Sim;

/// Small enough that slots are written over again and again.
const BLOCKS: [u32; 3] = [3, 2, 5];
/// The next process has room for everything on its device, so that no look at one key evicts another.
const ROOMY: [u32; 3] = [64, 2, 5];

const PROMPTS: [&[u64]; 8] = [
    &[1, 2, 3],
    &[1, 2, 4],
    &[5, 6],
    &[7, 8, 9],
    &[1, 2, 3],
    &[10, 11, 12],
    &[5, 6, 13],
    &[7, 8, 14],
];

/// Prompts, offloads, onboards and evictions, and between them three publications, one amid transfers.
fn work(process: &mut Process<Sim, Vec<u64>>) -> Result<()> {
    for (round, prompts) in PROMPTS.chunks(3).enumerate() {
        for prompt in prompts {
            process.serve(prompt)?;
        }
        if round != 1 {
            process.engine.drain()?;
        }
        process.publish()?;
        process.check();
    }
    Ok(())
}

/// Works on a new device until its `left`-th call, and loses power; answers whether it died there.
fn life(left: u64) -> (Device, Published, bool) {
    let device = device();
    let mut published = Published::new();
    let mut died = true;
    // Without an engine, it died while it began.
    if let Ok(mut process) = Process::begin(Doomed::new(&device, Vec::new(), left), config(BLOCKS))
    {
        died = work(&mut process).is_err() || process.engine.backend().is_dead();
        published = process.die();
    }
    power_cut(&device);
    (device, published, died)
}

/// Begins on what a crash left, looks every prompt up, and loses power.
fn look_up(device: &Device, published: &Published) -> Recovery {
    let mut process = Process::on(device, ROOMY).expect("what a crash left can be recovered");
    let recovery = process.recovery();
    assert_eq!((recovery.damaged, recovery.rebuilt), (0, 0), "sectors are old or new");
    let taken = blocks(&process).into_iter().filter(|block| block.published);
    let taken: BTreeSet<u64> = taken.map(|block| block.place.slot.into()).collect();
    assert_eq!(taken.len() as u64, recovery.found);
    assert!(published.values().all(|slot| taken.contains(slot)), "{taken:?} of {published:?}");
    for prompt in PROMPTS {
        let found = process.serve(prompt).expect("the device is whole");
        assert!(found >= promised(published, prompt), "{prompt:?}: {found} of {published:?}");
        process.check();
    }
    process.die();
    power_cut(device);
    recovery
}

fn calls_of_a_whole_life() -> u64 {
    let mut process = Process::on(&device(), BLOCKS).unwrap();
    work(&mut process).unwrap();
    process.engine.backend().calls
}

#[test]
fn at_every_call_of_a_workload() {
    let calls = calls_of_a_whole_life();
    assert!(calls > 100, "{calls} calls are not much of a workload");
    let mut promises = 0;
    for left in 0..=calls {
        let (device, published, died) = life(left);
        assert_eq!(died, left < calls, "call {left} of {calls}");
        promises = promises.max(published.len());
        look_up(&device, &published);
    }
    assert!(promises >= 4, "at most {promises} keys were published at once");
}

#[test]
fn at_every_call_of_recovery() {
    let calls = calls_of_a_whole_life();
    for left in (0..=calls).step_by(3) {
        let (device, published, _) = life(left);
        let mut deaths = 0;
        // Each recovery comes one call further than the one before, on what that left.
        while Process::begin(Doomed::new(&device, Vec::new(), deaths), config(ROOMY)).is_err() {
            power_cut(&device);
            deaths += 1;
        }
        assert!(deaths > 5, "recovery takes more than {deaths} calls");
        power_cut(&device);
        look_up(&device, &published);
    }
}

#[test]
fn twice_is_once() {
    let calls = calls_of_a_whole_life();
    for left in (0..=calls).step_by(5) {
        let (device, published, _) = life(left);
        let process = Process::on(&device, ROOMY).unwrap();
        let (first, state) = (process.recovery(), blocks(&process));
        process.die();
        power_cut(&device);
        let process = Process::on(&device, ROOMY).unwrap();
        assert_eq!(blocks(&process), state, "call {left}");
        assert_eq!(process.recovery(), Recovery { epoch: first.epoch + 1, ..first });
        process.die();
        power_cut(&device);
        look_up(&device, &published);
    }
}

/// One process after the other dies on the same device. What a later one stored is newer than what an earlier one
/// did, however long the earlier one lived.
#[test]
fn one_after_the_other() {
    let calls = calls_of_a_whole_life();
    let mut lives = 0;
    for start in 0..calls {
        let device = device();
        let mut published = Published::new();
        for life in 0..5 {
            // Long lives and short ones in turn.
            let left = (start * 31 + life * 97) % calls;
            let doomed = Doomed::new(&device, Vec::new(), left);
            if let Ok(mut process) = Process::begin(doomed, config(BLOCKS)) {
                process.inherit(published);
                let _ = work(&mut process);
                published = process.die();
                lives += 1;
            }
            power_cut(&device);
        }
        look_up(&device, &published);
    }
    assert!(lives > calls, "{lives} lives");
}

fn blocks(process: &Process<Sim, Vec<u64>>) -> Vec<BlockState> {
    process.engine.blocks(0).unwrap().collect()
}
