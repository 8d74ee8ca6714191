//! Capacity: how many blocks requests need, as TensorRT-LLM's scheduler counts them.
//!
//! All lengths are tokens, all results blocks. With several beams the prompt's full blocks are
//! shared and everything behind them is one block a beam.

/// A sequence that slides over its window needs one block more: it takes a new one before the
/// oldest is left.
pub const SLIDING_EXTRA_BLOCKS: u32 = 1;

/// How a request is laid out in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Prompt tokens.
    pub prompt: u32,
    /// Tokens generated at most.
    pub output_max: u32,
    /// Beams.
    pub beams: u32,
    /// The attention window.
    pub window: u32,
    /// Tokens of a block.
    pub tokens_per_block: u32,
}

/// Blocks that one beam of `sequence` tokens needs at most. `sink` tokens stay for good and are
/// padded to whole blocks.
#[must_use]
pub fn blocks_per_beam(sequence: u32, sink: u32, window: u32, tokens_per_block: u32) -> u32 {
    let bubble = sink.next_multiple_of(tokens_per_block) - sink;
    let blocks = (sequence.min(window) + bubble).div_ceil(tokens_per_block);
    blocks + if sequence > window { SLIDING_EXTRA_BLOCKS } else { 0 }
}

impl Shape {
    fn sequence_max(&self) -> u32 {
        self.prompt.saturating_add(self.output_max)
    }

    /// Blocks that the request needs at most.
    #[must_use]
    pub fn blocks_max(&self) -> u32 {
        let sequence = self.sequence_max();
        let per_beam = blocks_per_beam(sequence, 0, self.window, self.tokens_per_block);
        if self.beams == 1 {
            return per_beam;
        }
        if self.window <= self.output_max {
            return per_beam * self.beams;
        }
        let prompt = self.prompt.min(self.window - self.output_max);
        let shared = prompt / self.tokens_per_block;
        let behind = prompt % self.tokens_per_block + self.output_max;
        let extra = if sequence > self.window { SLIDING_EXTRA_BLOCKS } else { 0 };
        shared + (behind.div_ceil(self.tokens_per_block) + extra) * self.beams
    }

    /// The largest window with which the request fits in `blocks`.
    #[must_use]
    pub fn window_max(&self, blocks: u32) -> u32 {
        let block = self.tokens_per_block;
        let output = blocks_per_beam(self.output_max, 0, self.output_max, block) * self.beams;
        if output > blocks {
            return blocks / self.beams * block;
        }
        let room = self.output_max.next_multiple_of(block) + (blocks - output) * block;
        room.min(self.sequence_max())
    }

    /// Blocks that the request still needs until it ends, `allocated` of them taken already.
    /// `temporary` tokens extend the window while the prompt is read.
    #[must_use]
    pub fn blocks_remaining(&self, temporary: u32, allocated: u32) -> u32 {
        let limit = self.window.saturating_add(temporary);
        let shared = self.prompt.min(limit) / self.tokens_per_block;
        let per_beam = self.sequence_max().min(limit).div_ceil(self.tokens_per_block);
        (shared + (per_beam - shared) * self.beams).saturating_sub(allocated)
    }

    /// Blocks that reading the prompt needs.
    #[must_use]
    pub fn blocks_for_prompt(&self) -> u32 {
        let unshared = (self.prompt % self.tokens_per_block).div_ceil(self.tokens_per_block);
        self.prompt / self.tokens_per_block + unshared * self.beams
    }

    /// Blocks that the next step (`steps` of them) needs at `tokens` tokens, with `drafts` draft
    /// tokens a step.
    #[must_use]
    pub fn blocks_for_steps(&self, tokens: u32, drafts: u32, steps: u32) -> u32 {
        let left = self.sequence_max().saturating_sub(tokens);
        let next = tokens + left.min(steps * (drafts + 1));
        let blocks = |tokens: u32| tokens.div_ceil(self.tokens_per_block);
        (blocks(next) - blocks(tokens)) * self.beams
    }
}

/// Splits `total` in proportion to `weights`, each share rounded down; zeros without any weight.
///
/// ```
/// use tierproof_core::capacity::split;
/// assert_eq!(split(16384, &[1024, 4096, 8192]), [1260, 5041, 10082]);
/// ```
#[must_use]
pub fn split(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let share = |&weight: &u64| (u128::from(total) * u128::from(weight)).checked_div(sum);
    // A share is at most the total, which fits.
    weights.iter().map(|weight| share(weight).unwrap_or(0) as u64).collect()
}

/// Device and host blocks of each window for a budget in bytes: windows share it in proportion to
/// `weights`; device blocks are rounded up, host blocks down, as upstream does it.
#[must_use]
pub fn blocks_for_budget(
    device_bytes: u64,
    host_bytes: u64,
    weights: &[u64],
    block_bytes: &[u64],
) -> Vec<(u64, u64)> {
    let device = split(device_bytes, weights);
    let host = split(host_bytes, weights);
    let blocks = device.iter().zip(&host).zip(block_bytes);
    blocks
        .map(|((device, host), bytes)| {
            (device.div_ceil((*bytes).max(1)), host.checked_div(*bytes).unwrap_or(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(
        prompt: u32,
        output_max: u32,
        window: u32,
        beams: u32,
        tokens_per_block: u32,
    ) -> Shape {
        Shape { prompt, output_max, beams, window, tokens_per_block }
    }

    /// Vector 48, one beam.
    #[test]
    fn one_beam() {
        for (sequence, sink, window, blocks) in [
            (512, 0, 1024, 8),
            (513, 0, 1024, 9),
            (512, 0, 256, 5),
            (512, 0, 257, 6),
            (512, 64, 1024, 8),
            (513, 64, 1024, 9),
            (512, 64, 256, 5),
            (512, 64, 257, 6),
            (512, 65, 1024, 9),
            (513, 65, 1024, 9),
            (512, 65, 256, 6),
            (512, 65, 257, 6),
        ] {
            assert_eq!(
                blocks_per_beam(sequence, sink, window, 64),
                blocks,
                "{sequence} {sink} {window}"
            );
        }
    }

    /// Vector 48, several beams.
    #[test]
    fn several_beams() {
        let per_beam = blocks_per_beam(512, 0, 128, 64);
        assert_eq!(shape(257, 255, 128, 4, 64).blocks_max(), 4 * per_beam);
        assert_eq!(shape(257, 255, 412, 4, 64).blocks_max(), 2 + (5 + 1) * 4);
        assert_eq!(shape(1024, 255, 0, 4, 64).window_max(12), 192);
        assert_eq!(shape(1024, 1024, 0, 4, 64).window_max(256), 2048);
    }

    /// Vector 48, to completion.
    #[test]
    fn to_completion() {
        assert_eq!(shape(1024, 128, 4096, 1, 1).blocks_remaining(0, 0), 1152);
        assert_eq!(shape(1024, 128, 4096, 1, 64).blocks_remaining(0, 0), 18);
        assert_eq!(shape(1024, 128, 128, 1, 64).blocks_remaining(1024, 0), 18);
    }

    /// Vector 48, one step.
    #[test]
    fn one_step() {
        let prompt = |tokens| shape(tokens, 0, 512, 1, 16).blocks_for_prompt();
        assert_eq!([prompt(136), prompt(512), prompt(1024)], [9, 32, 64]);
        let step = |tokens, drafts, steps| {
            shape(tokens, 18, 512, 1, 16).blocks_for_steps(tokens, drafts, steps)
        };
        assert_eq!(step(512, 0, 1), 1);
        assert_eq!(step(520, 0, 1), 0);
        assert_eq!(step(518, 0, 1), 0);
        assert_eq!(shape(512, 18, 512, 1, 16).blocks_for_steps(528, 0, 1), 1);
        assert_eq!((step(143, 0, 1), step(143, 0, 2)), (0, 1));
        assert_eq!((step(302, 3, 1), step(298, 3, 1)), (1, 0));
    }

    /// Vector 48, shares of windows.
    #[test]
    fn windows_share_by_size_and_cost() {
        let share = |windows: [u64; 3], cost: [u64; 3]| {
            let weights: Vec<u64> =
                windows.iter().zip(cost).map(|(window, cost)| window * cost).collect();
            split(67584, &weights)
        };
        assert_eq!(share([1024, 4096, 8192], [2, 12, 2]), [2048, 49152, 16384]);
        assert_eq!(share([1024, 4096, 8192], [8, 2, 1]), [22528; 3]);
        assert_eq!(split(7, &[0, 0]), [0, 0]);
    }

    #[test]
    fn budgets_round_device_up_and_host_down() {
        assert_eq!(blocks_for_budget(100, 100, &[1, 1], &[16, 100]), [(4, 3), (1, 0)]);
    }
}
