//! Retention: its JSON, and the methods that build it.

use serde_json::Value;
use tierproof_core::{ErrorKind, PRIORITY_MAX, Retention, TokenRange, TransferMode};

use crate::bytes::Bytes;

/// Takes `data` for the JSON of retention, and for what it is built of: what is accepted has
/// priorities in bounds, ranges in order and apart, survives its JSON, and gives each block what the
/// range of its first token says.
///
/// # Panics
/// If that does not hold.
pub fn retention(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        match Retention::from_json(text) {
            Ok(retention) => check(&retention),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{error}"),
        }
    }
    match built(&mut Bytes(data)) {
        Ok(retention) => check(&retention),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{error}"),
    }
}

fn built(bytes: &mut Bytes<'_>) -> tierproof_core::Result<Retention> {
    let modes = [TransferMode::Dram, TransferMode::Gds, TransferMode::Posix];
    let mode = modes[usize::from(bytes.byte()) % modes.len()];
    let len = bytes.byte().into();
    let directory = String::from_utf8_lossy(bytes.take(len));
    let decode = (bytes.byte(), duration(bytes));
    let mut ranges = Vec::new();
    while !bytes.0.is_empty() {
        ranges.push(range(bytes));
    }
    Retention::default()
        .with_files(mode, directory)?
        .with_decode(decode.0, decode.1)?
        .with_ranges(ranges)
}

/// Starts and lengths of one byte or four, so that ranges meet often.
fn range(bytes: &mut Bytes<'_>) -> TokenRange {
    let how = bytes.byte();
    let mut number = |wide: bool| if wide { bytes.half() } else { bytes.byte().into() };
    let (start, len) = (number(how & 1 > 0), number(how & 2 > 0));
    let end = (how & 4 == 0).then_some(start.wrapping_add(len));
    let priority = bytes.byte();
    TokenRange { start, end, priority, duration_ms: duration(bytes) }
}

fn duration(bytes: &mut Bytes<'_>) -> Option<u64> {
    (bytes.byte() & 1 > 0).then(|| bytes.word())
}

fn check(retention: &Retention) {
    let json = retention.to_json();
    assert_eq!(&Retention::from_json(&json).expect("its JSON is read"), retention);
    let form: Value = serde_json::from_str(&json).expect("JSON");
    let decode = form["decode_priority"].as_u64().expect("a priority");
    assert!(decode <= PRIORITY_MAX.into());
    assert!(!retention.directory().contains('\0'));

    let ranges = retention.ranges();
    let end = |range: &TokenRange| range.end.unwrap_or(u32::MAX);
    assert!(ranges.iter().all(|range| range.priority <= PRIORITY_MAX));
    assert!(ranges.iter().all(|range| range.end.is_none_or(|end| range.start < end)));
    assert!(ranges.iter().rev().skip(1).all(|range| range.end.is_some()), "an open range inside");
    assert!(ranges.windows(2).all(|pair| end(&pair[0]) <= pair[1].start), "ranges overlap");

    for (tokens_per_block, tokens) in [(1, 40), (7, 700)] {
        let starts = (0..tokens).step_by(tokens_per_block as usize);
        let per_block = retention.per_block(tokens_per_block, tokens);
        assert_eq!(per_block.len(), starts.len());
        for (start, worth) in starts.zip(per_block) {
            let holds = |range: &&TokenRange| {
                range.start <= start && range.end.is_none_or(|end| start < end)
            };
            let expected = ranges.iter().find(holds);
            let expected = expected.map(|range| (Some(range.priority), range.duration_ms));
            assert_eq!(worth, expected.unwrap_or_default(), "token {start}");
        }
    }
}
