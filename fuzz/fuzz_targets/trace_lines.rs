//! Whatever a trace holds, an arrival is what its line says, and an error says where and what to do.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::trace_lines);
