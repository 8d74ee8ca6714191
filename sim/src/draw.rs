//! Draws by counter: each is a pure function of the seed, what it is for, and what it is about.
//!
//! Nothing is drawn in turn, so leaving one operation out moves no other operation's draws.

/// The increment of splitmix64: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a draw is for. Draws for different ends have nothing to do with each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Domain {
    /// Names an operation by where it goes instead of by when it came.
    Operation = 1,
    /// The order of completions at one instant.
    Order,
    /// What is added to a latency.
    Jitter,
    /// Bytes that nobody has written yet.
    Unwritten,
    /// Bytes that a failed transfer leaves.
    Garbage,
    /// Whether a fault strikes.
    Fault,
    /// How it strikes.
    FaultDetail,
    /// Which sectors a power cut leaves new.
    Cut,
    /// Bytes that a kernel writes that reads nothing.
    Kernel,
}

/// All draws of one seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    seed: u64,
}

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The draw for `domain` about `subject`.
    pub(crate) fn at(self, domain: Domain, subject: &[u64]) -> u64 {
        let start = mix(self.seed ^ mix((domain as u64).wrapping_mul(STEP)));
        subject.iter().fold(start, |state, &word| mix(state.wrapping_add(STEP) ^ mix(word)))
    }

    /// The draw for `domain` about `subject`, from 0 to `max`, both included.
    pub(crate) fn up_to(self, max: u64, domain: Domain, subject: &[u64]) -> u64 {
        let span = u128::from(max) + 1;
        ((u128::from(self.at(domain, subject)) * span) >> 64) as u64
    }
}

/// Fills `bytes` with the stream that begins at `start`.
pub(crate) fn fill(bytes: &mut [u8], start: u64) {
    let mut state = start;
    let mut next = || {
        state = state.wrapping_add(STEP);
        mix(state).to_le_bytes()
    };
    let (words, rest) = bytes.as_chunks_mut::<8>();
    words.iter_mut().for_each(|word| *word = next());
    let last = next();
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The finalizer of splitmix64: every bit of the input moves about half of the output.
pub(crate) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What [`mix`] makes `value` of. Each step is undone: a shift by xoring it as often as it
/// reaches, a multiplication by that with the inverse of the (odd) factor modulo 2^64.
pub(crate) const fn unmix(value: u64) -> u64 {
    let value = value ^ (value >> 31) ^ (value >> 62);
    let value = value.wrapping_mul(0x3196_42b2_d24d_8ec3);
    let value = value ^ (value >> 27) ^ (value >> 54);
    let value = value.wrapping_mul(0x96de_1b17_3f11_9089);
    value ^ (value >> 30) ^ (value >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // The first outputs of the published generator for seed 0.
        let mut bytes = [0; 20];
        fill(&mut bytes, 0);
        assert_eq!(bytes[..8], 0xe220_a839_7b1d_cdaf_u64.to_le_bytes());
        assert_eq!(bytes[8..16], 0x6e78_9e6a_a1b9_65f4_u64.to_le_bytes());
        assert_eq!(bytes[16..], 0x06c4_5d18_8009_454f_u64.to_le_bytes()[..4]);
    }

    #[test]
    fn mixing_can_be_undone() {
        for value in (0..64).map(|bit| 1 << bit).chain([0, 1, u64::MAX, STEP]) {
            assert_eq!(unmix(mix(value)), value);
            assert_eq!(mix(unmix(value)), value);
        }
    }

    #[test]
    fn seed_domain_subject_and_its_order_all_matter() {
        let draw = Draw::new(1).at(Domain::Order, &[2, 3]);
        assert_eq!(draw, Draw::new(1).at(Domain::Order, &[2, 3]));
        assert_ne!(draw, Draw::new(2).at(Domain::Order, &[2, 3]));
        assert_ne!(draw, Draw::new(1).at(Domain::Jitter, &[2, 3]));
        assert_ne!(draw, Draw::new(1).at(Domain::Order, &[3, 2]));
        assert_ne!(draw, Draw::new(1).at(Domain::Order, &[2]));
    }

    #[test]
    fn bounded_draws_reach_both_ends_and_no_further() {
        let mut seen = [0; 4];
        for subject in 0..400 {
            seen[Draw::new(9).up_to(3, Domain::Jitter, &[subject]) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 60), "{seen:?}");
        assert_eq!(Draw::new(9).up_to(0, Domain::Jitter, &[1]), 0);
    }
}
