//! Small things tried in every way there is, beside random ones: each sweep says how many ways that was,
//! and fails if it becomes fewer.

#[path = "../failures/bench.rs"]
#[expect(dead_code, reason = "the failure suite's bench, of which this one needs a part")]
mod bench;
mod choices;
mod failing;
#[path = "../failures/faults.rs"]
#[expect(dead_code, reason = "the bench is made of it")]
mod faults;
mod nth;
mod orders;
mod sequences;
#[path = "../failures/words.rs"]
mod words;
