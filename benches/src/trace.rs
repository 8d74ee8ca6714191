//! Request streams: the Mooncake conversation trace, or one of the same shape.

use crate::draw::Draw;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Requests one at a time, each a list of ids; an id names a block with all that precedes it.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Where it comes from, for the output.
    pub name: String,
    /// Whether it is the published trace, so that the published counts hold.
    pub published: bool,
    /// The ids of each request.
    pub requests: Vec<Vec<u64>>,
}

const FILE: &str = "mooncake_conversation.jsonl";

#[derive(Deserialize)]
struct Line {
    hash_ids: Vec<u64>,
}

impl Trace {
    /// The conversation trace from the folder that `TIERPROOF_TRACES` names, else a generated one.
    ///
    /// # Panics
    /// Where the folder is named but the trace can't be read from it.
    #[must_use]
    pub fn load() -> Self {
        match std::env::var_os("TIERPROOF_TRACES") {
            Some(folder) => Self::read(&PathBuf::from(folder).join(FILE)),
            None => Self::generate(),
        }
    }

    fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let ids = |(number, line): (usize, std::io::Result<String>)| {
            let line = line.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let line: Line = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), number + 1));
            line.hash_ids
        };
        let requests = BufReader::new(file).lines().enumerate().map(ids).collect();
        Self { name: format!("{FILE} (Mooncake, FAST'25)"), published: true, requests }
    }

    /// Conversations like those of the trace: 12 031 requests of 2 to 247 blocks, a third of which
    /// an infinite cache finds.
    #[must_use]
    pub fn generate() -> Self {
        let mut draw = Draw::new(42);
        let mut fresh = 1..;
        let mut sessions: Vec<Vec<u64>> = Vec::new();
        let mut requests = Vec::new();
        for _ in 0..12_031 {
            let old = draw.below(100) < 40 && !sessions.is_empty();
            let session = if old {
                // Recent sessions are the ones that go on.
                let back = draw.below(sessions.len().min(2_000) as u64) as usize;
                sessions.len() - 1 - back
            } else {
                sessions.push(vec![0]);
                sessions.len() - 1
            };
            let ids = &mut sessions[session];
            let more = if old { 1 + draw.below(7) } else { length(&mut draw) };
            let room = 247 - ids.len();
            ids.extend(fresh.by_ref().take(room.min(more as usize)));
            requests.push(ids.clone());
        }
        let name = "generated (TIERPROOF_TRACES is not set)".to_owned();
        Self { name, published: false, requests }
    }

    /// Block references over all requests.
    #[must_use]
    pub fn references(&self) -> u64 {
        self.requests.iter().map(|ids| ids.len() as u64).sum()
    }
}

/// Half of the lengths below 16, few far above: the same chance for every power of two.
fn length(draw: &mut Draw) -> u64 {
    let scale = 1 << draw.below(7);
    scale + draw.below(scale)
}
