//! Traces. The model is a JSON value a line, read by another way than the trace reader's.

use std::io::Cursor;

use serde_json::Value;
use tierproof::{Arrival, Trace, TraceError};
use tierproof_core::Prompt;

const NAME: &str = "fuzzed";

/// Takes `data` for a trace: every arrival is what its line says, none is skipped, times never go
/// back, and the first line that is none ends the trace with an error that names it.
///
/// # Panics
/// If that does not hold.
pub fn trace_lines(data: &[u8]) {
    let all: Vec<&[u8]> = data.split_inclusive(|&byte| byte == b'\n').collect();
    let mut lines = (1..).zip(&all).filter(|(_, line)| !line.trim_ascii().is_empty());
    let mut trace = match Trace::new(NAME, Cursor::new(data.to_vec())) {
        Ok(trace) => trace,
        Err(error) => {
            let first = lines.next().map_or(all.len() as u64 + 1, |(number, _)| number);
            return check_error(&error, first);
        }
    };
    let mut latest = 0;
    while let Some(read) = trace.next() {
        let (number, line) = lines.next().expect("no more arrivals than lines");
        match read {
            Ok(arrival) => {
                assert!(arrival.at.0 >= latest, "line {number}: time goes back");
                latest = arrival.at.0;
                check_arrival(&arrival, line);
            }
            Err(error) => {
                check_error(&error, number);
                assert!(trace.next().is_none(), "it goes on after an error");
                return;
            }
        }
    }
    assert!(lines.next().is_none(), "a line was skipped");
    assert_eq!(trace.progress().0, data.len() as u64);
}

fn check_error(error: &TraceError, line: u64) {
    assert_eq!(error.line(), Some(line), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("{NAME}: line {line}: ")), "{text}");
    if let Some(field) = error.field() {
        assert!(text.contains(&format!(": field `{field}`: ")), "{text}");
    }
    assert!(!error.remedy().is_empty(), "{text}: and what to do about it?");
}

fn check_arrival(arrival: &Arrival, line: &[u8]) {
    // A value is deeper than its reader goes only where the field is none of ours.
    let Ok(said) = serde_json::from_slice::<Value>(line) else { return };
    match &arrival.request.prompt {
        Prompt::Hashes { tenant, ids } => {
            assert_eq!((*tenant, arrival.request.output.len()), (0, 0));
            assert_eq!(said["hash_ids"], Value::from(ids.clone()));
            let tokens = said["input_length"].as_u64().expect("a number of tokens");
            assert!((1..=tokens).contains(&(ids.len() as u64)), "blocks without tokens");
            let millis = said["timestamp"].as_u64().expect("a time");
            assert_eq!(Some(arrival.at.0), millis.checked_mul(1_000_000));
        }
        Prompt::Tokens(prompt) => {
            assert!(!prompt.tokens.is_empty(), "a prompt without tokens");
            assert_eq!(said["input_tok_ids"], Value::from(prompt.tokens.clone()));
            assert_eq!(said["output_tok_ids"], Value::from(arrival.request.output.clone()));
            assert_eq!(said["arrival_time_ns"].as_u64(), Some(arrival.at.0));
        }
    }
}
