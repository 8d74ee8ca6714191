//! Promise: where tiers, priorities and the tree meet, the decision log is what one gets by
//! following the rule book with a pencil, and the engine's is the same. Each expectation was written
//! down before either was run.

mod admission;
mod sequences;
mod tiers;
