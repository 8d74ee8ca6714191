//! The bytes that a process computes and reads back: a function of all tokens up to each, so that they are
//! right or wrong whichever process wrote them.

use tierproof_core::{Backend, BlockId, Descriptor, ErrorKind, RequestId};

use crate::lockstep::driver::layout::{Layout, pattern};
use crate::lockstep::{Broken, Check, Law};

use super::process::Process;
use super::texts::{Texts, tenant};

impl<B: Backend> Process<B> {
    /// Writes what is outstanding of a request that has just settled.
    pub(super) fn fill(&mut self, request: u64, texts: &mut Texts) -> Check {
        let Some(live) = self.requests.get_mut(&request) else { return Ok(()) };
        let (prints, beams) = (live.prints(self.per_block), live.beams);
        let whose = tenant(&live.prompt);
        let all = vec![prints.len(); live.computed.len()];
        let computed = std::mem::replace(&mut live.computed, all);
        for (window, done) in computed.iter().enumerate() {
            let first = self.first_held(request, window)?.max(*done);
            texts.wrote(whose, prints.get(first..).unwrap_or_default());
            for beam in 0..beams {
                let blocks = self.held(request, window, beam)?;
                for (token, print) in prints.iter().enumerate().skip(first) {
                    let block = blocks[token / self.per_block];
                    if !self.write_token(window, block, token, *print)? {
                        texts.could_not_write(window, *print);
                    }
                }
            }
        }
        Ok(())
    }

    /// False where the block is not on the device.
    fn write_token(
        &mut self,
        window: usize,
        block: BlockId,
        token: usize,
        print: u64,
    ) -> Result<bool, Broken> {
        for pool in 0..self.layouts.len() {
            let layout = self.layouts[pool];
            let whole = self.descriptor(window, block, pool)?;
            if pool == 0 && whole.region != self.device[window] {
                return Ok(false);
            }
            for row in 0..layout.rows {
                let range = layout.range(row, token % layout.tokens);
                let mut bytes = vec![0; range.len()];
                pattern(print, [window, pool, row], &mut bytes);
                let offset = whole.offset + range.start as u64;
                let at = Descriptor { offset, len: range.len() as u64, ..whole };
                let filled = self.engine.backend_mut().fill(at, &bytes);
                filled.map_err(|error| {
                    Law::S3.broken(format!("block {block} can't be written: {error}"))
                })?;
            }
        }
        Ok(true)
    }

    /// Law S1: what a settled request has of found and computed tokens is theirs.
    pub(super) fn compare(&mut self, request: u64, texts: &Texts) -> Check {
        let Some(live) = self.requests.get(&request) else { return Ok(()) };
        let (prints, beams, computed) =
            (live.prints(self.per_block), live.beams, live.computed.clone());
        for (window, done) in computed.into_iter().enumerate() {
            let front = self.first_held(request, window)?;
            for beam in 0..beams {
                let blocks = self.held(request, window, beam)?;
                for (index, block) in blocks.into_iter().enumerate() {
                    let first = index * self.per_block;
                    let end = done.min(first + self.per_block);
                    if first >= front && first < end {
                        self.compare_block(window, block, &prints[first..end], texts)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn compare_block(
        &mut self,
        window: usize,
        block: BlockId,
        prints: &[u64],
        texts: &Texts,
    ) -> Check {
        for pool in 0..self.layouts.len() {
            let layout = self.layouts[pool];
            let at = self.descriptor(window, block, pool)?;
            if pool == 0 && at.region != self.device[window] {
                return Ok(());
            }
            let mut found = vec![0; layout.bytes()];
            self.engine.backend_mut().peek(at, &mut found).map_err(|error| {
                let law = if error.kind() == ErrorKind::Busy { Law::S3 } else { Law::S11 };
                law.broken(format!("block {block} can't be read: {error}"))
            })?;
            for (token, print) in prints.iter().enumerate() {
                if texts.knows(window, *print) {
                    compare_token(layout, [window, pool], token, *print, &found, texts)?;
                }
            }
        }
        Ok(())
    }

    fn first_held(&self, request: u64, window: usize) -> Result<usize, Broken> {
        let front = self.engine.front(RequestId(request), window);
        Ok(front.map_err(|error| Law::C4.broken(error.to_string()))? * self.per_block)
    }

    fn held(&self, request: u64, window: usize, beam: usize) -> Result<Vec<BlockId>, Broken> {
        let held = self.engine.held(RequestId(request), window, beam);
        Ok(held.map_err(|error| Law::C4.broken(error.to_string()))?.to_vec())
    }

    fn descriptor(&self, window: usize, block: BlockId, pool: usize) -> Result<Descriptor, Broken> {
        let at = self.engine.descriptor(window, block, pool);
        at.map_err(|error| Law::S11.broken(error.to_string()))
    }
}

fn compare_token(
    layout: Layout,
    [window, pool]: [usize; 2],
    token: usize,
    print: u64,
    block: &[u8],
    texts: &Texts,
) -> Check {
    let mut right = vec![0; layout.token_bytes];
    for row in 0..layout.rows {
        let found = &block[layout.range(row, token)];
        pattern(print, [window, pool, row], &mut right);
        if found == right {
            continue;
        }
        let what = format!(
            "window {window} pool {pool} row {row}: token {token} of a block has {found:02x?}, not \
             {right:02x?}"
        );
        let mut other = right.clone();
        let author = texts.authors().find(|(print, _)| {
            pattern(*print, [window, pool, row], &mut other);
            other == found
        });
        return Err(match (author, texts.author(print)) {
            (Some((_, theirs)), Some(ours)) if theirs != ours => {
                Law::S8.broken(format!("{what}: they are tenant {theirs}'s, not tenant {ours}'s"))
            }
            _ => Law::S1.broken(what),
        });
    }
    Ok(())
}
