//! Promise: a transfer waits for the kernels that still write its blocks, and a kernel for the transfers that
//! still read them.

use crate::Files;
use crate::bench::{at, copy, folder, medium, request, stamp};
use crate::watchdog::run;
use cudarc::driver::{CudaContext, CudaStream};
use rstest::rstest;
use std::sync::Arc;
use tierproof_backends::{CudaDram, NixlConfig, OnGpu};
use tierproof_core::{Backend, Bytes, Descriptor, Medium, Part, RegionId};

/// How late a kernel writes: long beside a transfer, short beside a test.
const LATE: u64 = 200_000_000;
const LEN: Bytes = 1 << 20;
const DEVICE: Medium = Medium::Device { ordinal: 0 };

/// What a late kernel leaves.
fn written(seed: u32, len: Bytes) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (seed.wrapping_add(i)).wrapping_mul(167).wrapping_add(i >> 8) as u8)
        .collect()
}

/// A stream of somebody else's. Made first, because making it may wait for all kernels.
fn stream() -> Arc<CudaStream> {
    let context = CudaContext::new(0).unwrap_or_else(|error| panic!("no GPU: {error}"));
    context.new_stream().unwrap()
}

fn sees_the_last_bytes(backend: &mut impl OnGpu, device: RegionId, below: RegionId, sealed: bool) {
    let (block, slot) = (at(device, LEN, LEN), at(below, 0, LEN));
    let back = at(device, 3 * LEN, LEN);
    backend.fill(block, &[9; LEN as usize]).unwrap();
    backend.write_late(block, LATE, 5).unwrap();
    let stamp = sealed.then(|| stamp(LEN));
    run(backend, &[Part { seal: stamp, ..copy(block, slot) }]);
    run(backend, &[Part { check: stamp, ..copy(slot, back) }]);
    let mut seen = vec![0; LEN as usize];
    backend.peek(back, &mut seen).unwrap();
    assert!(seen == written(5, LEN), "the offload was faster than the kernel");
}

/// Upstream's offload in a file mode read the block while a kernel still wrote it.
#[rstest]
fn v58_a_file_has_what_the_kernel_wrote_last(#[values(false, true)] sealed: bool) {
    let folder = folder();
    let config = NixlConfig { gpu: Some(0), ..NixlConfig::new(folder.path()) };
    let mut files = Files::open(config).unwrap_or_else(|error| panic!("{error}"));
    let device = files.allocate(&DEVICE, 4 * LEN).unwrap();
    let file = files.allocate(&Medium::File(medium(0, 2 * LEN)), 2 * LEN).unwrap();
    sees_the_last_bytes(&mut files, device, file, sealed);
}

#[rstest]
fn host_memory_has_what_the_kernel_wrote_last(#[values(false, true)] sealed: bool) {
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let device = cuda.allocate(&DEVICE, 4 * LEN).unwrap();
    let host = cuda.allocate(&Medium::Host, 2 * LEN).unwrap();
    sees_the_last_bytes(&mut cuda, device, host, sealed);
}

/// The other direction: a kernel that writes a block anew must not overtake the offload that reads it. The
/// offload itself waits for a kernel, so that it is certainly still to come.
#[test]
fn a_later_kernel_waits_for_the_offload() {
    let stream = stream();
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let device = cuda.allocate(&DEVICE, LEN).unwrap();
    let host = cuda.allocate(&Medium::Host, LEN).unwrap();
    let (block, slot) = (at(device, 0, LEN), at(host, 0, LEN));
    cuda.write_late(block, LATE, 1).unwrap();
    cuda.submit(&request(&[copy(block, slot)])).unwrap();
    cuda.stream_after(block, &stream).unwrap();
    stream.synchronize().unwrap();
    let mut done = Vec::new();
    cuda.poll(&mut done).unwrap();
    assert_eq!(done.len(), 1, "the stream went on when the offload had ended");
    let mut seen = vec![0; LEN as usize];
    cuda.peek(slot, &mut seen).unwrap();
    assert!(seen == written(1, LEN));
}

/// A stream of the caller's own, told of by hand.
#[test]
fn transfers_wait_for_a_stream_that_is_told_of() {
    let stream = stream();
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let device = cuda.allocate(&DEVICE, 2 * LEN).unwrap();
    let host = cuda.allocate(&Medium::Host, LEN).unwrap();
    let (late, block, slot) = (at(device, 0, LEN), at(device, LEN, LEN), at(host, 0, LEN));
    cuda.write_late(late, LATE, 1).unwrap();
    cuda.submit(&request(&[copy(late, slot)])).unwrap();
    cuda.stream_after(late, &stream).unwrap();
    // The stream is still waiting, so whatever waits for the stream is too.
    cuda.transfers_after(block, &stream).unwrap();
    cuda.fill(block, &[3; LEN as usize]).unwrap();
    let mut done = Vec::new();
    cuda.poll(&mut done).unwrap();
    assert_eq!(done.len(), 1, "filling waited for the stream, which waited for the transfer");
}

/// What the host verifies on its way can't be waited for by a stream alone.
#[test]
fn a_stream_can_not_wait_for_what_the_host_verifies() {
    let stream = stream();
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let device = cuda.allocate(&DEVICE, LEN).unwrap();
    let host = cuda.allocate(&Medium::Host, 2 * LEN).unwrap();
    let (block, slot) = (at(device, 0, LEN), at(host, 0, LEN));
    let stamp = stamp(LEN);
    run(&mut cuda, &[Part { seal: Some(stamp), ..copy(block, slot) }]);
    let load = Part { check: Some(stamp), ..copy(slot, block) };
    // Once before, because the driver waits for all kernels when it makes memory.
    run(&mut cuda, &[load]);
    cuda.write_late(block, LATE, 1).unwrap();
    cuda.submit(&request(&[load])).unwrap();
    let refused = cuda.stream_after(block, &stream).unwrap_err();
    assert_eq!(refused.kind(), tierproof_core::ErrorKind::Busy);
}

#[test]
fn only_device_memory_has_streams() {
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let host = cuda.allocate(&Medium::Host, LEN).unwrap();
    let device = cuda.allocate(&DEVICE, LEN).unwrap();
    let kind =
        |range: Descriptor, cuda: &mut CudaDram| cuda.write_late(range, 1, 1).unwrap_err().kind();
    assert_eq!(kind(at(host, 0, 1), &mut cuda), tierproof_core::ErrorKind::Unsupported);
    assert_eq!(kind(at(device, LEN, 1), &mut cuda), tierproof_core::ErrorKind::OutOfRange);
}
