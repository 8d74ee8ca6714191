//! What the next process finds (law S9): looked up on a copy of the files, so that looking changes nothing.

use tierproof_core::{Engine, EngineConfig, KeySpace, Prompt, RequestId};
use tierproof_sim::Sim;

use crate::draw::fold;
use crate::explore::Case;
use crate::explore::run::newcomer;
use crate::lockstep::driver::{Watch, request};
use crate::lockstep::model::Outcome;
use crate::lockstep::plan::{Op, PlanAdd, PlanMode, PlanPrompt, PlanRetention};
use crate::lockstep::{Broken, Check, Law};

use super::ledger::{Key, Ledger};
use super::process::{self, Process};
use super::texts::Texts;

/// Texts of which nothing is owed that are looked up all the same.
const OTHERS: usize = 6;
const FRESH: u64 = u64::MAX;

/// A copy of the files, what must be found there, and by which texts.
pub(super) struct Audit<'a> {
    case: &'a Case,
    config: EngineConfig,
    keys: KeySpace,
    ledger: &'a Ledger,
    texts: &'a mut Texts,
    wanted: Vec<PlanPrompt>,
}

/// What can be told of an audit: a hash of what was found, or nothing if an index can't be told from a
/// foreign one, as may be.
pub(super) type Found = Result<Option<u64>, Broken>;

type Auditor<'a> = Process<Watch<&'a mut Sim>>;

impl<'a> Audit<'a> {
    pub(super) fn new(case: &'a Case, ledger: &'a Ledger, texts: &'a mut Texts) -> Self {
        let mut config = process::config(case);
        // Only whole keys are found, and nothing makes room for another.
        config.partial_reuse = false;
        let keys = config.key_space();
        let mut audit = Self { case, config, keys, ledger, texts, wanted: Vec::new() };
        let (owed, others): (Vec<_>, Vec<_>) =
            audit.texts.findable().cloned().partition(|text| audit.owes(text));
        audit.wanted = owed.into_iter().chain(others.into_iter().take(OTHERS)).collect();
        let per_block = audit.case.config.tokens_per_block;
        let tokens = |text: &PlanPrompt| match text {
            PlanPrompt::Hashes(hashes) => hashes.len(),
            PlanPrompt::Tokens(prompt) => prompt.tokens.len().div_ceil(per_block),
        };
        let blocks: usize = audit.wanted.iter().map(tokens).sum();
        for window in &mut audit.config.windows {
            window.blocks.device += u32::try_from(blocks).unwrap_or(u32::MAX / 4);
        }
        audit
    }

    /// Recovers twice, and looks everything up.
    pub(super) fn run(mut self, files: &Sim) -> Found {
        let mut copy = Sim::new(self.case.device.config())
            .map_err(|error| Law::L3.broken(format!("there is no copy of the files: {error}")))?;
        copy.copy_files(files);
        let Some(mut first) = self.begin(&mut copy)? else { return Ok(None) };
        let (recovery, found) = (first.recovery(), self.look_up(&mut first)?);
        let owed = self.ledger.len() as u64;
        Law::S9.holds(recovery.found >= owed, || {
            format!("{} blocks are found, and {owed} are owed", recovery.found)
        })?;
        let touched = self.ledger.hollow || !self.ledger.struck.is_empty();
        Law::S9.holds(touched || (recovery.damaged, recovery.rebuilt) == (0, 0), || {
            format!("an index that nobody touched is damaged: {recovery:?}")
        })?;
        drop(first);
        copy.power_cut();

        let Some(mut second) = self.begin(&mut copy)? else { return Ok(None) };
        let mut again = second.recovery();
        again.epoch -= 1;
        // A header that was damaged is good now.
        again.rebuilt = recovery.rebuilt;
        Law::S9.same(&again, &recovery, || "recovering twice".to_owned())?;
        let found_again = self.look_up(&mut second)?;
        Law::S9.same(&found_again, &found, || "tokens found by the second recovery".to_owned())?;
        self.begin_anew(&mut second)?;
        self.close(second.engine)?;
        let words = [recovery.found, recovery.epoch, recovery.superseded, recovery.damaged];
        let all = words.into_iter().chain(found.into_iter().map(u64::from));
        Ok(Some(all.fold(0, fold)))
    }

    fn begin<'s>(&self, copy: &'s mut Sim) -> Result<Option<Auditor<'s>>, Broken> {
        match Process::begin(Watch::new(copy), self.case, self.config.clone()) {
            Ok(process) => Ok(Some(process)),
            Err(_) if self.ledger.may_be_foreign() => Ok(None),
            Err(error) => {
                Err(Law::S9.broken(format!("what a crash left can't be recovered: {error}")))
            }
        }
    }

    /// The tokens found of each text, by window.
    fn look_up(&mut self, auditor: &mut Auditor<'_>) -> Result<Vec<u32>, Broken> {
        let mut all = Vec::new();
        for (number, text) in (0..).zip(self.wanted.clone()) {
            let add = Op::Add(self.asked(number, &text));
            self.succeed(auditor, &add)?;
            self.succeed(auditor, &Op::Settle { request: number })?;
            let sizes: Vec<u32> = auditor.engine.window_sizes().collect();
            for (index, window) in sizes.into_iter().enumerate() {
                let found = auditor.engine.matched_tokens(RequestId(number), index);
                let found = found.map_err(|error| Law::C4.broken(error.to_string()))?;
                let owed = self.owed(window, &text);
                Law::S9.holds(found >= owed, || {
                    format!(
                        "window {window}: {found} tokens of {text:?} are found, and {owed} were \
                         answered for"
                    )
                })?;
                all.push(found);
            }
            self.succeed(auditor, &Op::Remove { request: number })?;
        }
        Ok(all)
    }

    /// Law L3.
    fn begin_anew(&mut self, auditor: &mut Auditor<'_>) -> Check {
        self.succeed(auditor, &Op::Add(newcomer(FRESH)))?;
        self.succeed(auditor, &Op::Settle { request: FRESH })?;
        self.succeed(auditor, &Op::Remove { request: FRESH })
    }

    fn succeed(&mut self, auditor: &mut Auditor<'_>, op: &Op) -> Check {
        let outcome = auditor.apply(op, self.texts)?;
        Law::L3.holds(outcome == Outcome::Done, || {
            format!("after a recovery {op:?} is answered {outcome:?}")
        })
    }

    fn close(&self, engine: Engine<Watch<&mut Sim>>) -> Check {
        let closed = engine.close();
        let watch =
            closed.map_err(|error| Law::L6.broken(format!("it does not close: {error}")))?;
        watch.end().map(drop)
    }

    fn asked(&self, request: u64, text: &PlanPrompt) -> PlanAdd {
        let directory = self.case.config.directories.first().cloned().unwrap_or_default();
        let retention =
            PlanRetention { mode: PlanMode::Posix, directory, ..PlanRetention::default() };
        PlanAdd { request, prompt: text.clone(), beams: 1, cross_attention: false, retention }
    }

    fn owes(&self, text: &PlanPrompt) -> bool {
        self.config.windows.iter().any(|window| self.owed(window.size, text) > 0)
    }

    /// Leading tokens of a text that must be found in a window.
    fn owed(&self, window: u32, text: &PlanPrompt) -> u32 {
        let names = self.names(text);
        let keys: Vec<Key> = names.iter().map(|(key, _)| *key).collect();
        names[..self.ledger.leading(window, &keys)].iter().map(|(_, tokens)| tokens).sum()
    }

    /// Names and tokens of the blocks that a request for a text looks for.
    fn names(&self, text: &PlanPrompt) -> Vec<(Key, u32)> {
        use tierproof_core::ChainKey;
        let chain = match request::request(&self.asked(0, text)).map(|request| request.prompt) {
            Some(Prompt::Tokens(prompt)) => {
                self.keys.chain(&prompt, prompt.tokens.len().saturating_sub(1), true)
            }
            Some(Prompt::Hashes { tenant, ids }) => {
                ids.into_iter().map(|id| ChainKey::of_hash(tenant, id)).collect()
            }
            None => Vec::new(),
        };
        let per_block = self.config.tokens_per_block;
        let name = |link: ChainKey| (self.keys.identity(&link.key), link.key.tokens(per_block));
        chain.into_iter().map(name).collect()
    }
}
