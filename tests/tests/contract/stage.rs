//! A stage for one engine: the calls that its backend is going to get, in order.

use mockall::predicate::eq;
use mockall::{Sequence, mock};
use tierproof_core::{
    Backend, Bytes, Capability, Completion, Descriptor, Engine, EngineConfig, Error, ErrorKind,
    Fault, Lru, Medium, Nanos, PoolShape, Prompt, RegionId, Request, Result, Retention,
    RetryPolicy, Route, TierBlocks, TransferId, TransferMode, TransferRequest, WindowConfig,
};

mock! {
    pub(crate) Device {}

    impl Backend for Device {
        fn name(&self) -> &'static str;
        fn capability(&self) -> &Capability;
        fn allocate(&mut self, medium: &Medium, len: Bytes) -> Result<RegionId>;
        fn release(&mut self, region: RegionId) -> Result<()>;
        fn fill(&mut self, target: Descriptor, bytes: &[u8]) -> Result<()>;
        fn peek(&mut self, source: Descriptor, bytes: &mut [u8]) -> Result<()>;
        fn submit(&mut self, request: &TransferRequest) -> Result<TransferId>;
        fn poll(&mut self, done: &mut Vec<Completion>) -> Result<()>;
        fn park(&mut self, until: Nanos) -> Nanos;
    }
}

/// Bytes of a block, on the device from slot to slot too.
pub(crate) const BLOCK: Bytes = 64;
/// From slot to slot below: a trailer follows.
const SEALED: Bytes = BLOCK + 128;
/// What every attempt may take.
pub(crate) const TIMEOUT: u64 = 10_000_000;

pub(crate) fn capability() -> Capability {
    Capability {
        routes: [[Route::Direct; 3]; 3],
        alignment: 64,
        request_parts_max: 64,
        request_bytes_max: 1 << 20,
        in_flight_parts_max: 64,
        fallbacks: Vec::new(),
    }
}

/// Where the parts of a request go, as in `d0>h1 d2>h3`: device slot 0 to host slot 1, and so on.
/// Regions are allocated tier by tier, one for each, so their numbers are those of the tiers.
fn legs(request: &TransferRequest) -> String {
    let slot = |at: Descriptor| {
        let (name, stride) = [("d", BLOCK), ("h", SEALED), ("f", SEALED)][at.region.0 as usize];
        assert_eq!((at.offset % stride, at.len), (0, BLOCK));
        format!("{name}{}", at.offset / stride)
    };
    let leg = |part: &tierproof_core::Part| format!("{}>{}", slot(part.source), slot(part.target));
    request.parts.iter().map(leg).collect::<Vec<_>>().join(" ")
}

pub(crate) fn done(id: u64) -> Completion {
    Completion { id: TransferId(id), at: Nanos::ZERO, faults: Vec::new() }
}

pub(crate) fn failed(id: u64, part: u32, kind: ErrorKind) -> Completion {
    Completion { faults: vec![(part, Fault::new(kind))], ..done(id) }
}

/// What is going to happen.
pub(crate) struct Stage {
    mock: MockDevice,
    sequence: Sequence,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { mock: MockDevice::new(), sequence: Sequence::new() }
    }

    /// One region for each of `tiers` tiers is allocated first.
    pub(crate) fn allocates(&mut self, tiers: u32, capability: Capability) -> &mut Self {
        self.mock.expect_name().return_const("mock");
        self.mock.expect_capability().return_const(capability);
        for region in 0..tiers {
            let call = self.mock.expect_allocate().times(1).in_sequence(&mut self.sequence);
            call.returning(move |_, _| Ok(RegionId(region)));
        }
        self
    }

    /// The engine asks for the time, which is `now`, and for completions.
    pub(crate) fn looks(&mut self, now: u64, completions: &[Completion]) -> &mut Self {
        self.asks(now);
        let completions = completions.to_vec();
        let call = self.mock.expect_poll().times(1).in_sequence(&mut self.sequence);
        call.returning(move |done| {
            done.extend_from_slice(&completions);
            Ok(())
        });
        self
    }

    /// The same, but the backend breaks after it gave these completions.
    pub(crate) fn breaks(&mut self, now: u64, completions: &[Completion]) -> &mut Self {
        self.asks(now);
        let completions = completions.to_vec();
        let call = self.mock.expect_poll().times(1).in_sequence(&mut self.sequence);
        call.returning(move |done| {
            done.extend_from_slice(&completions);
            Err(Error::new(ErrorKind::Device, "broken"))
        });
        self
    }

    fn asks(&mut self, now: u64) {
        let call = self.mock.expect_park().with(eq(Nanos::ZERO)).times(1);
        call.in_sequence(&mut self.sequence).return_const(Nanos(now));
    }

    /// It waits, but not beyond `until`.
    pub(crate) fn waits(&mut self, until: u64) -> &mut Self {
        let call = self.mock.expect_park().with(eq(Nanos(until))).times(1);
        call.in_sequence(&mut self.sequence).return_const(Nanos(until));
        self
    }

    /// A request is accepted as number `id`.
    pub(crate) fn sends(&mut self, id: u64, to: &'static str, deadline: u64) -> &mut Self {
        self.submits(None, to, deadline, Ok(id))
    }

    /// The same, with the mode that it has to have.
    pub(crate) fn sends_as(
        &mut self,
        mode: TransferMode,
        id: u64,
        to: &'static str,
        deadline: u64,
    ) -> &mut Self {
        self.submits(Some(mode), to, deadline, Ok(id))
    }

    /// A request is refused.
    pub(crate) fn refuses(
        &mut self,
        kind: ErrorKind,
        to: &'static str,
        deadline: u64,
    ) -> &mut Self {
        self.submits(None, to, deadline, Err(kind))
    }

    fn submits(
        &mut self,
        mode: Option<TransferMode>,
        to: &'static str,
        deadline: u64,
        answer: Result<u64, ErrorKind>,
    ) -> &mut Self {
        let call = self.mock.expect_submit().times(1).in_sequence(&mut self.sequence);
        let call = call.withf(move |request| {
            legs(request) == to
                && request.deadline == Nanos(deadline)
                && mode.is_none_or(|mode| request.mode == mode)
        });
        call.returning(move |_| match answer {
            Ok(id) => Ok(TransferId(id)),
            Err(kind) => Err(Error::new(kind, "refused")),
        });
        self
    }

    /// Every region is given back, in order.
    pub(crate) fn releases(&mut self, regions: u32) -> &mut Self {
        for region in 0..regions {
            let call = self.mock.expect_release().with(eq(RegionId(region))).times(1);
            call.in_sequence(&mut self.sequence).returning(|_| Ok(()));
        }
        self
    }

    /// An engine of one window to play on this stage.
    pub(crate) fn play(&mut self, [device, host, disk]: [u32; 3]) -> Engine<MockDevice> {
        let mock = std::mem::take(&mut self.mock);
        let blocks = TierBlocks { device, host, disk };
        let pools = vec![PoolShape::Opaque { bytes: BLOCK }];
        let retry = RetryPolicy { timeout: Nanos(TIMEOUT), ..RetryPolicy::default() };
        let config = EngineConfig {
            windows: vec![WindowConfig { size: 1024, blocks, pools }],
            tokens_per_block: 4,
            sequence_tokens_max: 1024,
            reserve: 1,
            retry,
            ..EngineConfig::default()
        };
        Engine::new(mock, config, |_| Box::new(Lru::default())).expect("a valid engine")
    }
}

/// A request of blocks that are named by hashes.
pub(crate) fn request(id: u64, hashes: &[u64]) -> Request {
    Request::new(id, Prompt::Hashes { tenant: 0, ids: hashes.to_vec() })
}

/// Its blocks may go to files.
pub(crate) fn filed(id: u64, hashes: &[u64], mode: TransferMode) -> Request {
    let retention = Retention::default().with_files(mode, "kv").expect("valid");
    Request { retention, ..request(id, hashes) }
}

/// Adds a request and removes it at once: its blocks can be found, and evicted.
pub(crate) fn visit<B: Backend>(engine: &mut Engine<B>, request: &Request) {
    engine.add(request).expect("there is room");
    engine.remove(request.id).expect("it lives");
}
