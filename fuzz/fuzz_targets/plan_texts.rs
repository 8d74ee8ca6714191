//! A text that is accepted as a case is valid, survives its JSON, and never makes anybody panic.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::plan_texts);
