//! F12: bytes of a slot change at rest. What trailers speak for is a miss; padding is nobody's, and stays where it is.

use crate::cache::{Cache, PAYLOAD, STRIDE, TRAILER};
use crate::folder::GARBAGE;
use crate::ground::Ground;
use crate::trial::Trial;

/// Bytes of a trailer that say something; the rest of its page is padding.
const SAID: u64 = 104;

struct Edit {
    case: &'static str,
    from: u64,
    to: u64,
    harmless: bool,
}

const EDITS: [Edit; 9] = [
    Edit { case: "first_byte", from: 0, to: 1, harmless: false },
    Edit { case: "second_page", from: 4096, to: 8192, harmless: false },
    Edit { case: "last_byte", from: PAYLOAD - 1, to: PAYLOAD, harmless: false },
    Edit { case: "trailer_begin", from: TRAILER, to: TRAILER + 1, harmless: false },
    Edit { case: "trailer_middle", from: TRAILER + 64, to: TRAILER + 65, harmless: false },
    Edit { case: "trailer_end", from: TRAILER + SAID - 1, to: TRAILER + SAID, harmless: false },
    Edit { case: "all_of_it", from: 0, to: STRIDE, harmless: false },
    Edit { case: "padding_of_the_payload", from: PAYLOAD, to: TRAILER, harmless: true },
    Edit { case: "padding_of_the_trailer", from: TRAILER + SAID, to: STRIDE, harmless: true },
];

pub(crate) fn trials() -> Vec<Trial> {
    let trials = EDITS.iter().flat_map(|edit| {
        Trial::everywhere("F12", edit.case, Ground::Here, |on, root| {
            let mut cache = Cache::full(on, root);
            let (victim, slot) = cache.victim();
            let len = (edit.to - edit.from) as usize;
            // Padding was zeros; everything else becomes something else.
            cache.folder.edit(slot, edit.from, len, |old| if old == 0 { GARBAGE } else { !old });
            cache.serve_all(|key, _| key == victim && !edit.harmless);
            cache.lives_on();
            cache.close(&[]);
        })
    });
    trials.collect()
}
