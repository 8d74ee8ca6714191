//! The index of a durable disk tier, and the slots that it speaks of. The model is what was published,
//! and the bytes that a key decides.

use tierproof_core::{Backend, Bytes as Len, Descriptor, ErrorKind, FileMedium, FileRole, Medium};
use tierproof_sim::{Sim, SimConfig};
use twox_hash::XxHash3_64;

use crate::bytes::Bytes;
use crate::life::{DIRECTORY, Life, WINDOW, content};

/// `[device, host, disk]` blocks: so few that all goes to disk, and so many that nothing does.
const TIGHT: [u32; 3] = [2, 2, 6];
const ROOMY: [u32; 3] = [64, 2, 6];
/// Slots of the disk tier: its blocks and one of the reserve.
const SLOTS: usize = 7;
/// What the first process serves, the first four blocks of which go to disk; and what nobody served.
const PROMPTS: [&[u64]; 4] = [&[1, 2], &[3, 4], &[5, 6], &[7, 8]];
const STRANGER: &[u64] = &[91, 92];

const PAGE: usize = 4096;
const RECORD: usize = 64;
const SUMMED: usize = 56;
/// The last epoch there is.
const EPOCH_MAX: u64 = (1 << 24) - 1;
/// Bytes of a slot in each pool, at the simulator's alignment: payload, and trailer behind it.
const STRIDES: [Len; 2] = [256 + 128, 128 + 128];

/// Takes `data` for edits of the files that a process left behind: the next one says that they are
/// not its own, and leaves them as they are, or it begins. Then all that it serves is right, what
/// nobody touched is found, and the process after it finds as much.
///
/// # Panics
/// If that does not hold.
pub fn index(data: &[u8]) {
    let mut bytes = Bytes(data);
    let how = bytes.byte();
    let mut sim = Sim::new(SimConfig::default()).expect("the default is valid");
    publish(&mut sim);
    let good = Files::read(&mut sim);
    assert_eq!(PROMPTS.map(|prompt| good.promised(&good, prompt)), [2, 2, 0, 0]);
    let mut files = good.clone();
    files.edit(&mut bytes);
    if how & 1 > 0 {
        files.forge_header();
    }
    if how & 2 > 0 {
        files.forge_records(&good);
    }
    files.write(&mut sim);

    let first = match Life::begin(&mut sim, ROOMY) {
        Ok(life) => life.recovery(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            power_cut(&mut sim);
            assert!(Files::read(&mut sim) == files, "what is not ours is left as it is: {error}");
            return;
        }
    };
    assert!(first.found <= SLOTS as u64);
    power_cut(&mut sim);
    // Beginning changes nothing about what is found.
    let mut life = match Life::begin(&mut sim, if how & 4 > 0 { TIGHT } else { ROOMY }) {
        Ok(life) => life,
        Err(error) => return assert_eq!(first.epoch, EPOCH_MAX, "{error}"),
    };
    let second = life.recovery();
    assert_eq!((second.found, second.epoch), (first.found, first.epoch + 1));
    assert_eq!(second.rebuilt, 0, "the header is whole");
    let found = PROMPTS.map(|prompt| life.serve(prompt));
    assert_eq!(life.serve(STRANGER), 0, "nobody stored that");
    life.end();
    if how & 7 == 0 && files.slots == good.slots {
        let promised = PROMPTS.map(|prompt| good.promised(&files, prompt));
        assert_eq!(found, promised, "what was published and not damaged is found");
    }
    power_cut(&mut sim);
    match Life::begin(&mut sim, ROOMY) {
        Ok(mut life) => {
            for prompt in PROMPTS {
                life.serve(prompt);
            }
            life.end();
        }
        Err(error) => assert_eq!(second.epoch, EPOCH_MAX, "{error}"),
    }
    power_cut(&mut sim);
}

/// The first process, which publishes and is gone.
fn publish(sim: &mut Sim) {
    let mut life = Life::begin(sim, TIGHT).expect("nothing is there yet");
    for prompt in PROMPTS {
        assert_eq!(life.serve(prompt), 0);
    }
    assert_eq!(life.end(), 4);
    power_cut(sim);
}

fn power_cut(sim: &mut Sim) {
    assert_eq!(sim.misuses(), [], "no call that a correct caller does not make");
    sim.power_cut();
}

/// What a process left behind.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    index: Vec<u8>,
    slots: [Vec<u8>; 2],
}

impl Files {
    fn read(sim: &mut Sim) -> Self {
        let index = read(sim, FileRole::Index, 0, 2 * PAGE);
        let slots = [0, 1].map(|pool| {
            let len = SLOTS * STRIDES[pool] as usize;
            read(sim, FileRole::Lasting, pool, len)
        });
        Self { index, slots }
    }

    fn write(&self, sim: &mut Sim) {
        write(sim, FileRole::Index, 0, &self.index);
        for (pool, bytes) in self.slots.iter().enumerate() {
            write(sim, FileRole::Lasting, pool, bytes);
        }
    }

    /// Lays the rest of the bytes over header, records and slots, a stretch at a time.
    fn edit(&mut self, bytes: &mut Bytes<'_>) {
        while !bytes.0.is_empty() {
            let (kind, at, len) = (bytes.byte(), bytes.half() as usize, bytes.byte());
            let records = PAGE..PAGE + SLOTS * RECORD;
            let area = match kind % 6 {
                0 => &mut self.index[..RECORD],
                1 => &mut self.index[records],
                2 => &mut self.index[..],
                3 => &mut self.slots[0][..],
                4 => &mut self.slots[1][..],
                _ => {
                    let (from, to) = (at % SLOTS, usize::from(len) % SLOTS);
                    let from = PAGE + from * RECORD;
                    self.index.copy_within(from..from + RECORD, PAGE + to * RECORD);
                    continue;
                }
            };
            let at = at % area.len();
            let over = bytes.take(len.into());
            area[at..].iter_mut().zip(over).for_each(|(byte, over)| *byte ^= over);
        }
    }

    fn forge_header(&mut self) {
        let sum = XxHash3_64::oneshot(&self.index[..SUMMED]);
        self.index[SUMMED..RECORD].copy_from_slice(&sum.to_le_bytes());
    }

    /// Sums that nobody comes upon by chance.
    fn forge_records(&mut self, good: &Self) {
        let seed = u64::from_le_bytes(good.index[8..16].try_into().expect("eight bytes"));
        for (slot, record) in (0..SLOTS as u64).zip(self.index[PAGE..].chunks_mut(RECORD)) {
            if record.iter().any(|&byte| byte != 0) {
                let seed = seed.wrapping_add(slot);
                let sum = XxHash3_64::oneshot_with_seed(seed, &record[..SUMMED]);
                record[SUMMED..].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }

    /// Leading blocks of a prompt that were published here, and whose records are the same there.
    fn promised(&self, there: &Self, prompt: &[u64]) -> usize {
        let is_kept = |key: &&u64| {
            let right = content(**key, 0);
            let (mut slots, zeros) = (self.slots[0].chunks(STRIDES[0] as usize), [0; RECORD]);
            let slot = slots.position(|slot| slot.starts_with(&right));
            let record = slot.map(|slot| (self.record(slot), there.record(slot)));
            record.is_some_and(|(here, there)| here != zeros && here == there)
        };
        prompt.iter().take_while(is_kept).count()
    }

    fn record(&self, slot: usize) -> &[u8] {
        &self.index[PAGE + slot * RECORD..][..RECORD]
    }
}

fn file(sim: &mut Sim, role: FileRole, pool: usize, len: usize) -> Descriptor {
    let stride = if role == FileRole::Index { PAGE as Len } else { STRIDES[pool] };
    let (directory, window) = (DIRECTORY.to_owned(), WINDOW);
    let file = FileMedium { directory, rank: 0, window, pool: pool as u32, role, stride };
    let region = sim.allocate(&Medium::File(file), len as Len).expect("nobody has it");
    Descriptor { region, offset: 0, len: len as Len }
}

fn read(sim: &mut Sim, role: FileRole, pool: usize, len: usize) -> Vec<u8> {
    let at = file(sim, role, pool, len);
    let mut bytes = vec![0; len];
    sim.peek(at, &mut bytes).expect("it is as long");
    sim.release(at.region).expect("nothing is in flight");
    bytes
}

fn write(sim: &mut Sim, role: FileRole, pool: usize, bytes: &[u8]) {
    let at = file(sim, role, pool, bytes.len());
    sim.fill(at, bytes).expect("it is as long");
    sim.flush(at.region).expect("it is a file");
    sim.release(at.region).expect("nothing is in flight");
}
