//! Promise: a block of an earlier process is on disk and evictable from the start, the oldest first, and in the
//! tree once a request's keys lead to it; the log, the counters and the KV events say so.

use crate::process::{Device, POOLS, Process, config, device, power_cut};
use tierproof_core::{
    Backend, DecisionLog, Engine, Event, KvEventData, KvEvents, Lru, PriorityLru, Prompt, Request,
    RequestId, Retention, Tier, TokenPrompt, TransferMode,
};

const BLOCKS: [u32; 3] = [2, 2, 6];

/// Keys 1 to 4 were published, in the order 2, 1, 4, 3: a prompt's last block leaves first.
fn published() -> Device {
    let device = device();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    for prompt in [[1, 2], [3, 4], [5, 6], [7, 8]] {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    process.publish().unwrap();
    let mut keys: Vec<u64> = process.die().into_keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, [1, 2, 3, 4]);
    power_cut(&device);
    device
}

fn log(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let mut text = Vec::new();
    let mut log = DecisionLog::new(&mut text);
    events.into_iter().for_each(|event| log.observe(&event).unwrap());
    log.finish().unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_log_tells_what_was_recovered_and_what_was_grafted() {
    let device = published();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    assert_eq!(log(process.engine.events()), ["created 0 2 2 6", "recover 0 4"]);
    let used = process.engine.tier_use(0, Tier::Disk).unwrap();
    assert_eq!((used.capacity, used.queued, used.empty, used.reserved), (7, 4, 2, 1));
    assert!(process.engine.blocks(0).unwrap().all(|block| !block.findable), "not yet");

    process.engine.add(&crate::process::request(1, &[1, 2])).unwrap();
    let log = log(process.engine.events());
    let verbs: Vec<&str> = log.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = ["graft", "store", "graft", "store", "add", "hit", "hit", "onboard", "onboard"];
    assert_eq!(verbs, expected, "{log:#?}");
    let (first, second) = (block(&log[0]), block(&log[2]));
    assert_eq!(log[1], format!("store 0 {first} -1"), "beneath the root");
    assert_eq!(log[3], format!("store 0 {second} {first}"), "beneath its parent");
    let counters = process.engine.counters();
    assert_eq!((counters.recovered, counters.grafted, counters.hits), (4, 2, [0, 0, 2]));
    process.check();
}

fn block(line: &str) -> u32 {
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

#[test]
fn readers_of_kv_events_learn_of_a_grafted_block() {
    let device = published();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    process.engine.add(&crate::process::request(1, &[3, 4])).unwrap();
    let mut kv = KvEvents::new(process.engine.window_sizes().collect(), 64).unwrap();
    process.engine.events().for_each(|event| kv.observe(&event));
    kv.flush();
    let stored: Vec<(u64, Tier)> = kv
        .take()
        .into_iter()
        .filter_map(|event| match event.data {
            KvEventData::Stored { blocks, .. } => Some(blocks),
            _ => None,
        })
        .flatten()
        .map(|block| (block.hash, block.tier))
        .collect();
    let hash = |id| tierproof_core::ChainKey::of_hash(crate::process::TENANT, id).hash;
    assert_eq!(stored, [(hash(3), Tier::Disk), (hash(4), Tier::Disk)]);
}

/// Room on disk is made by the oldest that nobody came back for.
#[test]
fn the_oldest_leaves_first() {
    let device = published();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    // Two on the device, two on the host, and three on disk, where two slots are empty.
    for prompt in [[11, 12], [13, 14], [15, 16]] {
        process.serve(&prompt).unwrap();
    }
    assert_eq!(process.engine.counters().drops, 0);
    process.serve(&[17]).unwrap();
    assert_eq!(process.engine.counters().drops, 1);
    process.check();
    process.engine.drain().unwrap();
    let is_there = |process: &mut Process<_, Vec<u64>>, keys: &[u64]| process.serve(keys).unwrap();
    // Key 2 was stored before key 1, and is the one that left.
    assert_eq!(is_there(&mut process, &[1, 2]), 1);
}

/// Keys lead to a block through its parents: one whose parent is gone is not found, and makes room.
#[test]
fn a_block_without_its_parent_waits_to_leave() {
    let device = published();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    assert_eq!(process.serve(&[9, 2]).unwrap(), 0);
    assert_eq!(process.serve(&[1, 9]).unwrap(), 1);
    assert_eq!(process.engine.counters().grafted, 1);
}

/// A request that finds no room grafts all the same, and changes nothing else.
#[test]
fn a_rejected_request_has_grafted() {
    let device = published();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    process.engine.events();
    assert!(process.engine.add(&crate::process::request(1, &[1, 2, 9, 10])).is_err());
    let verbs: Vec<String> = log(process.engine.events());
    assert_eq!(verbs.last().unwrap(), "reject 1");
    assert_eq!(process.engine.counters().grafted, 2);
    process.check();
    assert_eq!(process.serve(&[1, 2]).unwrap(), 2);
}

/// A short last block is found again as a partial match; another tenant's equal tokens are not.
#[test]
fn tokens_and_tenants() {
    let device = device();
    let text: Vec<i32> = (0..11).collect();
    let request = |id, tenant, tokens: &[i32]| {
        let prompt = TokenPrompt { tenant, ..TokenPrompt::new(tokens.to_vec()) };
        let retention = Retention::default().with_files(TransferMode::Posix, "kv").unwrap();
        Request { retention, ..Request::new(id, Prompt::Tokens(prompt)) }
    };
    let begin = || {
        let backend = crate::doomed::Doomed::new(&device, Vec::<u64>::new(), u64::MAX);
        Engine::new(backend, config([4, 4, 16]), |_| Box::new(Lru::default())).unwrap()
    };
    let mut engine = begin();
    for (id, first) in (1..).zip([0, 100, 200, 300]) {
        let tokens: Vec<i32> = text.iter().map(|token| token + first).collect();
        engine.add(&request(id, 7, &tokens)).unwrap();
        engine.settle(RequestId(id)).unwrap();
        fill(&mut engine, id);
        engine.remove(RequestId(id)).unwrap();
    }
    engine.drain().unwrap();
    assert!(engine.publish().unwrap() >= 3);
    drop(engine);
    power_cut(&device);

    let mut engine = begin();
    let found = |engine: &mut Engine<_>, id, tenant| {
        engine.add(&request(id, tenant, &text)).unwrap();
        let found = engine.settle(RequestId(id)).unwrap().matched_tokens;
        engine.remove(RequestId(id)).unwrap();
        found
    };
    assert_eq!(found(&mut engine, 1, 8), 0, "S8");
    assert_eq!(engine.counters().grafted, 0);
    assert_eq!(found(&mut engine, 2, 7), 10, "two whole blocks and two tokens");
}

fn fill<B: Backend>(engine: &mut Engine<B>, id: u64) {
    for block in engine.held(RequestId(id), 0, 0).unwrap().to_vec() {
        for (pool, len) in POOLS.into_iter().enumerate() {
            let at = engine.descriptor(0, block, pool).unwrap();
            engine.backend_mut().fill(at, &vec![id as u8; len as usize]).unwrap();
        }
    }
}

/// Priority and retention outlive the process; the retention's time starts anew.
#[test]
fn worth_is_recovered() {
    use tierproof_core::{Nanos, TokenRange};
    let device = device();
    let begin = || {
        let backend = crate::doomed::Doomed::new(&device, Vec::<u64>::new(), u64::MAX);
        Engine::new(backend, config([1, 1, 8]), |_| Box::new(PriorityLru::default())).unwrap()
    };
    let mut engine = begin();
    for (id, priority) in [(1, 80), (2, 50), (3, 35), (4, 35)] {
        let range = TokenRange { start: 0, end: None, priority, duration_ms: Some(1000) };
        let mut request = crate::process::request(id, &[id]);
        request.retention = request.retention.with_ranges(vec![range]).unwrap();
        engine.add(&request).unwrap();
        engine.settle(RequestId(id)).unwrap();
        fill(&mut engine, id);
        engine.remove(RequestId(id)).unwrap();
    }
    engine.drain().unwrap();
    let on_disk = |engine: &Engine<_>| {
        let blocks = engine.blocks(0).unwrap();
        let mut priorities: Vec<u8> =
            blocks.filter(|block| block.published).map(|block| block.priority).collect();
        priorities.sort_unstable();
        priorities
    };
    engine.publish().unwrap();
    let before = on_disk(&engine);
    drop(engine);
    power_cut(&device);
    let mut engine = begin();
    assert_eq!(on_disk(&engine), before);
    engine.advance(Nanos::from_millis(999));
    assert_eq!(on_disk(&engine), before);
    engine.advance(Nanos::from_millis(1000));
    assert_eq!(on_disk(&engine), vec![35; before.len()]);
}
