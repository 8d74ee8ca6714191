//! A profile that is accepted is one that a simulator runs on, as fast as the profile says.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::profiles);
