//! Compute streams: kernels in order, and what they wait for.

use crate::draw::{self, Domain, Draw};
use crate::memory::Memory;
use crate::schedule::Service;
use std::collections::VecDeque;
use tierproof_core::{Bytes, Descriptor, Nanos, TransferId};

/// Names a compute stream, which does what it is given in order. Counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// A point in a stream: behind what it was given until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPoint {
    pub(crate) stream: StreamId,
    steps: u64,
}

/// A kernel, or an asynchronous copy: both are no more than when they read and write.
///
/// What it reads it reads when it begins, and not when it is launched. When it ends it writes those
/// bytes, end to end and over again, to what it writes. One that reads nothing writes drawn bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// What hazards call it.
    pub name: &'static str,
    /// What it reads, in memory.
    pub reads: Vec<Descriptor>,
    /// What it writes, in memory.
    pub writes: Vec<Descriptor>,
    /// How long it runs.
    pub duration: Nanos,
}

#[derive(Debug)]
enum Step {
    Kernel(Kernel),
    Reach(StreamPoint),
    Transfers(Vec<TransferId>),
}

#[derive(Debug)]
struct Running {
    ends: Nanos,
    kernel: Kernel,
    gathered: Vec<u8>,
}

#[derive(Debug, Default)]
struct Stream {
    waiting: VecDeque<Step>,
    running: Option<Running>,
    done: u64,
}

impl Stream {
    fn given(&self) -> u64 {
        self.done + self.waiting.len() as u64 + u64::from(self.running.is_some())
    }
}

/// A request that is held back until streams are far enough.
#[derive(Debug)]
struct Gated {
    service: Service,
    after: Vec<StreamPoint>,
}

/// All streams, and the transfers that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    /// What transfers, fills and peeks of a range wait for.
    notes: Vec<(Descriptor, StreamPoint)>,
    gated: Vec<Gated>,
}

impl Streams {
    pub(crate) fn open(&mut self) -> StreamId {
        self.streams.push(Stream::default());
        StreamId(self.streams.len() as u32 - 1)
    }

    pub(crate) fn has(&self, stream: StreamId) -> bool {
        (stream.0 as usize) < self.streams.len()
    }

    pub(crate) fn launch(&mut self, stream: StreamId, kernel: Kernel) {
        self.give(stream, Step::Kernel(kernel));
    }

    pub(crate) fn wait(&mut self, stream: StreamId, point: StreamPoint) {
        self.give(stream, Step::Reach(point));
    }

    pub(crate) fn wait_for_transfers(&mut self, stream: StreamId, transfers: Vec<TransferId>) {
        self.give(stream, Step::Transfers(transfers));
    }

    fn give(&mut self, stream: StreamId, step: Step) {
        self.streams[stream.0 as usize].waiting.push_back(step);
    }

    /// Behind all that a stream was given so far.
    pub(crate) fn point(&self, stream: StreamId) -> StreamPoint {
        StreamPoint { stream, steps: self.streams[stream.0 as usize].given() }
    }

    /// Whether a stream is there; one of another simulator's may not be, and is never reached.
    pub(crate) fn reached(&self, point: StreamPoint) -> bool {
        let stream = self.streams.get(point.stream.0 as usize);
        stream.is_some_and(|stream| stream.done >= point.steps)
    }

    /// Transfers of `range` from now on come after `point`.
    pub(crate) fn note(&mut self, range: Descriptor, point: StreamPoint) {
        let mut notes = std::mem::take(&mut self.notes);
        notes.retain(|&(_, noted)| !self.reached(noted));
        notes.push((range, point));
        self.notes = notes;
    }

    /// What is noted for a range and not reached yet.
    pub(crate) fn before(&self, at: Descriptor) -> impl Iterator<Item = StreamPoint> + '_ {
        let noted = self.notes.iter().filter(move |(range, _)| overlap(*range, at));
        noted.map(|&(_, point)| point).filter(|&point| !self.reached(point))
    }

    pub(crate) fn hold_back(&mut self, service: Service, after: Vec<StreamPoint>) {
        self.gated.push(Gated { service, after });
    }

    /// A request that need not be held back any more.
    pub(crate) fn let_go(&mut self) -> Option<Service> {
        let free = |gated: &Gated| gated.after.iter().all(|&point| self.reached(point));
        let found = self.gated.iter().position(free)?;
        Some(self.gated.remove(found).service)
    }

    /// Lets a request that hangs, and is held back, go on once it is let go; false if there is none.
    pub(crate) fn unhang(&mut self, flight: u32) -> bool {
        let services = self.gated.iter_mut().map(|gated| &mut gated.service);
        let found = services.into_iter().find(|service| service.flight == flight && service.hangs);
        found.map(|service| service.hangs = false).is_some()
    }

    /// When a kernel ends next.
    pub(crate) fn next(&self) -> Option<Nanos> {
        let running = self.streams.iter().filter_map(|stream| stream.running.as_ref());
        running.map(|running| running.ends).min()
    }

    /// Does all that streams do at `now`; `moves` says of a transfer whether it is under way.
    pub(crate) fn run(
        &mut self,
        now: Nanos,
        memory: &mut Memory,
        draw: Draw,
        moves: impl Fn(TransferId) -> bool,
    ) {
        let mut rests = false;
        while !rests {
            rests = true;
            for index in 0..self.streams.len() {
                while self.step(index, now, memory, draw, &moves) {
                    rests = false;
                }
            }
        }
    }

    fn step(
        &mut self,
        index: usize,
        now: Nanos,
        memory: &mut Memory,
        draw: Draw,
        moves: impl Fn(TransferId) -> bool,
    ) -> bool {
        let stream = &mut self.streams[index];
        if let Some(running) = &stream.running {
            if running.ends > now {
                return false;
            }
            let Running { kernel, gathered, .. } = stream.running.take().expect("it was there");
            scatter(memory, &kernel.writes, &gathered);
            stream.done += 1;
            return true;
        }
        let free = match stream.waiting.front() {
            None => false,
            Some(Step::Kernel(_)) => true,
            Some(&Step::Reach(point)) => self.reached(point),
            Some(Step::Transfers(ids)) => !ids.iter().any(|&id| moves(id)),
        };
        if !free {
            return false;
        }
        let stream = &mut self.streams[index];
        match stream.waiting.pop_front() {
            Some(Step::Kernel(kernel)) => {
                let unread = draw.at(Domain::Kernel, &[index as u64, stream.done]);
                let gathered = gather(memory, &kernel, unread);
                let ends = now.saturating_add(kernel.duration);
                stream.running = Some(Running { ends, kernel, gathered });
            }
            _ => stream.done += 1,
        }
        true
    }

    /// All that streams were to do, and all requests held back, vanish. The streams stay.
    pub(crate) fn cut(&mut self) {
        for stream in &mut self.streams {
            *stream = Stream { done: stream.given(), ..Stream::default() };
        }
        self.notes.clear();
        self.gated.clear();
    }
}

/// What a kernel reads now, or the bytes from `unread` if it reads nothing.
fn gather(memory: &mut Memory, kernel: &Kernel, unread: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for at in &kernel.reads {
        if let Some(region) = memory.get_mut(at.region) {
            bytes.extend_from_slice(region.image.read(span(*at)));
        }
    }
    if bytes.is_empty() {
        let len: Bytes = kernel.writes.iter().map(|at| at.len).sum();
        bytes.resize(len as usize, 0);
        draw::fill(&mut bytes, unread);
    }
    bytes
}

fn scatter(memory: &mut Memory, writes: &[Descriptor], gathered: &[u8]) {
    let mut bytes = gathered.iter().cycle();
    for at in writes {
        // A region that was released meanwhile is nobody's.
        let Some(region) = memory.get_mut(at.region) else { continue };
        let target = region.image.write(span(*at));
        target.iter_mut().zip(&mut bytes).for_each(|(to, from)| *to = *from);
    }
}

fn span(at: Descriptor) -> std::ops::Range<usize> {
    at.offset as usize..(at.offset + at.len) as usize
}

/// Whether two ranges share a byte.
pub(crate) fn overlap(a: Descriptor, b: Descriptor) -> bool {
    let end = |at: Descriptor| at.offset.saturating_add(at.len);
    a.region == b.region && a.offset.max(b.offset) < end(a).min(end(b))
}
