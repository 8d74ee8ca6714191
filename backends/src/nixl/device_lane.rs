//! What goes between a GPU's memory and files: to a stop by copies, from there by NIXL, and the reverse.
//!
//! NIXL touches stops only, never a region of the GPU's. So what it may still touch after an error is a
//! buffer of ours, refused bytes never reach a block, and what comes late comes too late for nobody.

use super::agent::Agent;
use super::cargo::Direction;
use super::fleet::{Ended, Fleet, Moving, News};
use super::haul::{Convoy, Haul, HaulCargo, HaulPart};
use super::plugin::Opening;
use super::status::Code;
use super::stops::{Stop, Stops};
use super::transfer::{Refused, Transfer};
use super::yard::{Held, Yard};
use crate::cuda::{DeviceMemory, Gpu, Landed, Mover, Pools, Side, Trip};
use crate::files::regions::Regions;
use crate::files::sides::Between;
use crate::ledger::Seat;
use cudarc::driver::CudaStream;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use tierproof_core::{Bytes, Error, ErrorKind, Fault, Result, TransferId, TransferRequest};

/// The hauls of one backend, and its copies between memories.
pub(super) struct DeviceLane {
    fleet: Fleet<Convoy, Vec<u64>>,
    mover: Mover<Errand>,
    stops: Stops,
    hauls: BTreeMap<u64, Haul>,
    next: u64,
    /// Hauls without a stop yet, and those that wait for room in NIXL.
    waiting: VecDeque<Haul>,
    packed: VecDeque<u64>,
    pub(super) pools: Pools,
    parts: usize,
}

/// What a trip is for.
#[derive(Debug)]
enum Errand {
    /// A part between memories.
    Memory(Seat),
    /// A part of a haul.
    Haul(u64, usize),
}

impl DeviceLane {
    pub(super) fn new(gpu: Arc<Gpu>, way: &Opening) -> Self {
        Self {
            fleet: Fleet::default(),
            mover: Mover::new(&gpu),
            stops: Stops::new(way.stops),
            hauls: BTreeMap::new(),
            next: 0,
            waiting: VecDeque::new(),
            packed: VecDeque::new(),
            pools: Pools::new(gpu),
            parts: 0,
        }
    }

    /// Parts that have not ended.
    pub(super) fn parts(&self) -> usize {
        self.parts
    }

    pub(super) fn uses(&self, agent: &Arc<Agent>) -> bool {
        self.fleet.uses(agent)
    }

    /// What `stream` is given from now on waits for transfers of `range`.
    pub(super) fn stream_after(
        &self,
        memory: &Arc<DeviceMemory>,
        range: &Range<Bytes>,
        stream: &CudaStream,
    ) -> Result<()> {
        let hauls = self.waiting.iter().chain(self.hauls.values());
        let mut parts = hauls.flat_map(|haul| &haul.parts);
        if parts.any(|part| part.side.as_ref().is_some_and(|side| side.touches(memory, range))) {
            let context = "a transfer of these bytes has steps that the host starts: poll until it has \
                           ended";
            return Err(Error::new(ErrorKind::Busy, context));
        }
        Pools::stream_after(&self.mover, memory, range, stream)
    }

    /// Sends the parts of one request on their way, or none.
    pub(super) fn send(
        &mut self,
        id: TransferId,
        request: &TransferRequest,
        regions: &Regions,
        yard: &mut Yard<'_>,
    ) -> Result<()> {
        match regions.between(request) {
            Between::Memories => self.send_between_memories(id, request, regions, yard),
            Between::Files { stores } => {
                let direction = if stores { Direction::Store } else { Direction::Load };
                self.send_files(id, request, direction, regions, yard)
            }
        }
    }

    fn send_between_memories(
        &mut self,
        id: TransferId,
        request: &TransferRequest,
        regions: &Regions,
        yard: &mut Yard<'_>,
    ) -> Result<()> {
        let sides = regions.sides(request)?;
        yard.ledger.open(id, sides.len());
        self.parts += sides.len();
        let parts = request.parts.iter().zip(0..);
        for ((source, target, terms), (part, index)) in sides.into_iter().zip(parts) {
            let errand = Errand::Memory(Seat { request: id, part: index });
            let trip = Trip::new(source, target, terms, request.deadline, errand);
            self.mover.send(Trip { rows: part.rows, ..trip });
        }
        Ok(())
    }

    fn send_files(
        &mut self,
        id: TransferId,
        request: &TransferRequest,
        direction: Direction,
        regions: &Regions,
        yard: &mut Yard<'_>,
    ) -> Result<()> {
        let ends = regions.file_ends(request)?;
        yard.ledger.open(id, ends.len());
        self.parts += ends.len();
        let mut parts = Vec::with_capacity(ends.len());
        for ((file, side, terms), index) in ends.into_iter().zip(0..) {
            let (seat, range) = (Seat { request: id, part: index }, 0..file.len());
            // An empty range at a region's end lies in no file.
            if !range.is_empty() {
                parts.push(HaulPart { seat, terms, file: Some(file), side: Some(side), range });
            } else if direction == Direction::Load && terms.seal.is_some() {
                let errand = Errand::Memory(seat);
                self.mover.send(Trip::new(Side::Nowhere, side, terms, request.deadline, errand));
            } else {
                self.parts -= 1;
                yard.ledger.end(seat, Ok(()), Held::Device(Some(file), side), yard.now);
            }
        }
        let len_max = yard.agents.way().haul_bytes_max;
        self.waiting.extend(Haul::group(parts, direction, request.deadline, len_max));
        Ok(())
    }

    /// Sees how far everything is, and goes on with what can.
    /// Answers why some stores will never be answered.
    pub(super) fn drive(&mut self, yard: &mut Yard<'_>) -> Option<Code> {
        let mut news = News::default();
        let mut hung = Vec::new();
        self.fleet.drive(yard.now, &mut news, |ids| hung.extend(ids));
        self.fleet.resolve(&mut news);
        let lost = self.hear(news, yard);
        for id in hung {
            self.give_up(id, Fault::new(ErrorKind::TimedOut));
        }
        for landed in self.mover.drive(yard.now) {
            self.land(landed, yard);
        }
        self.begin(yard);
        self.post(yard);
        // What begins or arrived now is launched now.
        for landed in self.mover.drive(yard.now) {
            self.land(landed, yard);
        }
        lost
    }

    fn hear(&mut self, news: News<Convoy, Vec<u64>>, yard: &mut Yard<'_>) -> Option<Code> {
        for agent in news.failed {
            yard.agents.retire(&agent);
        }
        for Ended { cargo: Convoy(cargoes), rest, moved } in news.ended {
            // Which of several failed NIXL tells not.
            let alone = rest.len() == 1;
            for (id, cargo) in rest.into_iter().zip(cargoes) {
                self.arrive(id, cargo, moved, alone, yard);
            }
        }
        let mut lost = None;
        for (ids, code) in news.lost {
            for id in ids {
                if !self.give_up(id, Fault::new(code.kind())) {
                    // It stays as it is for as long as the backend lives, and counts no more.
                    let parts = self.hauls.get(&id).map_or(&[][..], |haul| &haul.parts);
                    self.parts -= parts.iter().filter(|part| part.side.is_some()).count();
                    lost = Some(code);
                }
            }
        }
        lost
    }

    /// Answers a load that NIXL has no answer to: it may still touch the stop, but nothing else. A store may
    /// still happen, and is not answered. Whether it was.
    fn give_up(&mut self, id: u64, fault: Fault) -> bool {
        match self.hauls.get(&id) {
            Some(haul) if haul.direction == Direction::Load => {
                (0..haul.parts.len()).for_each(|index| self.wipe(id, index, fault));
                true
            }
            _ => false,
        }
    }

    /// NIXL is done with a haul.
    fn arrive(
        &mut self,
        id: u64,
        cargo: HaulCargo,
        moved: Result<(), Code>,
        alone: bool,
        yard: &mut Yard<'_>,
    ) {
        let haul = self.hauls.get_mut(&id).expect("its transfer was in flight");
        haul.unload(cargo);
        haul.moving = false;
        if let Err(code) = moved {
            return self.refuse(id, code, alone, yard);
        }
        for index in 0..self.hauls[&id].parts.len() {
            match self.hauls[&id].direction {
                Direction::Store => self.end(id, index, Ok(()), yard),
                Direction::Load => self.unpack(id, index),
            }
        }
        self.forget_if_done(id);
    }

    /// NIXL did not move a haul. It tells not which part of it failed, so each goes alone.
    fn refuse(&mut self, id: u64, code: Code, alone: bool, yard: &mut Yard<'_>) {
        let haul = self.hauls.get_mut(&id).expect("its transfer was in flight");
        let left = haul.parts.iter().filter(|part| part.side.is_some()).count();
        if left > 1 || (left == 1 && !alone && !haul.again) {
            let mut haul = self.hauls.remove(&id).expect("it was there just before");
            if let Some(stop) = haul.stop.take() {
                self.stops.give_back(stop);
            }
            self.waiting.extend(haul.divide());
            return;
        }
        for index in 0..haul.parts.len() {
            let fault = Fault::new(code.kind());
            match self.hauls[&id].direction {
                Direction::Store => self.end(id, index, Err(fault), yard),
                Direction::Load => {
                    let fault = self.shortness(id, index).unwrap_or(fault);
                    self.wipe(id, index, fault);
                }
            }
        }
        self.forget_if_done(id);
    }

    /// The fault of a part whose file ends before it, whatever NIXL says.
    fn shortness(&self, id: u64, index: usize) -> Option<Fault> {
        let part = &self.hauls[&id].parts[index];
        let file = part.file.as_ref()?;
        let reached = file.owner().reaches(file.start(), file.range().end);
        reached.err().map(|trouble| trouble.fault(part.terms.check.is_some()))
    }

    /// From the stop to the GPU's memory.
    fn unpack(&mut self, id: u64, index: usize) {
        if let Some(fault) = self.shortness(id, index) {
            return self.wipe(id, index, fault);
        }
        let Some(trip) = self.trip(id, index) else { return };
        self.mover.send(trip);
    }

    /// Leaves zeros where a load would have come, and ends the part.
    fn wipe(&mut self, id: u64, index: usize, fault: Fault) {
        let Some(haul) = self.hauls.get_mut(&id) else { return };
        let part = &mut haul.parts[index];
        let Some(memory) = part.side.take() else { return };
        haul.trips += 1;
        self.mover.wipe(memory, part.terms, Errand::Haul(id, index), fault);
    }

    /// The trip of a part of a haul; `None` if it has ended.
    fn trip(&mut self, id: u64, index: usize) -> Option<Trip<Errand>> {
        let haul = self.hauls.get_mut(&id)?;
        let part = &mut haul.parts[index];
        let memory = part.side.take()?;
        let stop = haul.stop.as_ref().expect("a haul under way has a stop");
        let stop = stop.side(part.range.clone());
        haul.trips += 1;
        let store = haul.direction == Direction::Store;
        let (source, target) = if store { (memory, stop) } else { (stop, memory) };
        let trip = Trip::new(source, target, part.terms, haul.deadline, Errand::Haul(id, index));
        Some(Trip { pad: store, wipe: !store, ..trip })
    }

    fn land(&mut self, landed: Landed<Errand>, yard: &mut Yard<'_>) {
        let Landed { source, target, cargo, outcome } = landed;
        match cargo {
            Errand::Memory(seat) => {
                self.parts -= 1;
                yard.ledger.end(seat, outcome, Held::Memory(source, target), yard.now);
            }
            Errand::Haul(id, index) => {
                let haul = self.hauls.get_mut(&id).expect("its trip was under way");
                haul.trips -= 1;
                let store = haul.direction == Direction::Store;
                let (memory, stop) = if store { (source, target) } else { (target, source) };
                drop(stop);
                haul.parts[index].side = Some(memory);
                if !store || outcome.is_err() {
                    self.end(id, index, outcome, yard);
                }
                if store && self.hauls[&id].trips == 0 {
                    self.packed.push_back(id);
                }
                self.forget_if_done(id);
            }
        }
    }

    /// Gives stops to hauls that wait for one.
    fn begin(&mut self, yard: &mut Yard<'_>) {
        while let Some(haul) = self.waiting.pop_front() {
            let late = yard.now > haul.deadline;
            let stop = if late {
                Err(Fault::new(ErrorKind::TimedOut))
            } else {
                self.stop(haul.len(), yard).map_err(|error| Fault::new(error.kind()))
            };
            let id = self.next;
            match stop {
                Ok(None) => return self.waiting.push_front(haul),
                Ok(stop) => {
                    self.next += 1;
                    let direction = haul.direction;
                    let parts = haul.parts.len();
                    self.hauls.insert(id, Haul { stop, ..haul });
                    match direction {
                        Direction::Load => self.packed.push_back(id),
                        Direction::Store => {
                            for trip in (0..parts)
                                .filter_map(|index| self.trip(id, index))
                                .collect::<Vec<_>>()
                            {
                                self.mover.send(trip);
                            }
                        }
                    }
                }
                Err(fault) => {
                    self.next += 1;
                    self.hauls.insert(id, haul);
                    self.end_all(id, fault, yard);
                }
            }
        }
    }

    fn stop(&mut self, len: usize, yard: &mut Yard<'_>) -> Result<Option<Stop>> {
        self.stops.take(len, self.pools.gpu(), yard.agents)
    }

    /// Hands hauls to NIXL, as many as there is room for.
    fn post(&mut self, yard: &mut Yard<'_>) {
        let late = |id: &u64| self.hauls.get(id).is_some_and(|haul| yard.now > haul.deadline);
        let late: Vec<u64> = self.packed.iter().copied().filter(late).collect();
        for id in late {
            self.end_all(id, Fault::new(ErrorKind::TimedOut), yard);
        }
        while let Some((ids, spans)) = self.convoy(yard.agents.way()) {
            let Some(permit) = yard.budget.take(1, spans) else { return };
            self.packed.drain(..ids.len());
            let deadline = self.hauls[&ids[0]].deadline;
            let load_up = |id: &u64| self.hauls.get_mut(id).and_then(Haul::load_up);
            let cargoes = ids.iter().map(load_up).collect::<Option<Vec<_>>>();
            let cargoes = cargoes.expect("a haul that is packed has parts to move");
            let agent = match yard.agents.current() {
                Ok(agent) => agent,
                Err(error) => {
                    let fault = Fault::new(error.kind());
                    ids.into_iter().for_each(|id| self.end_all(id, fault, yard));
                    continue;
                }
            };
            let span_max = yard.agents.way().span_bytes_max;
            match Transfer::new(&agent, span_max, Convoy(cargoes), Some(permit)) {
                Ok(mut transfer) => {
                    for id in &ids {
                        self.hauls.entry(*id).and_modify(|haul| haul.moving = true);
                    }
                    let posted = transfer.post();
                    if posted.is_err() {
                        yard.agents.retire(&agent);
                    }
                    self.fleet.add(Moving { transfer, rest: ids, deadline }, posted);
                }
                Err(refused) => {
                    yard.agents.retire(&agent);
                    let Refused { code, cargo: Convoy(cargoes) } = *refused;
                    let alone = ids.len() == 1;
                    for (id, cargo) in ids.into_iter().zip(cargoes) {
                        self.arrive(id, cargo, Err(code), alone, yard);
                    }
                }
            }
        }
    }

    /// The next hauls that go together, and how many descriptors they take.
    fn convoy(&mut self, way: &Opening) -> Option<(Vec<u64>, usize)> {
        let hauls = &self.hauls;
        self.packed.retain(|id| hauls.get(id).is_some_and(Haul::has_parts));
        let (mut ids, mut spans) = (Vec::new(), 0);
        for id in &self.packed {
            let haul = &self.hauls[id];
            let more = haul.spans(way.span_bytes_max);
            let fits = spans + more <= way.convoy_spans_max && !haul.again;
            let alike = |first: &u64| {
                let first = &self.hauls[first];
                let alike = (first.direction, first.deadline) == (haul.direction, haul.deadline);
                alike && !first.again
            };
            let joins = fits && ids.first().is_none_or(alike);
            if !(joins || ids.is_empty()) {
                break;
            }
            ids.push(*id);
            spans += more;
        }
        (!ids.is_empty()).then_some((ids, spans))
    }

    /// All parts of a haul that NIXL does not have.
    fn end_all(&mut self, id: u64, fault: Fault, yard: &mut Yard<'_>) {
        let parts = self.hauls.get(&id).map_or(0, |haul| haul.parts.len());
        (0..parts).for_each(|index| self.end(id, index, Err(fault), yard));
        self.forget_if_done(id);
    }

    /// A part of a haul has ended; nothing if it had before.
    fn end(&mut self, id: u64, index: usize, outcome: Result<(), Fault>, yard: &mut Yard<'_>) {
        let Some(part) = self.hauls.get_mut(&id).map(|haul| &mut haul.parts[index]) else { return };
        let Some(side) = part.side.take() else { return };
        self.parts -= 1;
        let held = Held::Device(part.file.take(), side);
        yard.ledger.end(part.seat, outcome, held, yard.now);
    }

    /// Forgets a haul of which nothing is left.
    fn forget_if_done(&mut self, id: u64) {
        let Some(haul) = self.hauls.get(&id) else { return };
        let ended = haul.parts.iter().all(|part| part.side.is_none());
        if !ended || haul.trips > 0 || haul.moving {
            return;
        }
        if let Some(stop) = self.hauls.remove(&id).and_then(|haul| haul.stop) {
            self.stops.give_back(stop);
        }
    }
}
