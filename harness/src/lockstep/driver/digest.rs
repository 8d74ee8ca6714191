//! A running hash of what happened, so that two runs can be compared by one number.

use crate::lockstep::fate::{Leg, Seen};

/// A running hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn new() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }

    pub(super) fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ (mixed >> 29)).rotate_left(23);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// One thing that passed the backend.
    pub(super) fn see(&mut self, seen: &Seen) {
        match seen {
            Seen::Time(now) => self.words(&[1, now.0]),
            Seen::End { id, faults } => {
                self.words(&[2, id.0, faults.len() as u64]);
                for (part, fault) in faults {
                    self.words(&[(*part).into(), fault.kind as u64]);
                }
            }
            Seen::Polled => self.word(3),
            Seen::Sent { id, deadline, legs } => {
                self.words(&[4, id.0, deadline.0]);
                self.legs(legs);
            }
            Seen::Refused { kind, deadline, legs } => {
                self.words(&[5, *kind as u64, deadline.0]);
                self.legs(legs);
            }
        }
    }

    fn legs(&mut self, legs: &[Leg]) {
        for Leg { window, pool, source, target, bytes } in legs {
            let [window, pool] = [*window, *pool].map(|number| number as u64);
            let [from, to] =
                [source, target].map(|(tier, slot)| (*tier as u64) << 32 | *slot as u64);
            self.words(&[window, pool, from, to, *bytes]);
        }
    }

    fn words(&mut self, words: &[u64]) {
        words.iter().for_each(|word| self.word(*word));
    }
}
