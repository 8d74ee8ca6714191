//! What the simulated device promises, each promise at the top of its file.

mod bench;
mod determinism;
mod faults;
mod images;
mod lasting;
mod misuse;
mod model;
mod profile;
mod races;
mod shadow;
mod shadowed;
mod streams;
mod timing;
mod trailers;
