//! Promise: after a power cut every sector is one that was flushed or one that was written since,
//! and nothing that a flush covered is lost; which, is a matter of the seed.

use std::collections::BTreeSet;

use tierproof_core::{
    Backend, Bytes, Descriptor, FileMedium, FileRole, Medium, Nanos, Part, RegionId,
    TransferRequest,
};
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Faulty};
use tierproof_sim::{Cut, Poison, Sim, SimConfig};

const SECTOR: usize = 512;
const SECTORS: usize = 12;
const LEN: Bytes = (SECTOR * SECTORS) as Bytes;

/// A file of ones that was flushed; device memory of threes.
fn flushed() -> (Sim, Descriptor, RegionId) {
    let mut sim = Sim::new(SimConfig::default()).unwrap();
    let directory = String::new();
    let medium = FileMedium {
        directory,
        rank: 0,
        window: 0,
        pool: 0,
        role: FileRole::Scratch,
        stride: 4096,
    };
    let region = sim.allocate(&Medium::File(medium), LEN).unwrap();
    let file = Descriptor { region, offset: 0, len: LEN };
    sim.fill(file, &[1; LEN as usize]).unwrap();
    sim.flush(region).unwrap();
    let device = sim.allocate(&Medium::Device { ordinal: 0 }, LEN).unwrap();
    sim.fill(Descriptor { region: device, ..file }, &[3; LEN as usize]).unwrap();
    (sim, file, device)
}

fn copy(device: RegionId, file: Descriptor, sectors: std::ops::Range<usize>) -> TransferRequest {
    let (offset, len) = ((sectors.start * SECTOR) as Bytes, (sectors.len() * SECTOR) as Bytes);
    let target = Descriptor { offset, len, ..file };
    let source = Descriptor { region: device, ..target };
    let part = Part { source, target, rows: None, check: None, seal: None };
    TransferRequest { parts: vec![part], ..Default::default() }
}

/// The byte that each sector is full of.
fn sectors(sim: &mut impl Backend, file: Descriptor) -> Vec<u8> {
    let mut bytes = vec![0; LEN as usize];
    sim.peek(file, &mut bytes).unwrap();
    let (sectors, _) = bytes.as_chunks::<SECTOR>();
    let whole = |sector: &[u8; SECTOR]| {
        assert!(sector.iter().all(|byte| *byte == sector[0]), "a torn sector");
        sector[0]
    };
    sectors.iter().map(whole).collect()
}

/// Twos are written to the first half of sectors, and then threes are on their way to the second.
fn cut(cut: Cut) -> Vec<u8> {
    let (mut sim, file, device) = flushed();
    sim.fill(Descriptor { len: LEN / 2, ..file }, &[2; LEN as usize / 2]).unwrap();
    sim.submit(&copy(device, file, SECTORS / 2..SECTORS)).unwrap();
    sim.cut(cut);
    assert_eq!(sim.in_flight(), 0);
    let found = sectors(&mut sim, file);
    // What a cut left is durable.
    sim.power_cut();
    assert_eq!(sectors(&mut sim, file), found);
    found
}

#[test]
fn a_plain_cut_loses_all_that_was_not_flushed() {
    assert_eq!(cut(Cut::default()), [1; SECTORS]);
}

#[test]
fn each_sector_that_was_not_flushed_is_old_or_new() {
    let half = SECTORS / 2;
    let (mut written, mut in_flight) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..400 {
        let found = cut(Cut { reordered: Some(seed), torn: None });
        assert!(found[..half].iter().all(|byte| [1, 2].contains(byte)), "{found:?}");
        assert_eq!(found[half..], [1; SECTORS / 2]);
        written.insert(found[..half].to_vec());
        let found = cut(Cut { reordered: None, torn: Some(seed) });
        assert!(found[half..].iter().all(|byte| [1, 3].contains(byte)), "{found:?}");
        assert_eq!(found[..half], [1; SECTORS / 2]);
        in_flight.insert(found[half..].to_vec());
    }
    // Any subset, and all of them turn up.
    assert_eq!((written.len(), in_flight.len()), (1 << half, 1 << half));
}

#[test]
fn a_write_in_flight_is_torn_over_what_the_cut_left_of_the_last_one() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let (mut sim, file, device) = flushed();
        sim.fill(file, &[2; LEN as usize]).unwrap();
        sim.submit(&copy(device, file, 0..SECTORS)).unwrap();
        sim.cut(Cut { reordered: Some(seed), torn: Some(seed + 1000) });
        seen.extend(sectors(&mut sim, file));
    }
    assert_eq!(seen, BTreeSet::from([1, 2, 3]));
}

#[test]
fn what_has_ended_is_written_whether_or_not_it_was_polled() {
    for seed in 0..40 {
        let (mut sim, file, device) = flushed();
        sim.submit(&copy(device, file, 0..SECTORS)).unwrap();
        sim.park(Nanos::MAX);
        sim.cut(Cut { reordered: None, torn: Some(seed) });
        assert_eq!(sectors(&mut sim, file), [1; SECTORS], "it is not in flight");
    }
}

#[test]
fn sectors_never_written_are_what_they_were() {
    let mut sim = Sim::new(SimConfig { seed: 8, ..SimConfig::default() }).unwrap();
    let directory = String::new();
    let medium = FileMedium {
        directory,
        rank: 0,
        window: 0,
        pool: 0,
        role: FileRole::Scratch,
        stride: 4096,
    };
    let region = sim.allocate(&Medium::File(medium), LEN).unwrap();
    let file = Descriptor { region, offset: 0, len: LEN };
    sim.fill(file, &[2; LEN as usize]).unwrap();
    sim.cut(Cut { reordered: Some(1), torn: None });
    let mut found = vec![0; LEN as usize];
    sim.peek(file, &mut found).unwrap();
    let (mut old, mut new) = (0, 0);
    for (number, sector) in found.chunks(SECTOR).enumerate() {
        match Poison::new(8).recognise(sector) {
            Some(leftover) => {
                assert_eq!(leftover.offset, (number * SECTOR) as Bytes);
                old += 1;
            }
            None => {
                assert_eq!(sector, [2; SECTOR]);
                new += 1;
            }
        }
    }
    assert!(old > 0 && new > 0, "{old} old and {new} new");
}

fn struck(class: FaultClass, on: &str) -> (Faulty<Sim>, Descriptor, RegionId) {
    let (sim, file, device) = flushed();
    let entry = FaultEntry { class, on: on.parse().unwrap(), detail: 5 };
    (Faulty::with_power(sim, &FaultPlan::of([entry])).unwrap(), file, device)
}

#[test]
fn a_cut_is_struck_by_its_number() {
    for (class, expected) in [(FaultClass::F08, [1, 2]), (FaultClass::F07, [1, 1])] {
        let (mut faulty, file, _) = struck(class, "cut#1");
        faulty.power_cut();
        assert_eq!(sectors(&mut faulty, file), [1; SECTORS]);
        assert!(faulty.fired().is_empty());
        faulty.fill(file, &[2; LEN as usize]).unwrap();
        faulty.power_cut();
        let found: BTreeSet<_> = sectors(&mut faulty, file).into_iter().collect();
        assert_eq!(found, BTreeSet::from(expected));
        assert_eq!(faulty.fired_by_class().into_iter().collect::<Vec<_>>(), [(class, 1)]);
    }
}

#[test]
fn a_flush_that_lies_makes_nothing_durable() {
    let (mut faulty, file, _) = struck(FaultClass::F09, "flush#1");
    for (value, durable) in [(2, 2), (4, 2), (5, 5)] {
        faulty.fill(file, &[value; LEN as usize]).unwrap();
        faulty.flush(file.region).unwrap();
        if value != 5 {
            faulty.power_cut();
            assert_eq!(sectors(&mut faulty, file), [durable; SECTORS]);
        }
    }
    assert_eq!(faulty.fired().len(), 1);
}

#[test]
fn without_power_to_cut_its_faults_are_said_to_be_missing() {
    let sim = Sim::new(SimConfig::default()).unwrap();
    let plan = FaultPlan::default().with_rate(FaultClass::F07, 1_000_000);
    let faulty = Faulty::new(sim, &plan).unwrap();
    assert!(faulty.realises(FaultClass::F07).is_err());
    assert_eq!(faulty.unrealised().keys().collect::<Vec<_>>(), [&FaultClass::F07]);
}
