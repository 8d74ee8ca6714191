//! Promise: what NIXL refuses or fails ends that agent and nothing else. Its registrations go on with
//! another one, and memory that it may still touch is never anybody else's.

#![expect(clippy::disallowed_methods, reason = "tests reach the files by the back door")]

use super::stage::{LEN, Stage, at};
use super::*;
use crate::nixl::plugin::Opening;
use crate::nixl::posix::PosixPlugin;
use std::os::unix::fs::FileExt;

/// Descriptors in the smallest pool that the plugin takes.
const POOL: u64 = 64;

/// The POSIX plugin with so small a pool, and such limits of ours, that it can be overrun.
#[derive(Debug)]
struct SmallPool;

impl Plugin for SmallPool {
    const FACTS: Facts = Facts {
        ways: &[Opening {
            queue: "io_uring",
            parameters: &[(c"use_uring", c"true"), (c"ios_pool_size", c"64")],
        }],
        ..PosixPlugin::FACTS
    };
}

/// NIXL carries out what a refused post had queued, even after its release: blocks were written
/// while another request was polled. And each later post is refused as well.
#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn a_refused_post_keeps_what_it_may_touch_and_the_run_goes_on() {
    let mut stage = Stage::<SmallPool>::new();
    let before = stage.agent();
    let all = 2 * POOL - 2;
    let parts = (0..all).map(|slot| stage.store(slot)).collect();
    stage.submit(parts).unwrap();
    let mut done = Vec::new();
    while stage.nixl.flights.parts() > 0 {
        stage.nixl.park(Nanos(1));
        stage.nixl.poll(&mut done).unwrap();
    }
    assert_eq!(done, [], "a request that may still touch its memory is not answered");
    let notes = &stage.nixl.capability().fallbacks;
    assert!(notes.iter().any(|note| note.instead.contains("NIXL refused a post")), "{notes:?}");
    for slot in 0..all {
        let part = stage.store(slot);
        assert_eq!(
            stage.nixl.fill(part.source, &[9; LEN as usize]).unwrap_err().kind(),
            ErrorKind::Busy
        );
    }
    assert_eq!(stage.nixl.release(stage.host).unwrap_err().kind(), ErrorKind::Busy);
    let (free, agent) = (stage.store(all), stage.agent());
    stage.nixl.fill(free.source, &[7; LEN as usize]).unwrap();
    assert_eq!(stage.run(vec![free]), [], "the run goes on");
    assert!(stage.agent() != before && agent != before, "through another agent");
    let mut seen = [0; LEN as usize];
    stage.nixl.peek(free.target, &mut seen).unwrap();
    assert_eq!(seen, [7; LEN as usize]);
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
