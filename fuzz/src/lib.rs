//! What must hold for any bytes from outside: one function a fuzz target.
//!
//! Each takes any bytes and panics where what it promises does not hold. `cargo fuzz` feeds them
//! what libFuzzer comes up with; `cargo test -p tierproof-fuzz` the committed seeds and some hundreds
//! of inputs beside them, on any toolchain. Built without `cargo fuzz`, a target's program takes the
//! names of files and runs each once.
//!
//! | module | what any bytes are taken for |
//! |---|---|
//! | `bytes` | numbers, one after the other |
//! | `trace` | the lines of a trace |
//! | `plan` | a plan: its choices, or its JSON |
//! | `retention` | retention: its JSON, or its ranges |
//! | `profile` | the TOML of a device model |
//! | `trailer` | a block's trailer |
//! | `life` | one process, for the next one to find what it left |
//! | `index` | the index and the slots of a durable disk tier |
//! | `rerun` | files that were saved |

#![forbid(unsafe_code)]

mod bytes;
mod index;
mod life;
mod plan;
mod profile;
mod rerun;
mod retention;
mod trace;
mod trailer;

pub use index::index;
pub use plan::{plan_texts, plans};
pub use profile::profiles;
pub use rerun::rerun;
pub use retention::retention;
pub use trace::trace_lines;
pub use trailer::trailers;

/// What a target does with its input.
pub type Body = fn(&[u8]);

/// Every target, by the name of its program and of its folder of seeds.
pub const TARGETS: [(&str, Body); 7] = [
    ("index", index),
    ("plan_texts", plan_texts),
    ("plans", plans),
    ("profiles", profiles),
    ("retention", retention),
    ("trace_lines", trace_lines),
    ("trailers", trailers),
];

/// The program of a target: libFuzzer's, or one that runs files.
#[macro_export]
macro_rules! target {
    ($body:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $body(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::rerun($body)
        }
    };
}
