//! Promise: a backend that loses bytes, refuses or never answers is found out by its one tiny transfer,
//! which ends whatever the backend does; an honest one is not accused.

#![cfg(feature = "posix")]

use rstest::rstest;
use std::time::Duration;
use tierproof::doctor::{Trial, try_out};
use tierproof_backends::Dram;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Error, ErrorKind, Medium, MediumKind,
    Nanos, RegionId, Result, Route, TransferId, TransferMode, TransferRequest,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// Loads are said to be done, and one bit of what arrives is wrong.
    WrongBytes,
    /// Loads are said to be done, and nothing arrives.
    Nothing,
    /// Stores are said to be done, and nothing is stored.
    LostStore,
    /// Accepts, and never says a word.
    Silence,
    /// The same, and time stands still too.
    FrozenTime,
    /// Every request is refused.
    Refusal,
    /// Opening it panics.
    Panic,
    /// Nothing can be given back.
    Miser,
    /// There are no files.
    NoFiles,
    /// Bytes go in and never out.
    OneWay,
    /// Copies twice on the way to files.
    Stages,
}

/// Host memory that lies.
struct Liar {
    inner: Dram,
    lie: Lie,
    capability: Capability,
    /// Files, by which loads are known.
    files: Vec<RegionId>,
    spoilt: Option<Descriptor>,
}

impl Liar {
    fn open(lie: Lie) -> Result<Box<dyn Backend>> {
        assert_ne!(lie, Lie::Panic, "as this test wants it");
        let inner = Dram::new();
        let mut capability = inner.capability().clone();
        for from in MediumKind::ALL {
            for to in MediumKind::ALL {
                let absent = match lie {
                    Lie::NoFiles => from == MediumKind::File || to == MediumKind::File,
                    Lie::OneWay => from > to,
                    _ => false,
                };
                if lie == Lie::Stages && (from, to) == (MediumKind::Host, MediumKind::File) {
                    capability.routes[from as usize][to as usize] = Route::Staged;
                }
                if absent {
                    capability.routes[from as usize][to as usize] = Route::Absent;
                }
            }
        }
        Ok(Box::new(Self { inner, lie, capability, files: vec![], spoilt: None }))
    }
}

impl Backend for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        let region = self.inner.allocate(medium, len)?;
        if medium.kind() == MediumKind::File {
            assert_ne!(self.lie, Lie::NoFiles, "a medium without a route is not asked for");
            self.files.push(region);
        }
        Ok(region)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        if self.lie == Lie::Miser {
            return Err(Error::new(ErrorKind::Busy, "it is still in use"));
        }
        self.inner.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        self.inner.fill(target, bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)?;
        if self.spoilt == Some(source) {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        Ok(())
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let part = request.parts[0];
        let loads = self.files.contains(&part.source.region);
        let stores = self.files.contains(&part.target.region);
        let nothing = (self.lie == Lie::Nothing && loads) || (self.lie == Lie::LostStore && stores);
        match self.lie {
            Lie::Refusal => return Err(Error::new(ErrorKind::Unsupported, "not today")),
            Lie::WrongBytes if loads => self.spoilt = Some(part.target),
            _ => {}
        }
        let mut request = request.clone();
        if nothing {
            let part = &mut request.parts[0];
            (part.source.len, part.target.len) = (0, 0);
            (part.check, part.seal) = (None, None);
        }
        self.inner.submit(&request)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        if matches!(self.lie, Lie::Silence | Lie::FrozenTime) {
            return Ok(());
        }
        self.inner.poll(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        match self.lie {
            // Its time runs away, so that nobody waits for real.
            Lie::Silence => until.max(Nanos(1)),
            Lie::FrozenTime => {
                std::thread::sleep(Duration::from_millis(1));
                Nanos(0)
            }
            _ => self.inner.park(until),
        }
    }
}

fn tried(lie: Lie) -> Trial {
    try_out("liar", TransferMode::Posix, move || Liar::open(lie))
}

#[test]
fn who_is_honest_is_not_accused() {
    let trial = tried(Lie::None);
    assert!(trial.works && trial.why.is_none() && trial.remedy.is_none(), "{trial:?}");
    assert_eq!(trial.routes.len(), 6);
}

#[test]
fn only_the_routes_that_are_there_are_tried() {
    let trial = tried(Lie::NoFiles);
    assert!(trial.works, "{trial:?}");
    assert_eq!(trial.routes, ["device-host", "host-device"]);
}

#[test]
fn what_is_staged_is_told() {
    assert_eq!(tried(Lie::Stages).staged, ["host-file"]);
    assert!(tried(Lie::None).staged.is_empty());
}

#[rstest]
#[case(Lie::WrongBytes, "file-device: said to be done, and wrong")]
#[case(Lie::Nothing, "file-device: said to be done, and wrong")]
#[case(Lie::LostStore, "host-file: said to be done, and wrong")]
#[case(Lie::Silence, "device-host: no end within 10 s")]
#[case(Lie::Refusal, "device-host: not today")]
#[case(Lie::Panic, "it panicked")]
#[case(Lie::Miser, "still in use")]
#[case(Lie::OneWay, "no way from one medium to another and back")]
fn who_lies_is_found_out(#[case] lie: Lie, #[case] words: &str) {
    let trial = tried(lie);
    assert!(!trial.works && trial.remedy.is_some(), "{trial:?}");
    assert!(trial.why.as_ref().is_some_and(|why| why.contains(words)), "{trial:?}");
}

/// Where not even time can be trusted, ours ends it.
#[test]
fn a_clock_that_stands_still_holds_nobody_up() {
    let trial = tried(Lie::FrozenTime);
    assert!(trial.why.is_some_and(|why| why.contains("it hangs")));
}

/// A backend that can't be opened says why, with all causes.
#[test]
fn what_can_not_be_opened_says_why() {
    let trial = try_out("shut", TransferMode::Posix, || {
        let cause = Error::new(ErrorKind::Device, "the cable is out");
        Err(Error::new(ErrorKind::Unavailable, "no tape").with_source(cause))
    });
    assert_eq!(trial.why.as_deref(), Some("no tape: the cable is out"));
}
