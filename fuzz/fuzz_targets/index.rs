//! Whatever an index has become, the next process begins or says why not, and serves nothing wrong.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::index);
