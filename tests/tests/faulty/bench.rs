//! A small bench over any backend with faults: one device region, two files, blocks of 100 bytes
//! with trailers, and what is told of each copy in one word.

use tierproof_core::{
    Backend, Bytes, Descriptor, FileMedium, FileRole, Medium, Nanos, Part, RegionId, Stamp,
    TransferRequest, round_up,
};
use tierproof_sim::faults::{FaultPlan, Faulty};

const LEN: Bytes = 100;
const SLOTS: u64 = 8;
/// Device slots that blocks are stored from, and the one that they are loaded to.
const ARRIVAL: u64 = 5;

pub(crate) struct Bench<B> {
    pub(crate) faulty: Faulty<B>,
    device: RegionId,
    files: [RegionId; 2],
    /// Bytes from slot to slot, on the device and in files.
    strides: [Bytes; 2],
    /// By file and slot: which writing it should hold, 0 for none.
    generations: [[u64; SLOTS as usize]; 2],
    trailers: bool,
}

impl<B: Backend> Bench<B> {
    pub(crate) fn new(backend: B, plan: &FaultPlan) -> Self {
        let mut faulty = Faulty::new(backend, plan).expect("a valid plan");
        let alignment = faulty.capability().alignment;
        let strides = [
            round_up(LEN, alignment).expect("short"),
            Stamp::sealed_len(LEN, alignment).expect("short"),
        ];
        let device = faulty.allocate(&Medium::Device { ordinal: 0 }, SLOTS * strides[0]);
        let file = |faulty: &mut Faulty<B>, pool| {
            let directory = String::new();
            let medium = FileMedium {
                directory,
                rank: 0,
                window: 0,
                pool,
                role: FileRole::Scratch,
                stride: strides[1],
            };
            faulty.allocate(&Medium::File(medium), SLOTS * strides[1]).expect("room for a file")
        };
        let files = [file(&mut faulty, 0), file(&mut faulty, 1)];
        let device = device.expect("room on the device");
        Self {
            faulty,
            device,
            files,
            strides,
            generations: [[0; SLOTS as usize]; 2],
            trailers: true,
        }
    }

    /// Blocks are neither sealed nor checked.
    pub(crate) fn without_trailers(backend: B, plan: &FaultPlan) -> Self {
        let mut bench = Self::new(backend, plan);
        bench.trailers = false;
        // Slots are named by their stride, so they are as far apart as they take.
        bench.strides[1] = bench.strides[0];
        bench
    }

    fn on_device(&self, slot: u64) -> Descriptor {
        Descriptor { region: self.device, offset: slot * self.strides[0], len: LEN }
    }

    fn in_file(&self, file: usize, slot: u64) -> Descriptor {
        Descriptor { region: self.files[file], offset: slot * self.strides[1], len: LEN }
    }

    fn stamp(&self, file: usize, slot: u64) -> Stamp {
        let generation = self.generations[file][slot as usize];
        let (slot, pool) = (slot as u32, file as u32);
        Stamp {
            key: [slot as u8; 32],
            tenant: 3,
            layout: [4; 16],
            generation,
            slot,
            pool,
            len: LEN,
        }
    }

    /// The payload of a writing.
    fn payload(&self, file: usize, slot: u64) -> [u8; LEN as usize] {
        let generation = self.generations[file][slot as usize];
        std::array::from_fn(|byte| {
            (byte as u64 * 7 + generation * 31 + slot * 3 + file as u64) as u8
        })
    }

    /// Writes slots of a file anew, from the device, in one request.
    pub(crate) fn store(&mut self, file: usize, slots: &[u64]) -> String {
        let mut parts = Vec::new();
        for &slot in slots {
            self.generations[file][slot as usize] += 1;
            let (source, target) = (self.on_device(slot), self.in_file(file, slot));
            let payload = self.payload(file, slot);
            self.faulty.fill(source, &payload).expect("nobody else uses it");
            let seal = self.trailers.then(|| self.stamp(file, slot));
            parts.push(Part { source, target, rows: None, check: None, seal });
        }
        self.tell(parts)
    }

    /// Reads a slot of a file to the device, checked. `wrong` where other bytes arrive.
    pub(crate) fn load(&mut self, file: usize, slot: u64) -> String {
        let (source, target) = (self.in_file(file, slot), self.on_device(ARRIVAL));
        let check = self.trailers.then(|| self.stamp(file, slot));
        let told = self.tell(vec![Part { source, target, rows: None, check, seal: None }]);
        let mut found = [0; LEN as usize];
        self.faulty.peek(target, &mut found).expect("nobody else uses it");
        if told == "ok" && found != self.payload(file, slot) { "wrong".to_owned() } else { told }
    }

    /// What became of a request: `ok`, or each part's fault, or the refusal.
    fn tell(&mut self, parts: Vec<Part>) -> String {
        let request = TransferRequest { parts, deadline: Nanos::MAX, ..Default::default() };
        let id = match self.faulty.submit(&request) {
            Err(error) => return format!("refused {:?}", error.kind()),
            Ok(id) => id,
        };
        let mut done = Vec::new();
        while !done.iter().any(|it: &tierproof_core::Completion| it.id == id) {
            self.faulty.park(Nanos::MAX);
            if let Err(error) = self.faulty.poll(&mut done) {
                return format!("poll {:?}", error.kind());
            }
        }
        let own: Vec<_> = done.iter().filter(|it| it.id == id).collect();
        assert!(own.iter().all(|it| it.faults == own[0].faults));
        let others = if done.len() == own.len() { "" } else { " and a stray" };
        let twice = if own.len() == 1 { "" } else { " twice" };
        let faults = own[0].faults.iter().map(|(part, fault)| {
            let why = fault.refusal.map_or(format!("{:?}", fault.kind), |why| format!("{why:?}"));
            if request.parts.len() == 1 { why } else { format!("{part}:{why}") }
        });
        let faults = faults.collect::<Vec<_>>().join(" ");
        format!("{}{twice}{others}", if faults.is_empty() { "ok" } else { &faults })
    }
}
