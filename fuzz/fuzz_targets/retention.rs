//! Retention that is accepted is in bounds, survives its JSON, and gives each block what its range says.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::retention);
