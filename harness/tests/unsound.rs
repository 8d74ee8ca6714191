//! Promise: a backend that loses, changes or exchanges bytes is found out by a replay, which names
//! the blocks; one that doesn't is not accused.

use rstest::rstest;
use tierproof::{Outcome, Replay, Settings, Workload};
use tierproof_backends::Dram;
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Medium, Nanos, RegionId, Result,
    TransferId, TransferRequest,
};

/// What is wrong with what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crime {
    None,
    /// One bit of every hundredth block that is written.
    FlippedBit,
    /// Every hundredth store is said to be done and is not.
    LostStore,
    /// Two parts of every tenth store get each other's bytes.
    Exchange,
}

/// Host memory, with a crime. A blind one does not look at trailers either.
struct Criminal {
    inner: Dram,
    crime: Crime,
    blind: bool,
    calls: u64,
}

impl Criminal {
    fn every(&mut self, calls: u64) -> bool {
        self.calls += 1;
        self.calls.is_multiple_of(calls)
    }
}

impl Backend for Criminal {
    fn name(&self) -> &'static str {
        "criminal"
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId> {
        self.inner.allocate(medium, len)
    }

    fn release(&mut self, region: RegionId) -> Result<()> {
        self.inner.release(region)
    }

    fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()> {
        let mut bytes = bytes.to_vec();
        if self.crime == Crime::FlippedBit && self.every(100) {
            bytes[77] ^= 4;
        }
        self.inner.fill(target, &bytes)
    }

    fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()> {
        self.inner.peek(source, bytes)
    }

    fn submit(&mut self, request: &TransferRequest) -> Result<TransferId> {
        let mut request = request.clone();
        let parts = request.parts.len();
        if self.blind {
            request.parts.iter_mut().for_each(|part| part.check = None);
        }
        let stores = request.parts[0].seal.is_some();
        if stores && self.crime == Crime::LostStore && self.every(100) {
            // A copy of nothing.
            let mut part = request.parts[0];
            (part.check, part.seal) = (None, None);
            part.source = Descriptor { len: 0, ..part.source };
            part.target = Descriptor { len: 0, ..part.target };
            request.parts[0] = part;
        }
        if stores && self.crime == Crime::Exchange && parts > 1 && self.every(10) {
            let (first, last) = (request.parts[0].target, request.parts[parts - 1].target);
            request.parts[0].target = last;
            request.parts[parts - 1].target = first;
        }
        self.inner.submit(&request)
    }

    fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()> {
        self.inner.poll(done)
    }

    fn park(&mut self, until: Nanos) -> Nanos {
        self.inner.park(until)
    }
}

fn outcome(crime: Crime, blind: bool) -> Outcome {
    let settings = Settings { blocks: [128, 256, 0], ..Settings::default() };
    let criminal = Criminal { inner: Dram::new(), crime, blind, calls: 0 };
    let mut replay = Replay::over(Box::new(criminal), &settings, std::io::sink()).unwrap();
    for arrival in Workload::open("chat", 0, Some(600)).unwrap() {
        replay.serve(&arrival.unwrap()).unwrap();
    }
    replay.finish("chat").unwrap()
}

#[rstest]
fn who_is_innocent_is_not_accused(#[values(false, true)] blind: bool) {
    let outcome = outcome(Crime::None, blind);
    assert!(outcome.is_sound() && outcome.hits_host > 0, "{outcome:?}");
    assert_eq!(outcome.lost, 0);
}

/// Without trailers only the oracle stands between the crime and its success.
#[rstest]
#[case::flipped_bit(Crime::FlippedBit, "damaged")]
#[case::lost_store(Crime::LostStore, "another key")]
#[case::exchange(Crime::Exchange, "another key")]
fn wrong_bytes_are_found_and_named(#[case] crime: Crime, #[case] name: &str) {
    let outcome = outcome(crime, true);
    assert!(!outcome.is_sound() && outcome.blocks_corrupt > 0, "{outcome:?}");
    assert!(outcome.mismatches.iter().any(|wrong| wrong.contains(name)), "{outcome:?}");
}

/// With trailers what was lost or exchanged on its way down is a miss, and nobody gets a wrong byte.
/// What nobody asked for again may still lie wrong at the end, which is told.
#[rstest]
#[case::lost_store(Crime::LostStore)]
#[case::exchange(Crime::Exchange)]
fn trailers_turn_wrong_bytes_into_misses(#[case] crime: Crime) {
    let outcome = outcome(crime, false);
    assert!(outcome.lost > 0, "{outcome:?}");
    assert!(outcome.mismatches.iter().all(|wrong| wrong.starts_with("at rest")), "{outcome:?}");
}

/// Bytes that were wrong before they were sealed are wrong with every trailer in place.
#[test]
fn trailers_do_not_heal_what_was_computed_wrong() {
    assert!(!outcome(Crime::FlippedBit, false).is_sound());
}
