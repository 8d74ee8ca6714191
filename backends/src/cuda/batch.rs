//! A batch of trips on the streams, from its launch to its end.

use super::gpu::{Gpu, Way};
use super::kernels::{Copy, Payload, Record};
use super::manifest::Manifest;
use super::trip::Going;
use crate::lend::{LentMut, Memory};
use crate::sheets::Sheet;
use cudarc::driver::{CudaEvent, CudaStream, DriverError, result, sys};
use std::sync::OnceLock;

/// Trips whose stage the GPU was given, and what it reads and writes of ours meanwhile.
#[derive(Debug)]
pub(super) struct Batch<T> {
    /// Each with the number of its record, if its payload is looked at.
    pub(super) trips: Vec<(Going<T>, Option<usize>)>,
    pub(super) slip: Sheet<Memory>,
    bytes: LentMut,
    /// Where in the slip the records begin.
    records: usize,
    events: Vec<CudaEvent>,
}

/// A trip whose stage has ended, and what was seen of its payload, if it was looked at.
pub(super) type Seen<T> = (Going<T>, Option<Record>);

/// Bytes of pinned host memory that the tables and records of a manifest take.
pub(super) fn slip_len(manifest: &Manifest) -> usize {
    let tails: usize = manifest.tails.iter().map(|(bytes, _)| bytes.len()).sum();
    tails_at(manifest) + tails
}

fn records_at(manifest: &Manifest) -> usize {
    let copies = manifest.ins.len() + manifest.outs.len() + manifest.tails.len();
    copies * Copy::LEN + manifest.looks.len() * Payload::LEN
}

fn tails_at(manifest: &Manifest) -> usize {
    records_at(manifest).next_multiple_of(Record::ALIGNMENT) + manifest.looks.len() * Record::LEN
}

impl<T> Batch<T> {
    /// Gives a batch to the streams. After an error nothing of it is under way any more.
    pub(super) fn launch(
        gpu: &Gpu,
        side: &CudaStream,
        manifest: &Manifest,
        trips: Vec<(Going<T>, Option<usize>)>,
        slip: Sheet<Memory>,
    ) -> (Self, Result<(), DriverError>) {
        let mut bytes = slip.lend(0..slip_len(manifest));
        let tables = Tables::write(manifest, &mut bytes);
        let records = records_at(manifest).next_multiple_of(Record::ALIGNMENT);
        let mut batch = Self { trips, slip, bytes, records, events: Vec::new() };
        let launched = batch.enqueue(gpu, side, manifest, &tables);
        if launched.is_err() {
            // What did begin ends before anybody is told.
            gpu.settle(&[gpu.stream(Way::Down), gpu.stream(Way::Up), side]);
            batch.events.clear();
        }
        (batch, launched)
    }

    fn enqueue(
        &mut self,
        gpu: &Gpu,
        side: &CudaStream,
        manifest: &Manifest,
        tables: &Tables,
    ) -> Result<(), DriverError> {
        gpu.bind()?;
        let [down, up] = [Way::Down, Way::Up].map(|way| &**gpu.stream(way));
        let streams = [down, up, side];
        for (going, _) in &self.trips {
            going.trip.source.await_writers(&streams)?;
            going.trip.target.await_writers(&streams)?;
        }
        engine(up, &manifest.dma_in)?;
        let kernels = manifest.uses_kernels();
        if kernels && !manifest.dma_in.is_empty() {
            side.wait(&gpu.mark(up)?)?;
        }
        for (address, len) in &manifest.wipes {
            // SAFETY: the range is claimed for writing by a trip of this batch, which lives until the
            // batch has ended.
            unsafe { result::memset_d8_async(*address, 0, *len as usize, side.cu_stream()) }?;
        }
        let copies = |table: &Table| {
            // SAFETY: the table is in the slip, and the ranges are claimed by trips, all of this batch,
            // which lives until it has ended.
            unsafe { gpu.kernels.copy(side, table.address, table.count, table.len_max) }
        };
        if tables.ins.count > 0 {
            copies(&tables.ins)?;
            if !manifest.downs.is_empty() {
                down.wait(&gpu.mark(side)?)?;
            }
        }
        if tables.looks.count > 0 {
            let (payloads, count) = (tables.looks.address, tables.looks.count);
            // SAFETY: as above; the records are in the slip too.
            unsafe { gpu.kernels.checksum(side, payloads, tables.records, count) }?;
        }
        if tables.outs.count > 0 {
            copies(&tables.outs)?;
        }
        engine(down, &manifest.downs)?;
        engine(up, &manifest.ups)?;
        let ups = !manifest.dma_in.is_empty() || !manifest.ups.is_empty();
        let used = [(down, !manifest.downs.is_empty()), (up, ups), (side, kernels)];
        for (stream, _) in used.iter().filter(|(_, used)| *used) {
            self.events.push(gpu.mark(stream)?);
        }
        Ok(())
    }

    /// Whether the GPU is done with it.
    pub(super) fn has_ended(&mut self) -> Result<bool, DriverError> {
        while let Some(event) = self.events.last() {
            if !event.try_is_complete()? {
                return Ok(false);
            }
            self.events.pop();
        }
        Ok(true)
    }

    /// Makes `stream` wait for the whole batch.
    pub(super) fn precede(&self, stream: &CudaStream) -> Result<(), DriverError> {
        self.events.iter().try_for_each(|event| stream.wait(event))
    }

    /// Its trips, with what was seen of their payloads, and the slip to give back.
    pub(super) fn end(mut self) -> (Vec<Seen<T>>, Sheet<Memory>) {
        let bytes = self.bytes.bytes();
        let record = |number: usize| {
            let start = self.records + number * Record::LEN;
            Record::from_bytes(&bytes[start..start + Record::LEN])
        };
        let trips = self.trips.into_iter();
        let trips = trips.map(|(going, number)| (going, number.map(record))).collect();
        (trips, self.slip)
    }
}

/// Copies by a copy engine: together in one call where the driver has it, which leaves no gaps between them.
fn engine(stream: &CudaStream, copies: &[Copy]) -> Result<(), DriverError> {
    if copies.len() > 1 && together() {
        return engine_together(stream, copies);
    }
    copies.iter().try_for_each(|Copy { source, target, len }| {
        // SAFETY: both ranges are claimed by a trip of a batch that lives until the stream has come
        // here; host memory among them is pinned.
        unsafe { sys::cuMemcpyAsync(*target, *source, *len as usize, stream.cu_stream()) }.result()
    })
}

/// Whether the driver copies many ranges in one call: from CUDA 12.8 on.
fn together() -> bool {
    static TOGETHER: OnceLock<bool> = OnceLock::new();
    *TOGETHER.get_or_init(|| {
        // SAFETY: the library is loaded already.
        let library = unsafe { sys::culib() };
        // SAFETY: the symbol is only asked for.
        unsafe { library.get::<*const ()>(b"cuMemcpyBatchAsync") }.is_ok()
    })
}

fn engine_together(stream: &CudaStream, copies: &[Copy]) -> Result<(), DriverError> {
    let mut targets: Vec<u64> = copies.iter().map(|copy| copy.target).collect();
    let mut sources: Vec<u64> = copies.iter().map(|copy| copy.source).collect();
    let mut lens: Vec<usize> = copies.iter().map(|copy| copy.len as usize).collect();
    let nowhere =
        sys::CUmemLocation { type_: sys::CUmemLocationType::CU_MEM_LOCATION_TYPE_INVALID, id: 0 };
    let mut terms = sys::CUmemcpyAttributes {
        srcAccessOrder: sys::CUmemcpySrcAccessOrder::CU_MEMCPY_SRC_ACCESS_ORDER_STREAM,
        srcLocHint: nowhere,
        dstLocHint: nowhere,
        flags: 0,
    };
    let (mut first, mut failed) = (0, 0);
    // SAFETY: the lists have equal lengths and are copied by the call; the ranges are as in `engine`.
    unsafe {
        sys::cuMemcpyBatchAsync(
            targets.as_mut_ptr(),
            sources.as_mut_ptr(),
            lens.as_mut_ptr(),
            copies.len(),
            &mut terms,
            &mut first,
            1,
            &mut failed,
            stream.cu_stream(),
        )
    }
    .result()
}

/// A table of a kernel, in pinned host memory.
#[derive(Debug, Default)]
struct Table {
    address: u64,
    count: u32,
    len_max: u64,
}

#[derive(Debug)]
struct Tables {
    ins: Table,
    outs: Table,
    looks: Table,
    records: u64,
}

impl Tables {
    /// Writes the tables of a manifest into a slip, with the tails.
    fn write(manifest: &Manifest, slip: &mut LentMut) -> Self {
        let base = slip.span().start;
        let bytes = slip.bytes();
        let mut at = 0;
        let mut put = |bytes: &mut [u8], entry: &[u8]| {
            bytes[at..at + entry.len()].copy_from_slice(entry);
            at += entry.len();
            base + at
        };
        let mut behind = base;
        let mut table = |bytes: &mut [u8], copies: &[Copy]| {
            let address = behind as u64;
            for copy in copies {
                behind = put(bytes, &copy.to_bytes());
            }
            let len_max = copies.iter().map(|copy| copy.len).max().unwrap_or(0);
            Table { address, count: copies.len() as u32, len_max }
        };
        let mut tail_at = base + tails_at(manifest);
        let tails = manifest.tails.iter().map(|(tail, target)| {
            let copy = Copy { source: tail_at as u64, target: *target, len: tail.len() as u64 };
            tail_at += tail.len();
            copy
        });
        let outs: Vec<Copy> = manifest.outs.iter().copied().chain(tails).collect();
        let ins = table(bytes, &manifest.ins);
        let outs = table(bytes, &outs);
        let looks =
            Table { address: behind as u64, count: manifest.looks.len() as u32, len_max: 0 };
        for look in &manifest.looks {
            put(bytes, &look.to_bytes());
        }
        let mut at = tails_at(manifest);
        for (tail, _) in &manifest.tails {
            bytes[at..at + tail.len()].copy_from_slice(tail);
            at += tail.len();
        }
        let records = base + records_at(manifest).next_multiple_of(Record::ALIGNMENT);
        Self { ins, outs, looks, records: records as u64 }
    }
}
