//! Backends on a GPU and over NIXL, beside NIXL by itself and the driver's own copies.
//!
//! Without a GPU it measures `nixl-posix` if that is all that is asked for, and otherwise says what is
//! missing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;
use tierproof_backends::{CudaDram, DirectIo, GdsMtPlugin, GdsPlugin, OnGpu, PosixPlugin};
use tierproof_benches::options::{Options, TOPICS};
use tierproof_benches::through_nixl::{Comparison, compare};
use tierproof_benches::{over_the_bus, watch};

/// What `gds_mt` is to reach through the page cache, in GB/s.
const RATE: f64 = 45.0;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if TOPICS.into_iter().any(|topic| topic != "nixl-posix" && options.wants(topic)) {
        match CudaDram::open(0) {
            Ok(cuda) => println!("{:?}", cuda.gpu()),
            Err(error) => {
                eprintln!("error: {error}");
                eprintln!("without a GPU: --only nixl-posix");
                return ExitCode::FAILURE;
            }
        }
    }
    watch::start(Duration::from_secs(150));
    let mut failed = false;
    for topic in TOPICS.into_iter().filter(|topic| options.wants(topic)) {
        // One that fails does not take the others with it. It has said why.
        failed |= catch_unwind(AssertUnwindSafe(|| measure(topic, &options))).is_err();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure(topic: &'static str, options: &Options) {
    if topic == "cuda" {
        return over_the_bus::compare(options);
    }
    for direct in [DirectIo::Never, DirectIo::Auto] {
        let cached = direct == DirectIo::Never;
        let on_gpu = topic != "nixl-posix";
        let mib = match (cached, on_gpu, options.quick) {
            // Through the page cache a GPU's plugins take a fortieth of a second for a GiB.
            (true, true, _) | (true, false, false) => 1024,
            (false, _, false) => 512,
            (_, _, true) => 256,
        };
        let comparison = Comparison {
            name: topic,
            direct,
            gpu: on_gpu.then_some(0),
            rate: (topic == "gds_mt" && cached).then_some(RATE),
            bytes: options.bytes.unwrap_or(mib << 20),
        };
        match topic {
            "gds_mt" => compare::<GdsMtPlugin>(comparison, options),
            "gds" => compare::<GdsPlugin>(comparison, options),
            _ => compare::<PosixPlugin>(comparison, options),
        }
    }
}
