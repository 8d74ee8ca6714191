//! A small bench: a simulator with round numbers, and requests in one line.

use tierproof_core::{
    Backend, Bytes, Completion, Descriptor, ErrorKind, FileMedium, FileRole, Medium, Nanos, Part,
    RegionId, Result, Stamp, TransferId, TransferRequest,
};
use tierproof_sim::{Profile, Sim, SimConfig};

/// Every route on one link of 1 byte/ns, 100 ns of latency, two requests at once.
pub(crate) const ONE_LINK: &str = r#"
    name = "one link"
    [links.bus]
    bandwidth_bytes_per_s = 1_000_000_000
    [routes]
    device_to_device = { link = "bus", latency_ns = 100, queue_depth = 2 }
    device_to_host = { link = "bus", latency_ns = 100, queue_depth = 2 }
    device_to_file = { link = "bus", latency_ns = 100, queue_depth = 2 }
    host_to_device = { link = "bus", latency_ns = 100, queue_depth = 2 }
    host_to_host = { link = "bus", latency_ns = 100, queue_depth = 2 }
    host_to_file = { link = "bus", latency_ns = 100, queue_depth = 2 }
    file_to_device = { link = "bus", latency_ns = 100, queue_depth = 2 }
    file_to_host = { link = "bus", latency_ns = 100, queue_depth = 2 }
"#;

pub(crate) const DEVICE: Medium = Medium::Device { ordinal: 0 };

pub(crate) fn file() -> Medium {
    let directory = String::new();
    Medium::File(FileMedium {
        directory,
        rank: 0,
        window: 0,
        pool: 0,
        role: FileRole::Scratch,
        stride: 4096,
    })
}

pub(crate) fn config(profile: &str) -> SimConfig {
    let profile = Profile::from_toml(profile).expect("a valid profile");
    SimConfig { profile, ..SimConfig::default() }
}

pub(crate) fn sim() -> Sim {
    Sim::new(config(ONE_LINK)).expect("valid settings")
}

pub(crate) fn at(region: RegionId, offset: Bytes, len: Bytes) -> Descriptor {
    Descriptor { region, offset, len }
}

pub(crate) fn copy(source: Descriptor, target: Descriptor) -> Part {
    Part { source, target, rows: None, check: None, seal: None }
}

pub(crate) fn request(parts: &[Part]) -> TransferRequest {
    TransferRequest { parts: parts.to_vec(), ..TransferRequest::default() }
}

pub(crate) fn submit(sim: &mut Sim, parts: &[Part]) -> TransferId {
    sim.submit(&request(parts)).expect("an acceptable request")
}

pub(crate) fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

pub(crate) fn read(sim: &mut Sim, source: Descriptor) -> Vec<u8> {
    let mut bytes = vec![0; source.len as usize];
    sim.peek(source, &mut bytes).expect("a readable range");
    bytes
}

/// All completions until nothing is in flight but what hangs.
pub(crate) fn drain(sim: &mut Sim) -> Vec<Completion> {
    let mut done = Vec::new();
    loop {
        let before = done.len();
        let now = sim.now();
        // No request of these tests takes a second.
        sim.park(now.saturating_add(Nanos(1_000_000_000)));
        sim.poll(&mut done).expect("the simulator goes on");
        if done.len() == before {
            return done;
        }
    }
}

/// (when, request) of all completions.
pub(crate) fn times(done: &[Completion]) -> Vec<(u64, u64)> {
    done.iter().map(|completion| (completion.at.0, completion.id.0)).collect()
}

pub(crate) fn stamp(len: Bytes) -> Stamp {
    Stamp { key: [1; 32], tenant: 2, layout: [3; 16], generation: 4, slot: 5, pool: 6, len }
}
