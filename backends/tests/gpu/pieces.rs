//! Promise: blocks of a serving engine's own pool, in one piece or in layers, arrive as they are.

use crate::Files;
use crate::bench::{at, copy, folder, kind_of, medium, pattern, request, stamp};
use crate::watchdog::run;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr};
use rstest::rstest;
use std::sync::Arc;
use tierproof_backends::{CudaDram, NixlConfig, OnGpu, Pool};
use tierproof_core::{Backend, Bytes, Descriptor, ErrorKind, Medium, Part, Rows};

const LAYERS: usize = 8;
const PIECE: Bytes = 16 << 10;
const BLOCKS: u64 = 6;
const BLOCK: Bytes = LAYERS as Bytes * PIECE;
const DEVICE: Medium = Medium::Device { ordinal: 0 };

/// Tensors of a serving engine's, one for each layer.
struct Engine {
    stream: Arc<CudaStream>,
    layers: Vec<CudaSlice<u8>>,
}

impl Engine {
    fn new() -> Self {
        let context = CudaContext::new(0).unwrap_or_else(|error| panic!("no GPU: {error}"));
        let stream = context.new_stream().unwrap();
        let layer = |_| stream.alloc_zeros::<u8>((PIECE * BLOCKS) as usize).unwrap();
        let layers = (0..LAYERS).map(layer).collect();
        stream.synchronize().unwrap();
        Self { stream, layers }
    }

    fn pool(&self) -> Pool {
        let address = |layer: &CudaSlice<u8>| layer.device_ptr(&self.stream).0;
        Pool::layers(0, self.layers.iter().map(address).collect(), PIECE, BLOCKS).unwrap()
    }

    /// A block as the engine itself sees it.
    fn block(&self, block: u64) -> Vec<u8> {
        let piece = |layer: &CudaSlice<u8>| {
            let all = self.stream.clone_dtoh(layer).unwrap();
            self.stream.synchronize().unwrap();
            all[(block * PIECE) as usize..((block + 1) * PIECE) as usize].to_vec()
        };
        self.layers.iter().flat_map(piece).collect()
    }
}

fn goes_there_and_back<B: OnGpu>(mut backend: B, below: &Medium, sealed: bool) {
    let engine = Engine::new();
    // SAFETY: the tensors outlive the backend, which is dropped first below; nobody else uses them meanwhile.
    unsafe { backend.adopt(engine.pool()) }.unwrap();
    let device = backend.allocate(&DEVICE, BLOCK * BLOCKS).unwrap();
    let stride = 2 * BLOCK;
    let below = backend.allocate(below, 4 * stride).unwrap();
    let block = |index: u64| at(device, index * BLOCK, BLOCK);
    let slot = |index: u64| at(below, index * stride, BLOCK);
    for index in 0..3 {
        backend.fill(block(index), &pattern(index * 1000, BLOCK)).unwrap();
        assert!(engine.block(index) == pattern(index * 1000, BLOCK), "filled in layers");
    }
    let stamp = sealed.then(|| stamp(BLOCK));
    let down = |index| Part { seal: stamp, ..copy(block(index), slot(index)) };
    let up = |index: u64| Part { check: stamp, ..copy(slot(index), block(index + 3)) };
    run(&mut backend, &[down(0), down(1), down(2)]);
    for index in 0..3 {
        let mut seen = vec![0; BLOCK as usize];
        backend.peek(slot(index), &mut seen).unwrap();
        assert!(seen == pattern(index * 1000, BLOCK), "below, the pieces of {index} are together");
    }
    run(&mut backend, &[up(2), up(0), up(1)]);
    for index in 0..3 {
        assert!(engine.block(index + 3) == pattern(index * 1000, BLOCK), "block {index} is back");
    }
    // Rows of a block within the pool: the first half of every piece.
    let half = Rows { count: LAYERS as u32, len: PIECE / 2, pitch: PIECE };
    backend.fill(block(5), &vec![0; BLOCK as usize]).unwrap();
    run(&mut backend, &[Part { rows: Some(half), ..copy(block(0), block(5)) }]);
    let expected: Vec<u8> = pattern(0, BLOCK)
        .chunks(PIECE as usize)
        .flat_map(|piece| [&piece[..PIECE as usize / 2], &[0; PIECE as usize / 2]].concat())
        .collect();
    assert!(engine.block(5) == expected, "only the rows");
    drop(backend);
}

#[rstest]
fn layers_there_and_back_through_files(#[values(false, true)] sealed: bool) {
    let folder = folder();
    let config = NixlConfig { gpu: Some(0), ..NixlConfig::new(folder.path()) };
    let files = Files::open(config).unwrap_or_else(|error| panic!("{error}"));
    goes_there_and_back(files, &Medium::File(medium(0, 2 * BLOCK)), sealed);
}

#[rstest]
fn layers_there_and_back_through_host_memory(#[values(false, true)] sealed: bool) {
    let cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    goes_there_and_back(cuda, &Medium::Host, sealed);
}

#[test]
fn a_pool_that_does_not_fit_is_refused() {
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: it is refused, so nobody ever uses the address.
    let other = unsafe { cuda.adopt(Pool::contiguous(1, 4096, 4096)) };
    assert_eq!(kind_of(other), ErrorKind::Unsupported);
    // SAFETY: the region of another length is refused, so nobody ever uses the address.
    unsafe { cuda.adopt(Pool::contiguous(0, 4096, 4096)) }.unwrap();
    assert_eq!(kind_of(cuda.allocate(&DEVICE, 8192)), ErrorKind::Config);
}

/// Layers have no place behind a block.
#[test]
fn trailers_in_layers_are_refused() {
    let engine = Engine::new();
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: the tensors outlive the backend, and nobody else uses them.
    unsafe { cuda.adopt(engine.pool()) }.unwrap();
    let device = cuda.allocate(&DEVICE, BLOCK * BLOCKS).unwrap();
    let host = cuda.allocate(&Medium::Host, 2 * BLOCK).unwrap();
    let (block, slot): (Descriptor, Descriptor) = (at(device, 0, BLOCK), at(host, 0, BLOCK));
    let sealed = Part { seal: Some(stamp(BLOCK)), ..copy(slot, block) };
    assert_eq!(kind_of(cuda.submit(&request(&[sealed]))), ErrorKind::Unsupported);
}

/// Each row is an entry of a table: four thousand million of them took all memory.
#[test]
fn absurd_rows_are_refused() {
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let device = cuda.allocate(&DEVICE, 2 * BLOCK).unwrap();
    let rows = Some(Rows { count: u32::MAX, len: 0, pitch: 0 });
    let absurd = Part { rows, ..copy(at(device, 0, BLOCK), at(device, BLOCK, BLOCK)) };
    assert_eq!(kind_of(cuda.submit(&request(&[absurd]))), ErrorKind::OutOfRange);
}

/// A block larger than the buffers that were made for smaller ones must not wait for one of them for ever.
#[test]
fn a_giant_is_verified_after_many_small_ones() {
    let mut cuda = CudaDram::open(0).unwrap_or_else(|error| panic!("{error}"));
    let (small, giant) = (8 << 20, 80 << 20);
    let device = cuda.allocate(&DEVICE, giant).unwrap();
    let host = cuda.allocate(&Medium::Host, 2 * giant).unwrap();
    for len in [small, giant, small] {
        let (block, slot) = (at(device, 0, len), at(host, 0, len));
        cuda.fill(block, &pattern(len, len)).unwrap();
        run(&mut cuda, &[Part { seal: Some(stamp(len)), ..copy(block, slot) }]);
        cuda.fill(block, &vec![0; len as usize]).unwrap();
        run(&mut cuda, &[Part { check: Some(stamp(len)), ..copy(slot, block) }]);
        let mut seen = vec![0; len as usize];
        cuda.peek(block, &mut seen).unwrap();
        assert!(seen == pattern(len, len));
    }
}
