//! Questions over documents.

use super::history::History;
use crate::arrival::Arrival;
use crate::draw::Draws;
use tierproof_core::Nanos;

/// Documents that can be retrieved.
const DOCUMENTS: u64 = 400;
/// Blocks of the instructions in front of every prompt.
const INSTRUCTION_BLOCKS: u64 = 2;

/// Every request is the instructions, one to three whole documents, the best match first, and a
/// question nobody asked before. A few documents are asked about again and again; a document is
/// reused only behind the same documents.
#[derive(Debug)]
pub struct Rag {
    draws: Draws,
    question: u64,
    now: Nanos,
}

impl Rag {
    /// The questions of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let draws = Draws::new(seed).stream(u64::from_be_bytes(*b"rag     "));
        Self { draws, question: 0, now: Nanos::ZERO }
    }

    /// Which document is retrieved at `rank`: half of the time one of the popular tenth.
    fn document(&self, question: u64, rank: u64) -> u64 {
        let draws = self.draws.stream(10 + rank);
        let popular = draws.stream(1).between(question, 0, 1) == 0;
        draws.stream(2).skewed(question, if popular { DOCUMENTS / 10 } else { DOCUMENTS })
    }
}

impl Iterator for Rag {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let question = self.question;
        self.question += 1;
        self.now += Nanos::from_millis(self.draws.stream(1).between(question, 0, 600));
        let mut prompt = History::default();
        prompt.say(0, INSTRUCTION_BLOCKS);
        for rank in 0..self.draws.stream(2).between(question, 1, 3) {
            let document = self.document(question, rank);
            let blocks = self.draws.stream(3).between(document, 3, 12);
            prompt.say(self.draws.stream(4).at(document), blocks);
        }
        prompt.say(self.draws.stream(5).at(question), 1);
        Some(Arrival::of_hashes(self.now, prompt.ids()))
    }
}
