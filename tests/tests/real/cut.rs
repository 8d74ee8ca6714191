//! F06: a slot's file is cut in mid-run, so that reads are short. What the cut took is a miss; storing makes it whole again.

use crate::cache::{Cache, STRIDE, TRAILER};
use crate::ground::Ground;
use crate::trial::Trial;
use std::collections::BTreeSet;
use tierproof_core::Tier;

/// What is left of the victim's slot, and whether everything before it goes too.
#[derive(Clone, Copy)]
enum Cut {
    Within(u64),
    ToNothing,
}

const CUTS: [(&str, Cut); 6] = [
    ("within_the_trailers_page", Cut::Within(STRIDE - 1000)),
    ("before_the_trailer", Cut::Within(TRAILER)),
    ("within_a_page", Cut::Within(5000)),
    ("between_pages", Cut::Within(4096)),
    ("between_blocks", Cut::Within(0)),
    ("to_nothing", Cut::ToNothing),
];

pub(crate) fn trials() -> Vec<Trial> {
    let trials = CUTS.into_iter().flat_map(|(case, cut)| {
        Trial::everywhere("F06", case, Ground::Here, move |on, root| {
            let mut cache = Cache::full(on, root);
            let stored = cache.stored_in(Tier::Disk);
            let (victim, slot) = cache.victim();
            match cut {
                Cut::Within(left) => cache.folder.cut(slot, left),
                Cut::ToNothing if on.has_a_file_for_each_slot() => {
                    stored.values().for_each(|&slot| cache.folder.cut(slot, 0));
                }
                Cut::ToNothing => cache.folder.cut(0, 0),
            }
            let lost = |(&key, &place): (&u64, &u32)| {
                let gone = match cut {
                    Cut::ToNothing => true,
                    Cut::Within(_) if on.has_a_file_for_each_slot() => key == victim,
                    Cut::Within(_) => place >= slot,
                };
                gone.then_some(key)
            };
            let damaged: BTreeSet<u64> = stored.iter().filter_map(lost).collect();
            cache.serve_all(|key, _| damaged.contains(&key));
            cache.lives_on();
            cache.close(&[]);
        })
    });
    trials.collect()
}
