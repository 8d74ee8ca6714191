//! Engine and model side by side, in short words: after every step both are the same, byte for
//! byte, and the laws of the model hold.

use tierproof_sim::{Sim, SimConfig};

use crate::words::{Config, Request};
use tierproof::lockstep::driver::{Driver, Setup};
use tierproof::lockstep::model::{Model, Outcome};
use tierproof::lockstep::plan::Op;

/// An engine on the simulator, and the model of it.
pub(crate) struct Bench {
    driver: Driver<Sim>,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        let Config(config) = config;
        let sim = Sim::new(SimConfig::default()).expect("the default is valid");
        let driver = Driver::new(&config, Setup::default(), sim);
        Self { driver: driver.unwrap_or_else(|mismatch| panic!("{mismatch}")) }
    }

    pub(crate) fn model(&self) -> &Model {
        self.driver.model()
    }

    pub(crate) fn apply(&mut self, op: &Op) -> Outcome {
        let outcome = self.driver.apply(op).unwrap_or_else(|mismatch| panic!("{mismatch}"));
        let log = self.driver.log().join("\n");
        assert_eq!(self.model().check(), Ok(()), "after {op:?}\n{log}");
        outcome
    }

    pub(crate) fn add(&mut self, request: Request) -> Outcome {
        self.apply(&request.op())
    }

    pub(crate) fn append(&mut self, request: u64, token: i32) -> Outcome {
        self.apply(&Op::Append { request, token })
    }

    pub(crate) fn generate(&mut self, request: u64, tokens: &[i32]) {
        for token in tokens {
            assert_eq!(self.append(request, *token), Outcome::Done);
        }
    }

    pub(crate) fn rewind(&mut self, request: u64, tokens: usize) -> Outcome {
        self.apply(&Op::Rewind { request, tokens })
    }

    pub(crate) fn store(&mut self, request: u64) {
        assert_eq!(self.apply(&Op::Store { request }), Outcome::Done);
    }

    pub(crate) fn store_new(&mut self, request: u64) {
        assert_eq!(self.apply(&Op::StoreNew { request }), Outcome::Done);
    }

    /// Ends a request; the log starts anew just before.
    pub(crate) fn remove(&mut self, request: u64) {
        self.take_log();
        assert_eq!(self.apply(&Op::Remove { request }), Outcome::Done);
    }

    pub(crate) fn pin(&mut self, request: u64) -> Outcome {
        self.apply(&Op::Pin { request })
    }

    pub(crate) fn unpin(&mut self, pin: usize) -> Outcome {
        self.apply(&Op::Unpin { pin })
    }

    pub(crate) fn offload(&mut self, request: u64, index: usize) -> Outcome {
        self.apply(&Op::Offload { request, window: 0, index })
    }

    pub(crate) fn onboard(&mut self, request: u64, index: usize) -> Outcome {
        self.apply(&Op::Onboard { request, window: 0, index })
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.apply(&Op::Advance { millis });
    }

    /// Adds a request and tells what was decided for it, its `add` line left out.
    pub(crate) fn decide(&mut self, request: Request) -> Vec<String> {
        self.take_log();
        assert_eq!(self.add(request), Outcome::Done);
        self.take_log().split_off(1)
    }

    /// The same, and removes it.
    pub(crate) fn visit(&mut self, request: Request) -> Vec<String> {
        let id = request.id();
        let log = self.decide(request);
        self.remove(id);
        log
    }

    /// Adds and removes a request; tells how many of its tokens were found.
    pub(crate) fn find(&mut self, request: u64, tokens: Vec<i32>) -> usize {
        assert_eq!(self.add(Request::of(request, tokens)), Outcome::Done);
        let found = self.pos(request);
        self.remove(request);
        found
    }

    /// Prepopulated length.
    pub(crate) fn pos(&self, request: u64) -> usize {
        self.model().matched_tokens(request).expect("the request is live")
    }

    pub(crate) fn beams(&self, request: u64) -> Vec<Vec<usize>> {
        self.model().views()[0].sequences[&request].beams.clone()
    }

    /// Block ids of beam 0.
    pub(crate) fn ids(&self, request: u64) -> Vec<usize> {
        self.beams(request).remove(0)
    }

    /// Empty and queued blocks of the device.
    pub(crate) fn free(&self) -> usize {
        self.model().views()[0].tiers[0].free
    }

    /// The log so far, which starts anew.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        self.driver.take_model_log()
    }

    /// What `store` lines of window 0 say since the log started, without verb and window.
    pub(crate) fn stored(&mut self) -> Vec<String> {
        let stored = |line: String| line.strip_prefix("store 0 ").map(str::to_owned);
        self.take_log().into_iter().filter_map(stored).collect()
    }
}
