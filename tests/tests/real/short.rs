//! F05: the system writes less than it was asked to, and then nothing more. Such a block is never found, whatever lies in its
//! slot; those before it are.

use crate::cache::{Cache, PAYLOAD, STRIDE, TRAILER};
use crate::full::limit_files;
use crate::ground::Ground;
use crate::on::On;
use crate::trial::Trial;
use std::path::Path;
use tierproof_core::Tier;

/// Bytes of a slot that are still written.
const CUTS: [(&str, u64); 4] = [
    ("after_a_page", 4096),
    ("within_a_page", 5000),
    ("before_the_last_byte", PAYLOAD - 1),
    ("before_the_trailer", TRAILER),
];

pub(crate) fn trials() -> Vec<Trial> {
    let trials = CUTS.into_iter().flat_map(|(case, at)| {
        Trial::everywhere("F05", case, Ground::Limits, move |on, root| short(on, root, at))
    });
    trials.collect()
}

fn short(on: On, root: &Path, at: u64) {
    let mut cache = Cache::full(on, root);
    let slot = if on.has_a_file_for_each_slot() { 0 } else { u64::from(cache.victim().1) };
    limit_files(Some(slot * STRIDE + at));
    cache.serve_all(|_, _| false);
    cache.serve_new(9);
    assert!(cache.failed() > 0, "F05 did not happen");
    let whole = cache.stored_in(Tier::Disk);
    assert!(whole.values().all(|&place| u64::from(place) < slot), "no half entry: {whole:?}");
    assert_eq!(whole.is_empty(), slot == 0, "what fits is stored");
    cache.serve_all(|_, _| false);
    limit_files(None);
    cache.lives_on();
    cache.close(&[]);
}
