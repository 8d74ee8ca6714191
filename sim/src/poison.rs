//! What lies where nobody wrote: bytes that look random and still say whose they are.
//!
//! Zeros would hide that something unwritten was read, and plain noise would not say what. Here
//! every aligned word is the image of (epoch, region, place) under a permutation that the seed
//! chooses, so whoever finds such words in a buffer can name where they came from.

use tierproof_core::Bytes;

use crate::draw::{Domain, Draw, mix, unmix};

/// Where leftover bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leftover {
    /// The lower bits of the region's id.
    pub region: u16,
    /// Bytes from the region's start, a multiple of 8.
    pub offset: Bytes,
    /// Power cuts before, modulo 256.
    pub epoch: u8,
}

/// The unwritten bytes of one seed.
///
/// ```
/// use tierproof_core::{Backend, Descriptor, Medium};
/// use tierproof_sim::{Poison, Sim, SimConfig};
/// let mut sim = Sim::new(SimConfig { seed: 5, ..SimConfig::default() })?;
/// let region = sim.allocate(&Medium::Host, 4096)?;
/// let mut bytes = [0; 64];
/// sim.peek(Descriptor { region, offset: 512, len: 64 }, &mut bytes)?;
/// let found = Poison::new(5).recognise(&bytes).unwrap();
/// assert_eq!((u32::from(found.region), found.offset), (region.0, 512));
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Poison {
    key: u64,
}

/// Bits of a place in a region, in words: up to 8 TiB.
const PLACE_BITS: u32 = 40;
const PLACES: u64 = 1 << PLACE_BITS;
const WORD: Bytes = 8;

impl Poison {
    /// The unwritten bytes of a simulator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: Draw::new(seed).at(Domain::Unwritten, &[]) }
    }

    /// Fills `bytes` with what lies unwritten from `start` on.
    pub fn fill(self, bytes: &mut [u8], start: Leftover) {
        let mut plain = start.plain();
        let mut next = || {
            let word = mix(self.key ^ plain).to_le_bytes();
            plain = plain.wrapping_add(1);
            word
        };
        let (words, rest) = bytes.as_chunks_mut::<8>();
        words.iter_mut().for_each(|word| *word = next());
        let last = next();
        rest.copy_from_slice(&last[..rest.len()]);
    }

    /// Whose `bytes` are, if they are unwritten ones of a region, cut out at a multiple of 8. It
    /// takes 16 bytes to tell them from others, so fewer are never recognised.
    #[must_use]
    pub fn recognise(self, bytes: &[u8]) -> Option<Leftover> {
        let (words, _) = bytes.as_chunks::<8>();
        let [first, second, ..] = words else { return None };
        let plain = |word: &[u8; 8]| unmix(u64::from_le_bytes(*word)) ^ self.key;
        let start = plain(first);
        (plain(second) == start.wrapping_add(1)).then(|| Leftover::from_plain(start))
    }
}

impl Leftover {
    fn plain(self) -> u64 {
        let place = (self.offset / WORD) % PLACES;
        u64::from(self.epoch) << 56 | u64::from(self.region) << PLACE_BITS | place
    }

    fn from_plain(plain: u64) -> Self {
        Self {
            region: (plain >> PLACE_BITS) as u16,
            offset: plain % PLACES * WORD,
            epoch: (plain >> 56) as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwritten_words_say_where_they_lie_and_others_nothing() {
        let poison = Poison::new(3);
        let start = Leftover { region: 9, offset: 4096, epoch: 2 };
        let mut bytes = [0; 100];
        poison.fill(&mut bytes, start);
        assert_eq!(poison.recognise(&bytes), Some(start));
        assert_eq!(poison.recognise(&bytes[24..]), Some(Leftover { offset: 4120, ..start }));
        assert_eq!(poison.recognise(&bytes[..15]), None);
        assert_eq!(poison.recognise(&bytes[1..]), None);
        assert_eq!(Poison::new(4).recognise(&bytes), None);
        assert_eq!(poison.recognise(&[0; 64]), None);
        let mut twice = bytes;
        twice.copy_within(0..8, 8);
        assert_eq!(poison.recognise(&twice), None);
    }
}
