//! Writes the tokens that the model computes, and reads every block back.

use tierproof_core::{Backend, BlockId, Descriptor, RequestId, Settled};

use crate::lockstep::model::{Outcome, SequenceView, WindowView};
use crate::lockstep::plan::Op;

use super::layout::{Layout, pattern};
use super::{Bytes, Check, Driver};

impl<B: Backend> Driver<B> {
    /// A request that came or grew has tokens to compute: at once, or when they are needed.
    pub(super) fn note_computed(&mut self, op: &Op, outcome: Outcome) -> Check {
        let request = match op {
            _ if outcome != Outcome::Done => return Ok(()),
            Op::Add(add) => {
                let views = self.model.views();
                let found = views.iter().map(|view| view.sequences[&add.request].matched_tokens);
                self.computed.insert(add.request, found.collect());
                add.request
            }
            Op::Append { request, .. } => *request,
            Op::Rewind { request, .. } => {
                let tokens = self.model.views()[0].sequences[request].tokens;
                let computed = self.computed.get_mut(request).expect("the request is live");
                computed.iter_mut().for_each(|done| *done = tokens.min(*done));
                *request
            }
            Op::Remove { request } => {
                self.computed.remove(request);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.setup.bytes == Bytes::Every { self.write(request) } else { Ok(()) }
    }

    /// Computes what is outstanding of a request, as a model would: once its blocks are settled.
    pub(super) fn write(&mut self, request: u64) -> Check {
        let Some(prints) = self.model.fingerprints(request) else { return Ok(()) };
        let computed = self.computed[&request].clone();
        if computed.iter().all(|done| *done == prints.len()) {
            return Ok(());
        }
        let settled = self.engine.settle(RequestId(request));
        self.compare_settled(request, settled.map_err(|error| error.to_string())?)?;
        for (window, view) in self.model.views().iter().enumerate() {
            let sequence = &view.sequences[&request];
            let tokens = prints.iter().enumerate().skip(computed[window]);
            for (token, print) in tokens {
                for beam in &sequence.beams {
                    let block = beam[token / self.tokens_per_block()];
                    self.write_token(window, view, block, token, *print)?;
                }
            }
        }
        let all = vec![prints.len(); computed.len()];
        self.computed.insert(request, all);
        Ok(())
    }

    /// Computes what is outstanding of anybody.
    pub(super) fn write_all(&mut self) -> Check {
        let live: Vec<u64> = self.computed.keys().copied().collect();
        live.into_iter().try_for_each(|request| self.write(request))
    }

    fn tokens_per_block(&self) -> usize {
        self.layouts[0].tokens
    }

    fn write_token(
        &mut self,
        window: usize,
        view: &WindowView,
        block: usize,
        token: usize,
        print: u64,
    ) -> Check {
        if view.blocks[block].tier != 0 {
            return Err(format!(
                "the plan computes token {token} into block {block} of window {window}, which is \
                 not on the device: onboard it first"
            ));
        }
        for (pool, layout) in self.layouts.clone().iter().enumerate() {
            let whole = self.descriptor(window, block, pool, layout)?;
            for row in 0..layout.rows {
                let range = layout.range(row, token % layout.tokens);
                let mut bytes = vec![0; range.len()];
                pattern(print, [window, pool, row], &mut bytes);
                let offset = whole.offset + range.start as u64;
                let at = Descriptor { offset, len: range.len() as u64, ..whole };
                let filled = self.engine.backend_mut().fill(at, &bytes);
                filled.map_err(|error| format!("block {block} can't be written: {error}"))?;
            }
        }
        Ok(())
    }

    fn descriptor(
        &self,
        window: usize,
        block: usize,
        pool: usize,
        layout: &Layout,
    ) -> Result<Descriptor, String> {
        let id = BlockId(u32::try_from(block).expect("blocks are few"));
        let at = self.engine.descriptor(window, id, pool).map_err(|error| error.to_string())?;
        if at.len == layout.bytes() as u64 {
            Ok(at)
        } else {
            Err(format!("pool {pool} has {} bytes a block, not {}", at.len, layout.bytes()))
        }
    }

    /// What a settled request was told.
    pub(super) fn compare_settled(&self, request: u64, settled: Settled) -> Check {
        let expected = self.model.matched_tokens(request);
        let found = Some(settled.matched_tokens as usize);
        if found == expected && settled.lost_from.is_none() {
            Ok(())
        } else {
            Err(format!("request {request} settles with {settled:?}, and matched {expected:?}"))
        }
    }

    /// Waits for everything and compares every readable block.
    pub(super) fn compare_all_bytes(&mut self) -> Check {
        self.write_all()?;
        self.engine.drain().map_err(|error| format!("the engine does not drain: {error}"))?;
        // A drain decides nothing where nothing failed.
        self.compare(self.model.log.len())?;
        for (window, view) in self.model.views().iter().enumerate() {
            for block in 0..view.blocks.len() {
                self.compare_block(window, block)?;
            }
        }
        Ok(())
    }

    /// Compares the blocks of a request that has just settled.
    pub(super) fn compare_bytes_of(&mut self, request: u64) -> Check {
        for (window, view) in self.model.views().iter().enumerate() {
            let Some(SequenceView { beams, front, .. }) = view.sequences.get(&request) else {
                return Ok(());
            };
            for block in beams.iter().flat_map(|beam| &beam[*front..]) {
                self.compare_block(window, *block)?;
            }
        }
        Ok(())
    }

    fn compare_block(&mut self, window: usize, block: usize) -> Check {
        let Some(content) = self.model.expected_content(window, block) else { return Ok(()) };
        for (pool, layout) in self.layouts.clone().iter().enumerate() {
            let at = self.descriptor(window, block, pool, layout)?;
            let mut bytes = vec![0; layout.bytes()];
            let peeked = self.engine.backend_mut().peek(at, &mut bytes);
            peeked.map_err(|error| format!("block {block} can't be read: {error}"))?;
            for (token, print) in content.iter().enumerate() {
                let Some(print) = print else { continue };
                for row in 0..layout.rows {
                    let found = &bytes[layout.range(row, token)];
                    let mut expected = vec![0; layout.token_bytes];
                    pattern(*print, [window, pool, row], &mut expected);
                    if found != expected {
                        return Err(format!(
                            "window {window} block {block} pool {pool} row {row} token {token} \
                             holds {found:02x?}, not {expected:02x?}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}
