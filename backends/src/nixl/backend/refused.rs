//! Promise: what NIXL refuses or fails ends that agent and nothing else. Its registrations go on with
//! another one, and memory that it may still touch is never anybody else's.

#![expect(clippy::disallowed_methods, reason = "tests reach the files by the back door")]

use super::stage::{LEN, Stage, at};
use super::*;
use crate::nixl::plugin::{Facts, Opening};
use crate::nixl::posix::{AIO, PosixPlugin, URING};
use std::os::unix::fs::FileExt;
use tierproof_core::Fault;

/// Descriptors in the smallest pool that the plugin takes.
const POOL: u64 = 64;

/// The POSIX plugin with a pool that our limits can overrun.
#[derive(Debug)]
struct SmallAio;

/// The same with the queue that does not wait for the kernel when it is closed.
#[derive(Debug)]
struct SmallUring;

const POOL_SIZE: (&std::ffi::CStr, &std::ffi::CStr) = (c"ios_pool_size", c"64");

impl Plugin for SmallAio {
    const FACTS: Facts = Facts {
        ways: &[Opening { parameters: &[(c"use_aio", c"true"), POOL_SIZE], ..AIO }],
        ..PosixPlugin::FACTS
    };
}

impl Plugin for SmallUring {
    const FACTS: Facts = Facts {
        ways: &[Opening { parameters: &[(c"use_uring", c"true"), POOL_SIZE], ..URING }],
        ..PosixPlugin::FACTS
    };
}

/// Stores one slot that a test has not used, through an agent that it has not seen.
fn goes_on<P: Plugin>(stage: &mut Stage<P>, slot: u64, before: *const Agent) {
    let free = stage.store(slot);
    stage.nixl.fill(free.source, &[7; LEN as usize]).unwrap();
    assert_eq!(stage.run(vec![free]), [], "the run goes on");
    assert!(stage.agent() != before, "through another agent");
    let mut seen = [0; LEN as usize];
    stage.nixl.peek(free.target, &mut seen).unwrap();
    assert_eq!(seen, [7; LEN as usize]);
}

/// NIXL carries out what a refused post had queued, even after its release: blocks were written
/// while another request was polled. And each later post is refused as well.
#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_refused_post_is_answered_when_its_agent_has_ended() {
    let mut stage = Stage::<SmallAio>::new();
    let (before, all) = (stage.agent(), 2 * POOL - 2);
    for slot in 0..all {
        stage.nixl.fill(at(stage.host, slot), &[slot as u8 + 1; LEN as usize]).unwrap();
    }
    let parts = (0..all).map(|slot| stage.store(slot)).collect();
    // The first agent has room for 64, the next one for the rest.
    assert_eq!(stage.run(parts), [(POOL as u32, Fault::new(ErrorKind::Device))]);
    for slot in (0..all).filter(|&slot| slot != POOL) {
        let mut seen = [0; LEN as usize];
        stage.nixl.peek(at(stage.file, slot), &mut seen).unwrap();
        assert!(seen == [slot as u8 + 1; LEN as usize], "slot {slot}");
    }
    assert_eq!(stage.nixl.agents.retired_alive(), 0, "the refused one is gone");
    goes_on(&mut stage, POOL, before);
    assert_eq!(stage.nixl.capability().fallbacks, []);
}

/// The same where nothing proves that the kernel is done.
#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_refused_post_keeps_what_it_may_touch_for_good() {
    let mut stage = Stage::<SmallUring>::new();
    let (before, all) = (stage.agent(), 2 * POOL - 2);
    let parts = (0..all).map(|slot| stage.store(slot)).collect();
    stage.submit(parts).unwrap();
    let mut done = Vec::new();
    while stage.nixl.parts() > 0 {
        stage.nixl.park(Nanos(1));
        stage.nixl.poll(&mut done).unwrap();
    }
    assert_eq!(done, [], "a request that may still touch its memory is not answered");
    let notes = &stage.nixl.capability().fallbacks;
    assert!(notes.iter().any(|note| note.instead.contains("where NIXL failed")), "{notes:?}");
    for slot in 0..all {
        let filled = stage.nixl.fill(at(stage.host, slot), &[9; LEN as usize]);
        assert_eq!(filled.unwrap_err().kind(), ErrorKind::Busy);
    }
    assert_eq!(stage.nixl.release(stage.host).unwrap_err().kind(), ErrorKind::Busy);
    goes_on(&mut stage, all, before);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_failed_transfer_ends_its_agent_and_its_neighbours_end_well() {
    let mut stage = Stage::<PosixPlugin>::new();
    for slot in 0..8 {
        stage.nixl.fill(at(stage.file, slot), &[slot as u8; LEN as usize]).unwrap();
    }
    let path = stage.folder.path().join("rank0_window0_pool0.slots");
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    file.set_len(6 * LEN + 100).unwrap();
    let (parts, before) = ((0..8).map(|slot| stage.load(slot)).collect(), stage.agent());
    let fault = Fault::new(ErrorKind::Corrupt);
    assert_eq!(stage.run(parts), [(6, fault), (7, fault)]);
    assert!(stage.agent().is_null(), "nothing new goes through it");
    for slot in 0..8 {
        let mut seen = [1; LEN as usize];
        stage.nixl.peek(at(stage.host, slot), &mut seen).unwrap();
        let expected = if slot < 6 { slot as u8 } else { 0 };
        assert!(seen == [expected; LEN as usize], "slot {slot}");
    }
    assert_eq!(stage.run(vec![stage.store(7)]), []);
    assert!(stage.agent() != before && !stage.agent().is_null());
    assert_eq!(stage.nixl.agents.retired_alive(), 0, "the old one is gone");
    assert_eq!(file.metadata().unwrap().len(), 8 * LEN);
    let mut byte = [1];
    file.read_exact_at(&mut byte, 7 * LEN).unwrap();
    assert_eq!(byte, [0]);
}
