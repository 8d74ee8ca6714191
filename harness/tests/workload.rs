//! Promise: a seed means the same workload on every machine and in every build, and generated ids
//! are what replay takes them for: each names a block and everything before it.

use rstest::rstest;
use std::collections::BTreeMap;
use tierproof::{Arrival, Builtin, Workload, fold};
use tierproof_core::Prompt;

fn ids(arrival: &Arrival) -> &[u64] {
    match &arrival.request.prompt {
        Prompt::Hashes { ids, .. } => ids,
        Prompt::Tokens(_) => panic!("generators write hashes"),
    }
}

/// Times, lengths and ids of the first thousand arrivals, folded into one number.
fn fingerprint(builtin: Builtin, seed: u64) -> u64 {
    let first = builtin.arrivals(seed).take(1000);
    first.fold(0, |chain, arrival| {
        let start = fold(fold(chain, arrival.at.0), ids(&arrival).len() as u64);
        ids(&arrival).iter().fold(start, |chain, &id| fold(chain, id))
    })
}

/// Moving a pinned number changes every result of that workload: the changelog must say so.
#[rstest]
#[case::chat(Builtin::Chat, 0xc6db_6f26_25f8_e780)]
#[case::agent(Builtin::Agent, 0xd344_6cd5_8e94_886f)]
#[case::rag(Builtin::Rag, 0xc576_cdd2_eab0_704f)]
#[case::batch(Builtin::Batch, 0xf8f7_d833_661d_7b38)]
fn the_first_thousand_arrivals_are_pinned(#[case] builtin: Builtin, #[case] pinned: u64) {
    assert_eq!(fingerprint(builtin, 7), pinned, "{:#x}", fingerprint(builtin, 7));
    assert_ne!(fingerprint(builtin, 8), pinned);
}

#[rstest]
fn an_id_names_its_whole_prefix(
    #[values(Builtin::Chat, Builtin::Agent, Builtin::Rag, Builtin::Batch)] builtin: Builtin,
) {
    let mut before: BTreeMap<u64, (usize, Option<u64>)> = BTreeMap::new();
    let mut reused = 0;
    for arrival in builtin.arrivals(3).take(1000) {
        for (depth, &id) in ids(&arrival).iter().enumerate() {
            let parent = depth.checked_sub(1).map(|above| ids(&arrival)[above]);
            let known = before.insert(id, (depth, parent));
            reused += usize::from(known.is_some());
            assert!(known.is_none_or(|known| known == (depth, parent)), "{id} has two parents");
        }
    }
    assert!(reused > before.len() / 2, "{reused} of {} blocks come again", before.len());
}

#[rstest]
fn prompts_are_never_empty_and_time_never_goes_back(
    #[values(Builtin::Chat, Builtin::Agent, Builtin::Rag, Builtin::Batch)] builtin: Builtin,
) {
    let arrivals: Vec<Arrival> = builtin.arrivals(1).take(1000).collect();
    assert!(arrivals.iter().all(|arrival| (1..=128).contains(&ids(arrival).len())));
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
    assert!(arrivals.last().unwrap().at > arrivals[0].at);
}

#[test]
fn a_limit_ends_a_generator_and_progress_says_how_far_it_is() {
    let mut workload = Workload::open("chat", 0, Some(3)).unwrap();
    assert!(workload.next().unwrap().is_ok());
    assert_eq!((workload.progress().done, workload.progress().total), (1, Some(3)));
    assert_eq!(workload.by_ref().count(), 2);
    assert!(workload.next().is_none());
}

#[test]
fn an_unknown_name_is_taken_for_a_file() {
    let error = Workload::open("chatt", 0, None).unwrap_err();
    assert!(error.to_string().contains("chatt"), "{error}");
}
