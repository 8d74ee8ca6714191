//! Cases that crash, and a device that answers for what it did not flush.

use std::collections::BTreeMap;

use tierproof::explore::crash::{Powered, endure};
use tierproof::explore::{Breach, Case, Ran, Scope, shrink, simulate};
use tierproof::lockstep::Law;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, FileRole, Medium, Nanos, RegionId, Result,
    TransferId, TransferRequest,
};
use tierproof_sim::Sim;
use tierproof_sim::faults::{FaultClass, FaultEntry, Faulty};

/// Flushes of these files do nothing.
struct Hasty {
    faulty: Faulty<Sim>,
    role: FileRole,
    files: Vec<RegionId>,
}

impl Backend for Hasty {
    fn name(&self) -> &'static str {
        self.faulty.name()
    }
    fn capability(&self) -> &Capability {
        self.faulty.capability()
    }
    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.faulty.allocate(medium, len)?;
        if matches!(medium, Medium::File(file) if file.role == self.role) {
            self.files.push(region);
        }
        Ok(region)
    }
    fn release(&mut self, region: RegionId) -> Result<()> {
        self.faulty.release(region)
    }
    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.faulty.fill(target, bytes)
    }
    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.faulty.peek(source, bytes)
    }
    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        self.faulty.submit(request)
    }
    fn flush(&mut self, region: RegionId) -> Result<()> {
        if self.files.contains(&region) { Ok(()) } else { self.faulty.flush(region) }
    }
    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.faulty.poll(done)
    }
    fn park(&mut self, until: Nanos) -> Nanos {
        self.faulty.park(until)
    }
}

impl Powered for Hasty {
    fn power_cut(&mut self) {
        self.faulty.power_cut();
    }
    fn heal(&mut self) {
        self.faulty.heal();
    }
    fn fired(&self) -> &[FaultEntry] {
        self.faulty.fired()
    }
    fn unrealised(&self) -> &BTreeMap<FaultClass, String> {
        self.faulty.unrealised()
    }
    fn sim(&self) -> &Sim {
        self.faulty.inner()
    }
}

fn hasty(role: FileRole, case: &Case) -> Ran {
    let sim = Sim::new(case.device.config()).unwrap();
    let faulty = Faulty::with_power(sim, &case.faults).unwrap();
    endure(case, Hasty { faulty, role, files: Vec::new() }).unwrap()
}

/// Those of the first seeds that crash.
fn crashing() -> impl Iterator<Item = Case> {
    let cases = (0..1000).map(|seed| Case::of_seed(seed, &Scope::default()));
    cases.filter(|case| !case.crashes.is_empty())
}

#[test]
fn about_one_seed_in_six_crashes_and_something_is_owed_then() {
    assert!((120..220).contains(&crashing().count()));
    let ran: Vec<Ran> = crashing().map(|case| simulate(&case).unwrap()).collect();
    let sum = |count: fn(&Ran) -> u64| ran.iter().map(count).sum::<u64>();
    assert!(sum(|ran| ran.crashes) > 400);
    assert!(sum(|ran| ran.owed) > 400, "{} keys are owed", sum(|ran| ran.owed));
    assert!(ran.iter().all(|ran| ran.broke().is_none()));
}

/// Told to the auditor as real, since it is no fault that the device says.
#[test]
fn who_answers_before_the_flush_breaks_s9() {
    for role in [FileRole::Lasting, FileRole::Index] {
        let found = crashing().enumerate().find_map(|(number, case)| {
            let ran = hasty(role, &case);
            ran.broke().map(|_| (number, case, ran))
        });
        let (number, case, ran) = found.expect("some case crashes after a publication");
        assert_eq!(ran.broke(), Some(Breach::Law(Law::S9)), "{:?}", ran.end);
        assert!(number < 40, "{role:?}: only the case after {number} others");
        assert_eq!(simulate(&case).unwrap().broke(), None, "without it the case is sound");
        let small = shrink(&case, &ran, 500, |case| hasty(role, case));
        assert!(small.crashes.len() <= case.crashes.len() && small.ops.len() < case.ops.len());
        assert_eq!(hasty(role, &small).broke(), ran.broke());
    }
}

/// The same case gives the same trace, whichever process runs it, and by the names of its faults.
#[test]
fn a_case_that_crashes_is_one_trace() {
    for case in crashing().take(40) {
        let ran = simulate(&case).unwrap();
        assert_eq!(simulate(&case).unwrap().trace, ran.trace);
        let mut named = case.clone();
        named.faults.rates.clear();
        named.faults.entries = ran.fired.clone();
        assert_eq!(simulate(&named).unwrap().trace, ran.trace);
    }
}

#[test]
fn crashes_that_can_not_be_had_are_refused() {
    let case = crashing().next().unwrap();
    let refused = |change: &dyn Fn(&mut Case)| {
        let mut case = case.clone();
        change(&mut case);
        case.validate().unwrap_err().to_string()
    };
    let many = refused(&|case| case.crashes = case.crashes.repeat(17));
    assert!(many.contains("at most 16"), "{many}");
    let no_disk = refused(&|case| case.config.windows.iter_mut().for_each(|it| it.disk = 0));
    assert!(no_disk.contains("disk"), "{no_disk}");
    let unsealed = refused(&|case| case.setup.verify = tierproof_core::Verify::Off);
    assert!(unsealed.contains("trailers"), "{unsealed}");
}

#[test]
fn a_backend_whose_power_can_not_be_cut_says_so() {
    let case = crashing().next().unwrap();
    let sim = Sim::new(case.device.config()).unwrap();
    let ran = tierproof::explore::run(&case, sim).unwrap();
    assert_eq!((ran.broke(), ran.crashes), (None, 0));
    assert!(ran.unrealised.contains_key(&FaultClass::F07));
}
