//! The replay: requests one after the other through an engine, every byte checked.

mod lasting;

use crate::arrival::{Arrival, WorkRequest};
use crate::laws;
use crate::metered::{Metered, Running};
use crate::open::{Opened, open};
use crate::oracle::{Oracle, Verdicts, extend, tags, tenant};
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::workload::{Progress, Workload};
use std::io::Write;
use std::time::Instant;
use tempfile::TempDir;
use tierproof_core::{
    Backend, BlockId, Counters, DecisionLog, Error, ErrorKind, Event, Nanos, NoFiles, Prompt,
    Request, RequestId, Result, Retention, policy,
};

/// Requests between two reports of progress.
const PROGRESS_STEP: u64 = 64;
/// Requests between two publications of a durable disk tier.
const PUBLISH_STEP: u64 = 64;

/// Replays a whole workload. The decision log goes to `decisions`; `watch` hears of the progress.
///
/// ```
/// use tierproof::{Settings, Workload, replay};
/// let mut workload = Workload::open("chat", 0, Some(200))?;
/// let settings = Settings { blocks: [64, 64, 512], ..Settings::default() };
/// let outcome = replay(&settings, &mut workload, std::io::sink(), |_| ())?;
/// assert!(outcome.is_sound() && outcome.hits_disk > 0);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
///
/// # Errors
/// What the workload, the engine, the backend or the writer answers.
pub fn replay(
    settings: &Settings,
    workload: &mut Workload,
    decisions: impl Write,
    mut watch: impl FnMut(Progress),
) -> Result<Outcome> {
    let mut replay = Replay::open(settings, decisions)?;
    let mut served: u64 = 0;
    while let Some(arrival) = workload.next() {
        replay.serve(&arrival?)?;
        served += 1;
        if served.is_multiple_of(PROGRESS_STEP) {
            watch(workload.progress());
        }
    }
    replay.finish(workload.name())
}

/// A replay under way.
pub struct Replay<W> {
    engine: Metered,
    log: DecisionLog<W>,
    recount: Counters,
    copies: u64,
    oracle: Oracle,
    verdicts: Verdicts,
    outcome: Outcome,
    retention: Retention,
    no_files: Option<NoFiles>,
    tokens_per_block: u32,
    payload: Vec<u8>,
    verify: bool,
    timed: bool,
    next_id: u64,
    began_at: Nanos,
    began: Instant,
    /// Outlives the engine, whose files it holds.
    _temporary: Option<TempDir>,
}

impl<W> std::fmt::Debug for Replay<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl<W: Write> Replay<W> {
    /// An engine that nobody has used, on the backend that `settings` name.
    ///
    /// # Errors
    /// `Config` for settings that contradict each other, and what opening the backend answers.
    pub fn open(settings: &Settings, decisions: W) -> Result<Self> {
        let Opened { backend, below, temporary } = open(settings)?;
        let mut replay = Self::over(backend, settings, decisions)?;
        replay.outcome.below = below;
        Ok(Self { _temporary: temporary, ..replay })
    }

    /// An engine that nobody has used, on any backend: the one that `settings` name is not opened.
    ///
    /// # Errors
    /// `Config` for settings that contradict each other, and what the backend answers.
    ///
    /// # Panics
    /// Never: a policy's name is tried before it is counted on.
    pub fn over(mut backend: Box<dyn Backend>, settings: &Settings, decisions: W) -> Result<Self> {
        policy(&settings.policy)?;
        let began_at = backend.park(Nanos::ZERO);
        let make = |_: &_| policy(&settings.policy).expect("the name was tried just before");
        let outcome = Outcome {
            backend: backend.name().into(),
            policy: settings.policy.clone(),
            seed: settings.seed,
            durable: settings.durable,
            ..Outcome::default()
        };
        let payload_len = usize::try_from(settings.block_bytes).map_err(|_| {
            Error::new(ErrorKind::OutOfRange, "a block is larger than this machine's memory")
        })?;
        let mut replay = Self {
            engine: Metered::new(backend, settings.engine(), make)?,
            log: DecisionLog::new(decisions),
            recount: Counters::default(),
            copies: 0,
            oracle: Oracle::default(),
            verdicts: Verdicts::default(),
            outcome,
            retention: settings.retention()?,
            no_files: None,
            tokens_per_block: settings.tokens_per_block,
            payload: vec![0; payload_len],
            verify: settings.verify,
            timed: settings.timed,
            next_id: 0,
            began_at,
            began: Instant::now(),
            _temporary: None,
        };
        replay.take_events()?;
        Ok(replay)
    }

    /// One request from its admission to its end.
    ///
    /// # Errors
    /// What engine and backend answer. A request that is larger than the device is none.
    pub fn serve(&mut self, arrival: &Arrival) -> Result<()> {
        if self.timed {
            self.wait_until(arrival.at)?;
        }
        self.engine.call(|engine| engine.advance(arrival.at));
        let WorkRequest { prompt, output } = &arrival.request;
        let mut request = Request::new(self.next_id, prompt.clone());
        request.retention = self.retention.clone();
        self.next_id += 1;
        match self.engine.call(|engine| engine.add(&request)) {
            Ok(admission) => self.no_files = self.no_files.or(admission.fallback),
            Err(error) if error.kind() == ErrorKind::Exhausted => return self.take_events(),
            Err(error) => return Err(error),
        }
        self.take_events()?;
        let settled = self.engine.call(|engine| engine.settle(request.id))?;
        self.take_events()?;
        let blocks = prompt.tokens(self.tokens_per_block).div_ceil(self.tokens_per_block.into());
        self.outcome.blocks += blocks;
        let names = if self.verify { tags(prompt, self.tokens_per_block) } else { Vec::new() };
        let whole = (settled.matched_tokens / self.tokens_per_block) as usize;
        let part = usize::from(!settled.matched_tokens.is_multiple_of(self.tokens_per_block));
        if self.verify {
            self.check_hits(request.id, &names, whole, part)?;
        }
        self.generate(request.id, output)?;
        if self.verify {
            self.compute(request.id, prompt, output, names, whole)?;
        }
        self.engine.call(|engine| engine.remove(request.id))?;
        if self.outcome.durable && self.next_id.is_multiple_of(PUBLISH_STEP) {
            self.publish()?;
        }
        self.take_events()
    }

    /// Lets the backend's time pass until `at` of the workload.
    fn wait_until(&mut self, at: Nanos) -> Result<()> {
        let until = self.began_at.saturating_add(at);
        while self.engine.backend_mut().park(until) < until {
            self.engine.call(Running::step)?;
        }
        Ok(())
    }

    /// Reads back what was found: the leading `whole` blocks, and `part` of the next.
    fn check_hits(
        &mut self,
        id: RequestId,
        names: &[u64],
        whole: usize,
        part: usize,
    ) -> Result<()> {
        let blocks = self.engine.state().held(id, 0, 0)?[..whole + part].to_vec();
        for (index, block) in blocks.into_iter().enumerate() {
            let name = names.get(index).filter(|_| index < whole).copied();
            self.check(block, name, &format!("request {} block {index}", id.0))?;
        }
        Ok(())
    }

    /// Compares every byte of a block with what was written, which must be `name`'s if given.
    fn check(&mut self, block: BlockId, name: Option<u64>, place: &str) -> Result<()> {
        let Some(content) = self.oracle.content(block) else {
            return self.check_inherited(block, name, place);
        };
        if let Some(name) = name.filter(|&name| name != content.tag) {
            let (tag, id) = (content.tag, block.0);
            self.verdicts
                .wrong(format!("{place}: asked for {name:016x}, found block {id} of {tag:016x}"));
        }
        if self.payload.is_empty() {
            return Ok(());
        }
        let source = self.engine.state().descriptor(0, block, 0)?;
        self.engine.backend_mut().peek(source, &mut self.payload)?;
        self.verdicts.bytes(place, content.check(&self.payload));
        Ok(())
    }

    /// The answer, token by token, as far as there is room for it.
    fn generate(&mut self, id: RequestId, output: &[i32]) -> Result<()> {
        let grown = self
            .engine
            .call(|engine| output.iter().try_for_each(|&token| engine.append(id, token)));
        match grown {
            Err(error) if error.kind() != ErrorKind::Exhausted => Err(error),
            _ => self.take_events(),
        }
    }

    /// Fills what the model would compute: all blocks but the leading `whole`.
    fn compute(
        &mut self,
        id: RequestId,
        prompt: &Prompt,
        output: &[i32],
        mut names: Vec<u64>,
        whole: usize,
    ) -> Result<()> {
        self.engine.call(|engine| engine.settle(id))?;
        self.take_events()?;
        if let Prompt::Tokens(tokens) = prompt {
            let generated = self.engine.state().tokens(id)? as usize - tokens.tokens.len();
            name_answer(&mut names, &tokens.tokens, &output[..generated], self.tokens_per_block);
        }
        let blocks = self.engine.state().held(id, 0, 0)?.to_vec();
        for (&block, &name) in blocks.iter().zip(&names).skip(whole) {
            let content = self.oracle.write(block, tenant(prompt), name);
            if !self.payload.is_empty() {
                content.fill(&mut self.payload);
                let target = self.engine.state().descriptor(0, block, 0)?;
                self.engine.backend_mut().fill(target, &self.payload)?;
            }
        }
        Ok(())
    }

    fn take_events(&mut self) -> Result<()> {
        let unwritable = |error: std::io::Error| {
            let what = "the decision log can't be written: check the space and rights of its file";
            Error::new(ErrorKind::Unavailable, what).with_source(error)
        };
        for event in self.engine.events() {
            self.recount.observe(&event);
            match event {
                Event::Copied { source, target, .. } => {
                    self.copies += 1;
                    self.oracle.copy(source, target);
                }
                Event::Grafted { block, .. } => self.oracle.inherit(block, None),
                _ => {}
            }
            self.log.observe(&event).map_err(unwritable)?;
        }
        Ok(())
    }

    /// Waits for what still moves, reads back every block that could still be found, checks the
    /// laws and sums up.
    ///
    /// # Errors
    /// What the backend and the writer of the decision log answer.
    pub fn finish(mut self, workload: &str) -> Result<Outcome> {
        self.engine.call(Running::drain)?;
        if self.outcome.durable {
            self.publish()?;
        }
        self.take_events()?;
        let virtual_ns = (self.engine.backend_mut().park(Nanos::ZERO) - self.began_at).0;
        let wall_ns = self.began.elapsed().as_nanos();
        if self.verify {
            let findable = self.engine.state().blocks(0)?.map(|block| block.findable);
            let findable: Vec<bool> = findable.collect();
            for (id, _) in (0..).zip(findable).filter(|&(_, findable)| findable) {
                self.check(BlockId(id), None, &format!("at rest, block {id}"))?;
            }
        }
        self.sum_up(workload);
        [self.outcome.engine_ns, self.outcome.backend_ns] = self.engine.spent();
        self.outcome.virtual_ns = virtual_ns;
        self.outcome.wall_ns = u64::try_from(wall_ns).unwrap_or(u64::MAX);
        let broken = laws::broken(self.engine.state(), &self.outcome, &self.recount, self.copies);
        self.outcome.broken = broken;
        self.outcome.decision_hash = self.log.finish().map_err(|error| {
            let what = "the decision log can't be finished: check the space of its file";
            Error::new(ErrorKind::Unavailable, what).with_source(error)
        })?;
        Ok(self.outcome)
    }

    fn sum_up(&mut self, workload: &str) {
        let counters = *self.engine.state().counters();
        let outcome = &mut self.outcome;
        outcome.workload = workload.into();
        outcome.requests = counters.requests;
        outcome.rejected = counters.rejected;
        outcome.hits = counters.hits_total();
        [outcome.hits_device, outcome.hits_host, outcome.hits_disk] = counters.hits;
        outcome.misses = outcome.blocks - outcome.hits;
        if outcome.blocks > 0 {
            outcome.hit_ratio = outcome.hits as f64 / outcome.blocks as f64;
        }
        outcome.recovered = counters.recovered;
        outcome.grafted = counters.grafted;
        outcome.records_damaged = self.engine.state().recovery().damaged;
        outcome.partial_hits = counters.partial_hits;
        outcome.lost = counters.lost_hits;
        outcome.offloads = counters.offloads;
        outcome.onboards = counters.onboards;
        outcome.demotions = counters.demotions;
        outcome.drops = counters.drops;
        outcome.bytes_moved = self.engine.state().transfer_stats().bytes;
        outcome.blocks_verified = self.verdicts.verified;
        outcome.blocks_corrupt = self.verdicts.corrupt;
        outcome.mismatches = std::mem::take(&mut self.verdicts.named);
        outcome.fallbacks = counters.fallbacks;
        let backend = self.engine.state().backend().capability().fallbacks.iter();
        let notes = backend.map(|note| {
            format!("wanted {}, got {}, because {}", note.wanted, note.instead, note.reason)
        });
        let no_files = self.no_files.map(|reason| format!("wanted files, got none: {reason}"));
        outcome.fallback_notes = notes.chain(no_files).collect();
    }
}

/// Continues the names of a prompt's blocks by those of its answer. The block in which the answer
/// begins is named by all of its tokens.
fn name_answer(names: &mut Vec<u64>, prompt: &[i32], answer: &[i32], tokens_per_block: u32) {
    let block = tokens_per_block as usize;
    let mut filled = prompt.len() % block;
    if let (Some(last), true) = (names.last_mut(), filled > 0) {
        let room = answer.len().min(block - filled);
        *last = extend(*last, &answer[..room]);
        filled = room;
    }
    for tokens in answer[filled..].chunks(block) {
        let before = names.last().copied().unwrap_or(0);
        names.push(extend(before, tokens));
    }
}
