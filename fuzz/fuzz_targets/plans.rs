//! Any bytes are a case that is valid, survives its JSON, and breaks no law on the simulator.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::plans);
