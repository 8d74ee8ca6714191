//! Writes the tokens that a model would compute, and reads every block back.

use tierproof_core::{Backend, BlockId, Descriptor, ErrorKind, Settled};

use crate::lockstep::law::{Broken, Check, Law};
use crate::lockstep::model::Outcome;
use crate::lockstep::plan::Op;

use super::layout::{Layout, pattern};
use super::{Bytes, Driver, Trouble};

impl<B: Backend> Driver<B> {
    /// A request that came or grew has tokens to compute, at once or when they are needed; one that
    /// lost some computes them at once.
    pub(super) fn note_computed(&mut self, op: &Op, outcome: Outcome) -> Check {
        let request = match op {
            _ if outcome != Outcome::Done => return Ok(()),
            Op::Add(add) => {
                self.computed.insert(add.request, self.model.matched_by_window(add.request));
                add.request
            }
            Op::Append { request, .. } => *request,
            Op::Rewind { request, .. } => {
                let tokens = self.model.tokens(*request);
                let computed = self.computed.get_mut(request).expect("the request is live");
                computed.iter_mut().for_each(|done| *done = tokens.min(*done));
                *request
            }
            Op::Remove { request } => {
                self.computed.remove(request);
                return Ok(());
            }
            Op::Settle { request } => return self.fill(*request),
            _ => return Ok(()),
        };
        if self.setup.bytes == Bytes::Every { self.write(request) } else { Ok(()) }
    }

    /// Computes what is outstanding of a request, as a model would: once its blocks are settled. If
    /// they can't be, it stays outstanding.
    pub(super) fn write(&mut self, request: u64) -> Check {
        if self.lost || !self.has_outstanding(request) {
            return Ok(());
        }
        let outcome = self.settle(request)?;
        self.decisions.word(super::act::code(outcome));
        if self.lost {
            return Ok(());
        }
        // The state is compared once the operation is done for which this is due.
        self.compare_log()?;
        if outcome == Outcome::Done { self.fill(request) } else { Ok(()) }
    }

    /// Computes what is outstanding of anybody.
    pub(super) fn write_all(&mut self) -> Check {
        let live: Vec<u64> = self.computed.keys().copied().collect();
        live.into_iter().try_for_each(|request| self.write(request))
    }

    fn has_outstanding(&self, request: u64) -> bool {
        let tokens = self.model.tokens(request);
        let computed = self.computed.get(&request);
        computed.is_some_and(|computed| computed.iter().any(|done| *done < tokens))
    }

    /// Writes what is outstanding of a request that has just settled.
    fn fill(&mut self, request: u64) -> Check {
        if !self.has_outstanding(request) {
            return Ok(());
        }
        let prints = self.model.fingerprints(request).expect("the request is live");
        let computed = self.computed.insert(request, Vec::new()).expect("seen above");
        for (window, done) in computed.iter().enumerate() {
            let first = self.model.first_token_held(window, request).max(*done);
            for (token, print) in prints.iter().enumerate().skip(first) {
                for block in self.model.blocks_of_token(window, request, token) {
                    self.write_token(window, block, token, *print)?;
                }
            }
        }
        let tenant = self.model.tenant(request);
        let first = computed.iter().copied().min().unwrap_or(0);
        self.authors.extend(prints[first..].iter().map(|print| (*print, tenant)));
        self.computed.insert(request, vec![prints.len(); computed.len()]);
        Ok(())
    }

    fn write_token(&mut self, window: usize, block: usize, token: usize, print: u64) -> Check {
        if !self.model.is_on_device(window, block) {
            // Where something failed a plan can't always fetch it.
            return Law::S2.holds(self.setup.trouble == Trouble::Expected, || {
                format!(
                    "the plan computes token {token} into block {block} of window {window}, which \
                     is not on the device: onboard it first"
                )
            });
        }
        for pool in 0..self.layouts.len() {
            let layout = self.layouts[pool];
            let whole = self.descriptor(window, block, pool, layout)?;
            for row in 0..layout.rows {
                let range = layout.range(row, token % layout.tokens);
                let bytes = &mut self.wanted;
                bytes.resize(range.len(), 0);
                pattern(print, [window, pool, row], bytes);
                let offset = whole.offset + range.start as u64;
                let at = Descriptor { offset, len: range.len() as u64, ..whole };
                self.engine.backend_mut().fill(at, bytes).map_err(|error| {
                    Law::S3.broken(format!("block {block} can't be written: {error}"))
                })?;
            }
        }
        self.model.wrote(window, block, token, print);
        Ok(())
    }

    fn descriptor(
        &self,
        window: usize,
        block: usize,
        pool: usize,
        layout: Layout,
    ) -> Result<Descriptor, Broken> {
        let id = BlockId(u32::try_from(block).expect("blocks are few"));
        let at = self.engine.descriptor(window, id, pool);
        let at = at.map_err(|error| Law::S11.broken(error.to_string()))?;
        Law::S11.same(&at.len, &(layout.bytes() as u64), || format!("bytes of pool {pool}"))?;
        Ok(at)
    }

    /// What a settled request was told. What it lost is outstanding again.
    pub(super) fn compare_settled(&mut self, request: u64, settled: Settled) -> Check {
        let told = self.model.tell(request);
        let found = settled.lost_from.map(|token| token as usize);
        Law::S5
            .same(&found, &told.lost_from, || format!("request {request} settles: lost from"))?;
        let found = settled.matched_tokens as usize;
        Law::S2
            .same(&found, &told.matched_tokens, || format!("request {request} settles: found"))?;
        self.decisions.word(told.lost_from.map_or(u64::MAX, |token| token as u64));
        if let Some(from) = told.lost_from {
            let computed = self.computed.get_mut(&request).expect("the request is live");
            computed.iter_mut().for_each(|done| *done = from.min(*done));
        }
        Ok(())
    }

    /// Waits for everything and compares every readable block.
    pub(super) fn compare_all_bytes(&mut self) -> Check {
        self.write_all()?;
        if self.lost {
            return Ok(());
        }
        self.drain()?;
        if self.lost {
            return Ok(());
        }
        self.compare()?;
        for window in 0..self.model.windows.len() {
            for block in 0..self.model.windows[window].blocks.len() {
                self.compare_block(window, block)?;
            }
        }
        Ok(())
    }

    /// Compares the blocks of a request that has just settled.
    pub(super) fn compare_bytes_of(&mut self, request: u64) -> Check {
        for window in 0..self.model.windows.len() {
            for block in self.model.blocks_held(window, request) {
                self.compare_block(window, block)?;
            }
        }
        Ok(())
    }

    fn compare_block(&mut self, window: usize, block: usize) -> Check {
        let Some(content) = self.model.expected_content(window, block) else { return Ok(()) };
        let lies = &self.model.windows[window];
        if lies.is_lost_or_unsafe(block, &self.fates)
            || self.speaks_for_itself(lies.blocks[block].tier)
        {
            return Ok(());
        }
        for pool in 0..self.layouts.len() {
            let layout = self.layouts[pool];
            let at = self.descriptor(window, block, pool, layout)?;
            self.found.resize(layout.bytes(), 0);
            let peeked = self.engine.backend_mut().peek(at, &mut self.found);
            peeked.map_err(|error| {
                let law = if error.kind() == ErrorKind::Busy { Law::S3 } else { Law::S11 };
                law.broken(format!("block {block} can't be read: {error}"))
            })?;
            self.wanted.resize(layout.token_bytes, 0);
            for (token, print) in content.iter().enumerate() {
                let Some(print) = print else { continue };
                for row in 0..layout.rows {
                    let found = &self.found[layout.range(row, token)];
                    pattern(*print, [window, pool, row], &mut self.wanted);
                    if found != self.wanted {
                        let what = format!(
                            "window {window} block {block} pool {pool} row {row} token {token} \
                             holds {found:02x?}, not {:02x?}",
                            self.wanted
                        );
                        return Err(self.wrong_bytes(*print, found, [window, pool, row], what));
                    }
                }
            }
        }
        Ok(())
    }

    /// Where bytes may be damaged at rest and lie before a trailer, a load is what tells.
    fn speaks_for_itself(&self, tier: usize) -> bool {
        self.setup.trouble == Trouble::Expected && self.setup.seals(tier)
    }

    /// Wrong bytes are worse where they are another tenant's.
    fn wrong_bytes(&self, print: u64, found: &[u8], at: [usize; 3], what: String) -> Broken {
        let mut bytes = vec![0; found.len()];
        let mut is_found = |other: u64| {
            pattern(other, at, &mut bytes);
            bytes == found
        };
        let author = self.authors.iter().find(|(other, _)| is_found(**other));
        match (author, self.authors.get(&print)) {
            (Some((_, theirs)), Some(ours)) if theirs != ours => {
                Law::S8.broken(format!("{what}: they are tenant {theirs}'s, not tenant {ours}'s"))
            }
            (Some(_), _) => Law::S1.broken(format!("{what}: they are another token's")),
            (None, _) => Law::S1.broken(what),
        }
    }
}
