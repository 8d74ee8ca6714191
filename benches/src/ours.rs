//! Our engine, deciding only.

use std::fmt;
use tierproof_backends::Dram;
use tierproof_core::{
    Engine, EngineConfig, KvEvents, Prompt, Request, RequestId, TierBlocks, WindowConfig, policy,
};

/// Who reads the event stream. The engine's own counters always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nobody else: events are taken and let go.
    Counters,
    /// A bounded buffer of KV events too, flushed and taken after every request.
    KvEvents,
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counters => "events and counters",
            Self::KvEvents => "and KV events",
        })
    }
}

/// The whole request cycle: add (match, allocate, evict), remove (store, release), read the events.
#[derive(Debug)]
pub struct Cycle {
    engine: Engine<Dram>,
    events: Option<KvEvents>,
    next: u64,
    request: Request,
}

const WINDOW: u32 = 1 << 20;

impl Cycle {
    /// One window of `blocks` device blocks, and no lower tier.
    ///
    /// # Panics
    /// For 0 blocks or an unknown policy.
    #[must_use]
    pub fn new(blocks: u32, name: &'static str, readers: Readers) -> Self {
        let tiers = TierBlocks { device: blocks, host: 0, disk: 0 };
        let window = WindowConfig { size: WINDOW, blocks: tiers, pools: Vec::new() };
        let config = EngineConfig { windows: vec![window], payload: false, ..Default::default() };
        let made = Engine::new(Dram::new(), config, |_| policy(name).expect("a built-in policy"));
        let buffer = || KvEvents::new(vec![WINDOW], 1 << 16).expect("a bound above 0");
        Self {
            engine: made.expect("the configuration is valid"),
            events: (readers == Readers::KvEvents).then(buffer),
            next: 0,
            request: Request::new(0, Prompt::Hashes { tenant: 0, ids: Vec::new() }),
        }
    }

    /// One request from its admission to its end.
    ///
    /// # Panics
    /// For a request larger than the device.
    pub fn serve(&mut self, ids: &[u64]) {
        self.request.id = RequestId(self.next);
        self.next += 1;
        if let Prompt::Hashes { ids: own, .. } = &mut self.request.prompt {
            own.clear();
            own.extend_from_slice(ids);
        }
        self.engine.add(&self.request).expect("the request fits");
        self.engine.remove(self.request.id).expect("it was just added");
        match &mut self.events {
            None => drop(self.engine.events()),
            Some(buffer) => {
                self.engine.events().for_each(|event| buffer.observe(&event));
                buffer.flush();
                std::hint::black_box(buffer.take());
            }
        }
    }

    /// Blocks found so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.engine.counters().hits_total()
    }
}
