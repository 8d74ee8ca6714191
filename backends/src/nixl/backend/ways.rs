//! Promise: what can't be had in the first way is had in the next, which is said; what comes too late
//! moves nothing.

use super::stage::{LEN, Stage, at};
use super::*;
use crate::nixl::plugin::{Facts, Opening};
use crate::nixl::posix::{AIO, PosixPlugin};
use tierproof_core::Fault;

/// Two queues at once, which the plugin refuses.
const BOTH: Opening = Opening {
    queue: "neither",
    parameters: &[(c"use_uring", c"true"), (c"use_aio", c"true")],
    ..AIO
};

/// The POSIX plugin where its first queue is not to be had.
#[derive(Debug)]
struct Forbidden;

impl Plugin for Forbidden {
    const FACTS: Facts = Facts { ways: &[BOTH, PosixPlugin::FACTS.ways[1]], ..PosixPlugin::FACTS };
}

/// A plugin without a way.
#[derive(Debug)]
struct Hopeless;

impl Plugin for Hopeless {
    const FACTS: Facts = Facts { ways: &[BOTH, BOTH], ..PosixPlugin::FACTS };
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn the_next_way_is_taken_and_said() {
    let mut stage = Stage::<Forbidden>::new();
    assert_eq!(stage.nixl.attestation().queue, "io_uring");
    let [note] = &stage.nixl.capability().fallbacks[..] else { panic!("said once") };
    assert_eq!((&note.wanted[..], &note.instead[..]), ("neither", "io_uring"));
    stage.nixl.fill(at(stage.host, 3), &[5; LEN as usize]).unwrap();
    assert_eq!(stage.run(vec![stage.store(3)]), []);
    stage.nixl.fill(at(stage.host, 3), &[0; LEN as usize]).unwrap();
    assert_eq!(stage.run(vec![stage.load(3)]), []);
    let mut seen = [0; LEN as usize];
    stage.nixl.peek(at(stage.host, 3), &mut seen).unwrap();
    assert_eq!(seen, [5; LEN as usize]);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn without_any_way_it_is_unavailable_and_all_are_named() {
    let root = tempfile::tempdir().unwrap();
    let error = Nixl::<Hopeless>::open(NixlConfig::new(root.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for part in ["nixl-posix does not work here", "libplugin_POSIX.so can't be opened", "neither: "]
    {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn what_comes_after_its_deadline_moves_nothing() {
    let mut stage = Stage::<PosixPlugin>::new();
    stage.nixl.fill(at(stage.host, 0), &[5; LEN as usize]).unwrap();
    let parts = vec![stage.store(0), stage.store(1)];
    stage.nixl.submit(&TransferRequest { parts, ..Default::default() }).unwrap();
    let mut done = Vec::new();
    stage.nixl.poll(&mut done).unwrap();
    let late = Fault::new(ErrorKind::TimedOut);
    assert_eq!(done[0].faults, [(0, late), (1, late)]);
    let mut seen = [1; LEN as usize];
    stage.nixl.peek(at(stage.file, 0), &mut seen).unwrap();
    assert_eq!(seen, [0; LEN as usize]);
}
