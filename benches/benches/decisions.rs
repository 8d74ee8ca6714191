//! Decisions only: the whole request cycle, block by block, on the conversation trace.

use criterion::Criterion;
use std::time::Duration;
use tierproof_benches::bare_lru::BareLru;
use tierproof_benches::ours::{Cycle, Readers};
use tierproof_benches::peers::{FlatLru, Kvbm, KvbmPool, sequence_hashes};
use tierproof_benches::rounds::{Lap, Rounds, Unit, rounds_wanted};
use tierproof_benches::trace::Trace;
use tierproof_core::POLICIES;

/// Hits that three independent programs agree on: (device blocks, prefix, flat).
const PUBLISHED: [(u32, u64, u64); 2] = [(1_000, 12_847, 12_831), (5_000, 32_260, 31_840)];

fn main() {
    let trace = Trace::load();
    let references = trace.references();
    println!("trace: {}, {} requests, {references} blocks", trace.name, trace.requests.len());
    check_hits(&trace);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for blocks in [5_000, 20_000] {
        let mut rounds = contenders(&trace, blocks);
        rounds.run(rounds_wanted());
        println!("{rounds}");
        rounds.measure_with(&mut criterion);
    }
    criterion.final_summary();
}

fn replay(trace: &Trace, mut serve: impl FnMut(&[u64])) -> Lap {
    Lap::of(trace.references(), || trace.requests.iter().for_each(|ids| serve(ids))).0
}

fn contenders(trace: &Trace, blocks: u32) -> Rounds<'_> {
    let mut rounds = Rounds::new(format!("decisions, {blocks} device blocks"), Unit::Blocks);
    let hashes = sequence_hashes(trace);
    let references = trace.references();
    let shared = std::rc::Rc::new(hashes);
    for (name, pool) in
        [("kvbm-logical lru", KvbmPool::Lru), ("kvbm-logical multi-lru", KvbmPool::MultiLru)]
    {
        let hashes = shared.clone();
        rounds.add(name, move || {
            let mut kvbm = Kvbm::new(blocks, pool);
            Lap::of(references, || hashes.iter().for_each(|hashes| kvbm.serve(hashes))).0
        });
    }
    rounds.add("lru crate, flat", move || {
        let mut flat = FlatLru::new(blocks);
        replay(trace, |ids| flat.serve(ids))
    });
    rounds.add("bare linked lru", move || {
        let mut bare = BareLru::new(blocks);
        replay(trace, |ids| bare.serve(ids))
    });
    for policy in POLICIES {
        for readers in [Readers::Counters, Readers::KvEvents] {
            rounds.add(format!("tierproof {policy}, {readers}"), move || {
                let mut cycle = Cycle::new(blocks, policy, readers);
                replay(trace, |ids| cycle.serve(ids))
            });
        }
    }
    rounds
}

fn check_hits(trace: &Trace) {
    let hashes = sequence_hashes(trace);
    for blocks in [1_000, 5_000, 20_000] {
        let mut kvbm = Kvbm::new(blocks, KvbmPool::Lru);
        hashes.iter().for_each(|hashes| kvbm.serve(hashes));
        let mut multi = Kvbm::new(blocks, KvbmPool::MultiLru);
        hashes.iter().for_each(|hashes| multi.serve(hashes));
        let (mut flat, mut bare) = (FlatLru::new(blocks), BareLru::new(blocks));
        let mut ours = POLICIES.map(|policy| Cycle::new(blocks, policy, Readers::KvEvents));
        for ids in &trace.requests {
            flat.serve(ids);
            bare.serve(ids);
            ours.iter_mut().for_each(|cycle| cycle.serve(ids));
        }
        println!(
            "hits at {blocks}: bare {}, kvbm-logical lru {} (multi-lru {}), lru crate flat {}",
            bare.hits(),
            kvbm.hits(),
            multi.hits(),
            flat.hits()
        );
        assert_eq!(kvbm.hits(), bare.hits(), "{blocks} blocks: both are prefix LRU");
        assert!(
            ours.iter().all(|cycle| cycle.hits() == bare.hits()),
            "{blocks} blocks: so are ours"
        );
        if let Some((_, prefix, each)) = PUBLISHED.into_iter().find(|known| known.0 == blocks)
            && trace.published
        {
            assert_eq!((bare.hits(), flat.hits()), (prefix, each), "{blocks} blocks");
        }
    }
}
