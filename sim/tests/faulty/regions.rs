//! Promise: faults of allocations and of the opening strike the one that they name, and say what a
//! report has to.

use tierproof_core::{
    Backend, Bytes, Descriptor, ErrorKind, FileMedium, FileRole, Medium, Part, RegionId,
    TransferRequest,
};
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan, Faulty};
use tierproof_sim::{Leftover, Poison, Sim, SimConfig};

const LEN: Bytes = 8192;
const DEVICE: Medium = Medium::Device { ordinal: 0 };

fn file() -> Medium {
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

fn struck(class: FaultClass, on: &str, detail: u64) -> Faulty<Sim> {
    let entry = FaultEntry { class, on: on.parse().unwrap(), detail };
    Faulty::new(Sim::new(SimConfig::default()).unwrap(), &FaultPlan::of([entry])).unwrap()
}

fn read(faulty: &mut Faulty<Sim>, region: RegionId) -> Vec<u8> {
    let mut bytes = vec![0; LEN as usize];
    faulty.peek(Descriptor { region, offset: 0, len: LEN }, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_nth_allocation_fails_and_no_other() {
    for class in [FaultClass::F36, FaultClass::G09] {
        let mut faulty = struck(class, "allocate#1", 0);
        faulty.allocate(&DEVICE, LEN).unwrap();
        let error = faulty.allocate(&Medium::Host, LEN).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        assert_eq!(faulty.allocate(&Medium::Host, LEN).unwrap(), RegionId(1), "nothing leaked");
        assert_eq!(faulty.fired().len(), 1);
    }
}

#[test]
fn fallbacks_are_said() {
    for (class, medium, wanted) in [
        (FaultClass::G01, file(), "files by direct memory access"),
        (FaultClass::G02, Medium::Host, "registered memory"),
    ] {
        let mut faulty = struck(class, "allocate#0", 0);
        assert!(faulty.capability().fallbacks.is_empty());
        faulty.allocate(&medium, LEN).unwrap();
        let said: Vec<_> = faulty.capability().fallbacks.iter().map(|it| &it.wanted).collect();
        assert_eq!(said, [wanted]);
    }
}

#[test]
fn what_an_entry_can_not_strike_is_said() {
    let mut faulty = struck(FaultClass::G01, "allocate#0", 0);
    faulty.allocate(&Medium::Host, LEN).unwrap();
    assert!(faulty.fired().is_empty());
    assert_eq!(faulty.unrealised()[&FaultClass::G01], "the region is no file");
    assert_eq!(faulty.unfired().len(), 1);
}

#[test]
fn a_damaged_header_page_is_one_page_and_heals() {
    for detail in 0..4 {
        let mut whole = struck(FaultClass::F36, "allocate#9", 0);
        let region = whole.allocate(&file(), LEN).unwrap();
        let truth = read(&mut whole, region);
        let mut faulty = struck(FaultClass::F32, "allocate#0", detail);
        let region = faulty.allocate(&file(), LEN).unwrap();
        let found = read(&mut faulty, region);
        assert_ne!(found[..4096], truth[..4096]);
        assert_eq!(found[4096..], truth[4096..]);
        let damage = faulty.damage();
        assert_eq!((damage.len(), damage[0].class), (1, FaultClass::F32));
        assert_eq!(damage[0].at, Descriptor { region, offset: 0, len: 4096 });
        let mut pristine = vec![0; LEN as usize];
        faulty.pristine(Descriptor { region, offset: 0, len: LEN }, &mut pristine).unwrap();
        assert_eq!(pristine, truth);
        faulty.heal();
        assert_eq!(read(&mut faulty, region), truth);
    }
}

#[test]
fn leftovers_say_whose_they_are() {
    let mut faulty = struck(FaultClass::G12, "allocate#0", 77);
    let region = faulty.allocate(&Medium::Host, LEN).unwrap();
    let found = read(&mut faulty, region);
    let leftover = Leftover { region: u16::MAX, offset: 800, epoch: 0 };
    assert_eq!(Poison::new(77).recognise(&found[800..]), Some(leftover));
    assert_eq!(Poison::new(0).recognise(&found[800..]), None, "not of this simulator");
}

#[test]
fn tight_limits_are_told_and_kept() {
    // 2 parts a request, 3 in flight.
    let mut faulty = struck(FaultClass::F30, "open", 2 << 8 | 1);
    let limits = faulty.capability();
    assert_eq!((limits.request_parts_max, limits.in_flight_parts_max), (2, 3));
    let device = faulty.allocate(&DEVICE, LEN).unwrap();
    let host = faulty.allocate(&Medium::Host, LEN).unwrap();
    let request = |slots: std::ops::Range<u64>| {
        let part = |slot| {
            let source = Descriptor { region: device, offset: slot * 64, len: 64 };
            let target = Descriptor { region: host, ..source };
            Part { source, target, rows: None, check: None, seal: None }
        };
        TransferRequest { parts: slots.map(part).collect(), ..Default::default() }
    };
    assert_eq!(faulty.submit(&request(0..3)).unwrap_err().kind(), ErrorKind::OutOfRange);
    faulty.submit(&request(0..2)).unwrap();
    assert_eq!(faulty.submit(&request(2..4)).unwrap_err().kind(), ErrorKind::Busy);
    faulty.submit(&request(2..3)).unwrap();
}
