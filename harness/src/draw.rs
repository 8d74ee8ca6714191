//! Random draws by counter: the n-th draw of a stream is a pure function of (seed, stream, n).
//!
//! Integers only, so that a seed means the same workload on every machine. Nothing is drawn "in
//! turn": leaving one draw out, or adding one, moves no other.

/// The increment of splitmix64, 2⁶⁴ over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of splitmix64: a bijection in which every input bit reaches every output bit.
///
/// ```
/// // The first output of splitmix64 with seed 0.
/// assert_eq!(tierproof::mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
/// ```
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// `chain` continued by `value`: order matters, and nothing cancels out.
#[must_use]
pub const fn fold(chain: u64, value: u64) -> u64 {
    mix(chain.rotate_left(23) ^ mix(value.wrapping_add(GOLDEN)))
}

/// An endless stream of draws, addressed by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    stream: u64,
}

impl Draws {
    /// The draws of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { stream: mix(seed.wrapping_add(GOLDEN)) }
    }

    /// An independent stream named by `name`.
    #[must_use]
    pub const fn stream(self, name: u64) -> Self {
        Self { stream: fold(self.stream, name) }
    }

    /// Draw number `n`, any 64-bit value.
    #[must_use]
    pub const fn at(self, n: u64) -> u64 {
        mix(self.stream.wrapping_add(n.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Draw number `n`, from `low` to `high`, both included. The bias is below 2⁻³² for spans of
    /// up to 2³².
    ///
    /// # Panics
    /// If `low > high`.
    #[must_use]
    pub const fn between(self, n: u64, low: u64, high: u64) -> u64 {
        assert!(low <= high, "an empty range to draw from");
        let span = (high - low) as u128 + 1;
        low + ((self.at(n) as u128 * span) >> 64) as u64
    }

    /// Draw number `n` below `len`, small numbers oftener: the smaller of two uniform draws.
    ///
    /// # Panics
    /// If `len` is 0.
    #[must_use]
    pub const fn skewed(self, n: u64, len: u64) -> u64 {
        assert!(len > 0, "an empty range to draw from");
        let first = self.stream(1).between(n, 0, len - 1);
        let second = self.stream(2).between(n, 0, len - 1);
        if first < second { first } else { second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let draws = Draws::new(7);
        let mut seen = [0u32; 4];
        for n in 0..4000 {
            seen[(draws.between(n, 3, 6) - 3) as usize] += 1;
            assert!(draws.skewed(n, 5) < 5);
        }
        assert!(seen.iter().all(|&count| (800..1200).contains(&count)), "{seen:?}");
        assert_eq!(draws.between(0, 9, 9), 9);
    }

    #[test]
    fn streams_and_seeds_differ() {
        let draws = Draws::new(1);
        assert_ne!(draws.at(0), Draws::new(2).at(0));
        assert_ne!(draws.stream(1).at(0), draws.stream(2).at(0));
        assert_ne!(fold(fold(0, 1), 2), fold(fold(0, 2), 1));
    }
}
