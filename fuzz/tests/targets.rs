//! Promise: what fuzz targets promise holds for every committed seed, for seeds that were damaged, and
//! for noise; and no target goes without all of that.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tierproof_fuzz::{Body, TARGETS};

/// Inputs of each kind beside the seeds.
const INPUTS: u32 = 400;
/// The longest noise, in bytes.
const NOISE_MAX: usize = 600;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = files(&folder("seeds").join(target));
    assert!(!files.is_empty(), "{target} has no seeds");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed with some bytes replaced, some left out, and perhaps an end of another seed.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds.clone());
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let cut = any::<(prop::sample::Index, prop::sample::Index)>();
    let tail = prop::option::of((prop::sample::select(seeds), any::<prop::sample::Index>()));
    (seed, edits, prop::option::of(cut), tail).prop_map(|(mut bytes, edits, cut, tail)| {
        if let Some((one, other)) = cut {
            let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
            bytes.drain(one.min(other)..one.max(other));
        }
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((other, from)) = tail {
            bytes.extend_from_slice(&other[from.index(other.len())..]);
        }
        bytes
    })
}

/// The same inputs in every run.
fn feed(body: Body, inputs: &impl Strategy<Value = Vec<u8>>) {
    let config = Config { cases: INPUTS, failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(inputs, |bytes| {
        body(&bytes);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn try_out(target: &str) {
    let (_, body) = TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let seeds = seeds(target);
    for seed in &seeds {
        body(seed);
    }
    feed(body, &damaged(seeds));
    feed(body, &prop::collection::vec(any::<u8>(), 0..NOISE_MAX));
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            try_out(stringify!($name));
        })*

        #[test]
        fn every_program_is_a_target_that_is_tried_here() {
            let tried = BTreeSet::from([$(stringify!($name)),*].map(str::to_owned));
            let programs = files(&folder("fuzz_targets"));
            let name = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
            assert_eq!(programs.iter().map(name).collect::<BTreeSet<_>>(), tried);
            assert_eq!(BTreeSet::from(TARGETS.map(|(name, _)| name.to_owned())), tried);
        }
    };
}

targets!(index, plan_texts, plans, profiles, retention, trace_lines, trailers);

/// The plans that other suites run are texts too.
#[test]
fn saved_plans_are_texts_that_are_accepted() {
    let saved = files(&folder("../tests/plans"));
    assert!(!saved.is_empty());
    for file in saved {
        tierproof_fuzz::plan_texts(&fs::read(file).unwrap());
    }
}
