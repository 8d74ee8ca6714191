//! An engine under test, and a model that computes what the engine does not find.

use crate::faults::Faults;
use crate::words::{BLOCK, Text, bytes};
use std::collections::BTreeMap;
use tierproof_core::{
    Backend, BlockId, DecisionLog, Descriptor, Element, Engine, EngineConfig, ErrorKind, Lru,
    Nanos, PoolShape, Prompt, Request, RequestId, RequestStats, Retention, RetryPolicy, Settled,
    Tier, TierBlocks, TokenPrompt, TransferId, TransferMode, Verify, WindowConfig,
};
use tierproof_sim::shadow::Shadowed;
use tierproof_sim::{Misuse, Sim, SimConfig};

pub(crate) use Tier::{Device, Disk, Host};

/// Layers of a pool: one row of words each.
const ROWS: u64 = 2;
const WORD: u64 = 8;

/// What differs from test to test.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Device, host and disk blocks of each window.
    pub(crate) windows: Vec<[u32; 3]>,
    pub(crate) pools: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) request_parts_max: u32,
    pub(crate) in_flight_parts_max: u32,
    pub(crate) verify: Verify,
}

impl Setup {
    pub(crate) fn new(blocks: [u32; 3]) -> Self {
        Self {
            windows: vec![blocks],
            pools: 1,
            retry: RetryPolicy::default(),
            request_parts_max: 64,
            in_flight_parts_max: 1024,
            verify: Verify::All,
        }
    }

    pub(crate) fn config(&self) -> EngineConfig {
        let shape = PoolShape::Attention {
            layers: ROWS as u32,
            kv_factor: 1,
            heads: 1,
            head_dim: WORD as u32,
            element: Element::Bits8,
        };
        let window = |(size, &[device, host, disk]): (u32, &[u32; 3])| WindowConfig {
            size,
            blocks: TierBlocks { device, host, disk },
            pools: vec![shape; self.pools],
        };
        EngineConfig {
            windows: (1024..).zip(&self.windows).map(window).collect(),
            tokens_per_block: BLOCK,
            sequence_tokens_max: 1024,
            reserve: 1,
            retry: self.retry,
            verify: self.verify,
            ..EngineConfig::default()
        }
    }

    /// The tier of every region, in the order in which they are allocated.
    fn tiers(&self) -> Vec<Tier> {
        let window = |blocks: &[u32; 3]| {
            let blocks = *blocks;
            Tier::ALL.into_iter().filter(move |&tier| blocks[tier as usize] > 0)
        };
        let tiers = self.windows.iter().flat_map(window);
        tiers.flat_map(|tier| std::iter::repeat_n(tier, self.pools)).collect()
    }

    /// On the simulator, where nothing goes wrong yet.
    pub(crate) fn simulate(&self) -> (Bench<Sim>, Faults) {
        let faults = Faults::none(self.tiers());
        let config = SimConfig {
            request_parts_max: self.request_parts_max,
            in_flight_parts_max: self.in_flight_parts_max,
            ..SimConfig::default()
        };
        let sim = Sim::with_faults(config, faults.source()).expect("a valid simulator");
        (self.on(sim, |sim| sim.misuses()), faults)
    }

    /// On a backend that tells what it was asked to do and no correct caller asks.
    pub(crate) fn on<B: Backend>(&self, backend: B, misuses: fn(&B) -> &[Misuse]) -> Bench<B> {
        let backend = Shadowed::new(backend);
        let engine = Engine::new(backend, self.config(), |_| Box::new(Lru::default()));
        let engine = engine.expect("a valid engine");
        Bench { engine, misuses, setup: self.clone(), texts: BTreeMap::new() }
    }
}

/// A request with a prompt of hashes; every hash is a block of four tokens.
pub(crate) fn hashes(id: u64, ids: &[u64]) -> Request {
    Request::new(id, Prompt::Hashes { tenant: 0, ids: ids.to_vec() })
}

/// A request with a prompt of tokens, of which the last is never found.
pub(crate) fn tokens(id: u64, tokens: impl IntoIterator<Item = i32>) -> Request {
    Request::new(id, Prompt::Tokens(TokenPrompt::new(tokens.into_iter().collect())))
}

/// The request's blocks may go to files.
pub(crate) fn on_disk(mut request: Request) -> Request {
    request.retention = Retention::default().with_files(TransferMode::Posix, "kv").expect("valid");
    request
}

pub(crate) struct Bench<B> {
    pub(crate) engine: Engine<Shadowed<B>>,
    misuses: fn(&B) -> &[Misuse],
    setup: Setup,
    texts: BTreeMap<RequestId, Text>,
}

impl<B: Backend> Bench<B> {
    /// Adds a request; answers how many of its tokens were found.
    pub(crate) fn add(&mut self, request: &Request) -> Result<u32, ErrorKind> {
        let admission = self.engine.add(request);
        self.check();
        let admission = admission.map_err(|error| error.kind())?;
        let mut text = Text::of(&request.prompt);
        text.computed = admission.matched_tokens as usize;
        self.texts.insert(request.id, text);
        Ok(admission.matched_tokens)
    }

    pub(crate) fn append(&mut self, id: u64, token: i32) -> Result<(), ErrorKind> {
        let appended = self.engine.append(RequestId(id), token);
        self.check();
        appended.map_err(|error| error.kind())?;
        self.texts.get_mut(&RequestId(id)).expect("the request lives").push(token);
        Ok(())
    }

    pub(crate) fn settle(&mut self, id: u64) -> Result<Settled, ErrorKind> {
        let settled = self.engine.settle(RequestId(id));
        self.check();
        let settled = settled.map_err(|error| error.kind())?;
        let text = self.texts.get_mut(&RequestId(id)).expect("the request lives");
        if let Some(from) = settled.lost_from {
            text.computed = text.computed.min(from as usize);
        }
        Ok(settled)
    }

    /// Settles a request, computes what it does not have, and reads all of it.
    pub(crate) fn run(&mut self, id: u64) -> Settled {
        let settled = self.settle(id).expect("the request settles");
        self.compute(id);
        self.read(id);
        settled
    }

    /// Writes the words that a settled request does not have.
    pub(crate) fn compute(&mut self, id: u64) {
        let text = &self.texts[&RequestId(id)];
        for (at, word) in self.places(id, text.computed) {
            let backend = self.engine.backend_mut();
            let filled = backend.fill(at, &word).or_else(|_| backend.fill(at, &word));
            filled.expect("a settled block is free to write, if only at the second try");
        }
        let text = self.texts.get_mut(&RequestId(id)).expect("the request lives");
        text.computed = text.words.len();
    }

    /// Reads every word that a request counts on.
    pub(crate) fn read(&mut self, id: u64) {
        for (at, word) in self.places(id, 0) {
            let mut found = [0; WORD as usize];
            let backend = self.engine.backend_mut();
            let peeked = backend.peek(at, &mut found).or_else(|_| backend.peek(at, &mut found));
            peeked.expect("a settled block is free to read, if only at the second try");
            assert_eq!(found, word, "request {id} reads wrong bytes at {at:?}");
        }
    }

    /// Where the words from `first` on lie, in all windows, beams, pools and rows, and their bytes.
    fn places(&self, id: u64, first: usize) -> Vec<(Descriptor, [u8; 8])> {
        let (engine, id) = (&self.engine, RequestId(id));
        let text = &self.texts[&id];
        let mut places = Vec::new();
        for window in 0..self.setup.windows.len() {
            for beam in (0..).map_while(|beam| engine.held(id, window, beam).ok()) {
                for (token, &word) in text.words.iter().enumerate().skip(first) {
                    let block = beam[token / BLOCK as usize];
                    for (pool, row) in
                        (0..self.setup.pools).flat_map(|p| (0..ROWS).map(move |r| (p, r)))
                    {
                        let whole = engine.descriptor(window, block, pool).expect("known");
                        let token = token as u64 % u64::from(BLOCK);
                        let offset = whole.offset + (row * u64::from(BLOCK) + token) * WORD;
                        let at = Descriptor { offset, len: WORD, ..whole };
                        places.push((at, bytes(word, window, pool, row)));
                    }
                }
            }
        }
        places
    }

    pub(crate) fn remove(&mut self, id: u64) -> RequestStats {
        let stats = self.engine.remove(RequestId(id)).expect("the request lives");
        self.texts.remove(&RequestId(id));
        self.check();
        stats
    }

    /// Adds a request, computes it and removes it.
    pub(crate) fn visit(&mut self, request: &Request) -> u32 {
        self.add(request).expect("there is room");
        let settled = self.run(request.id.0);
        self.remove(request.id.0);
        settled.matched_tokens
    }

    pub(crate) fn drain(&mut self) {
        self.engine.drain().expect("the backend goes on");
        self.check();
    }

    /// The blocks of a request's first beam in window 0.
    pub(crate) fn held(&self, id: u64) -> Vec<BlockId> {
        self.engine.held(RequestId(id), 0, 0).expect("the request lives").to_vec()
    }

    pub(crate) fn stats(&self, id: u64) -> RequestStats {
        self.engine.request_stats(RequestId(id)).expect("the request lives")
    }

    /// What was decided since the last call.
    pub(crate) fn log(&mut self) -> Vec<String> {
        let mut text = Vec::new();
        let mut log = DecisionLog::new(&mut text);
        for event in self.engine.events() {
            log.observe(&event).expect("vectors take all");
        }
        log.finish().expect("vectors take all");
        String::from_utf8(text).expect("the log is text").lines().map(str::to_owned).collect()
    }

    /// Only the lines that begin with `verb`.
    pub(crate) fn log_of(&mut self, verb: &str) -> Vec<String> {
        self.log().into_iter().filter(|line| line.split(' ').next() == Some(verb)).collect()
    }

    /// Blocks of a tier of window 0 that are out of use.
    pub(crate) fn quarantined(&self, tier: Tier) -> usize {
        self.engine.tier_use(0, tier).expect("window 0 is there").quarantined
    }

    /// Law C1: what became of the blocks of each tier adds up to its capacity. And the backend was
    /// asked for nothing that it must refuse, nor for what nothing orders.
    fn check(&self) {
        assert_eq!((self.misuses)(self.engine.backend().inner()), []);
        assert_eq!(self.engine.backend().hazards(), []);
        for (window, blocks) in self.setup.windows.iter().enumerate() {
            for tier in Tier::ALL {
                let ordinary = blocks[tier as usize] as usize;
                let reserve = usize::from(tier != Device && ordinary > 0);
                let used = self.engine.tier_use(window, tier).expect("the window is there");
                let sum =
                    used.empty + used.queued + used.referenced + used.reserved + used.quarantined;
                let capacity = ordinary + reserve;
                assert_eq!((used.capacity, sum), (capacity, capacity), "{tier:?}: {used:?}");
            }
        }
    }
}

impl Bench<Sim> {
    /// Virtual time.
    pub(crate) fn now(&self) -> Nanos {
        self.engine.backend().inner().now()
    }

    /// A transfer that hangs goes on, and a second passes.
    pub(crate) fn unhang(&mut self, id: TransferId) {
        let sim = self.engine.backend_mut().inner_mut();
        sim.unhang(id).expect("it hangs");
        let later = sim.now().saturating_add(Nanos::from_millis(1_000));
        sim.park(later);
    }
}

/// Contents 10 and 11 lie in host memory, as blocks 0 and 1; the device is full of 20 to 23, which
/// nobody holds. For a window of four device blocks.
pub(crate) fn spill<B: Backend>(bench: &mut Bench<B>) {
    bench.visit(&hashes(1, &[10, 11]));
    bench.visit(&hashes(2, &[20, 21, 22, 23]));
    bench.drain();
    bench.log();
}
