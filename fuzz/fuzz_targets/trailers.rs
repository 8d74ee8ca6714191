//! A trailer that verifies is the one that was sealed; any other is refused with the first difference.

#![cfg_attr(fuzzing, no_main)]
#![forbid(unsafe_code)]

tierproof_fuzz::target!(tierproof_fuzz::trailers);
