//! Promise: a trace of either format is read line by line, and whatever is wrong with it is told
//! by line and field, never by a panic and never by a guess.

use rstest::rstest;
use std::path::Path;
use tierproof::{Arrival, LINE_LEN_MAX, Trace, TraceError};
use tierproof_core::{Nanos, Prompt};

const HASHES: &str =
    r#"{"timestamp": 3, "input_length": 600, "output_length": 1, "hash_ids": [0, 9]}"#;
const TOKENS: &str = r#"{"input_tok_ids": [5, -6], "output_tok_ids": [7], "arrival_time_ns": 11}"#;

fn read(text: &str) -> Result<Vec<Arrival>, TraceError> {
    Trace::new("t.jsonl", std::io::Cursor::new(text.to_string()))?.collect()
}

#[test]
fn hash_lines_become_hash_prompts() {
    let arrivals = read(&format!("{HASHES}\n\n  \r\n{HASHES}")).unwrap();
    assert_eq!(arrivals.len(), 2);
    assert_eq!(arrivals[0], Arrival::of_hashes(Nanos::from_millis(3), vec![0, 9]));
}

#[test]
fn token_lines_become_token_prompts_and_outputs() {
    let arrivals = read(TOKENS).unwrap();
    let Prompt::Tokens(prompt) = &arrivals[0].request.prompt else { panic!("{arrivals:?}") };
    assert_eq!(prompt.tokens, [5, -6]);
    assert_eq!(arrivals[0].request.output, [7]);
    assert_eq!(arrivals[0].at, Nanos(11));
}

#[test]
fn unknown_fields_are_ignored() {
    let line = HASHES.replace('{', r#"{"session": {"deep": [1, {}]}, "#);
    assert_eq!(read(&line).unwrap(), read(HASHES).unwrap());
}

/// A bad second line: what is wrong with it, as (line, field, words of the message).
#[rstest]
#[case::not_json("nonsense", None, "not a JSON object")]
#[case::not_an_object("[1, 2]", None, "not a JSON object")]
#[case::cut_off(&HASHES[..40], None, "not a JSON object")]
#[case::missing(r#"{"timestamp": 3, "input_length": 600}"#, Some("hash_ids"), "is missing")]
#[case::wrong_type(&HASHES.replace("600", "\"600\""), Some("input_length"), "whole number")]
#[case::fraction(&HASHES.replace("3,", "3.5,"), Some("timestamp"), "milliseconds")]
#[case::negative(&HASHES.replace("9]", "-9]"), Some("hash_ids"), "whole numbers")]
#[case::too_wide(&HASHES.replace("9]", "18446744073709551616]"), Some("hash_ids"), "2^64")]
#[case::null(&HASHES.replace("[0, 9]", "null"), Some("hash_ids"), "list")]
#[case::no_blocks(&HASHES.replace("[0, 9]", "[]"), Some("hash_ids"), "is empty")]
#[case::more_blocks_than_tokens(&HASHES.replace("600", "1"), Some("input_length"), "1 tokens can't")]
#[case::earlier(&HASHES.replace("3,", "2,"), Some("timestamp"), "earlier")]
#[case::overflow(&HASHES.replace("3,", "18446744073710,"), Some("timestamp"), "64 bits")]
fn bad_hash_lines_are_named(#[case] line: &str, #[case] field: Option<&str>, #[case] words: &str) {
    let error = read(&format!("{HASHES}\n{line}\n{HASHES}")).unwrap_err();
    assert_eq!((error.line(), error.field()), (Some(2), field), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("t.jsonl: line 2: ") && text.contains(words), "{text}");
    assert!(!error.remedy().is_empty());
}

#[rstest]
#[case::missing(&TOKENS.replace("output_tok_ids", "output"), "output_tok_ids")]
#[case::empty(&TOKENS.replace("[5, -6]", "[]"), "input_tok_ids")]
#[case::too_wide(&TOKENS.replace("-6", "2147483648"), "input_tok_ids")]
#[case::text(&TOKENS.replace("[7]", "\"seven\""), "output_tok_ids")]
#[case::negative_time(&TOKENS.replace("11", "-11"), "arrival_time_ns")]
#[case::earlier(&TOKENS.replace("11", "10"), "arrival_time_ns")]
fn bad_token_lines_are_named(#[case] line: &str, #[case] field: &str) {
    let error = read(&format!("{TOKENS}\n{line}")).unwrap_err();
    assert_eq!((error.line(), error.field()), (Some(2), Some(field)), "{error}");
}

#[rstest]
#[case::empty("", "is empty")]
#[case::blank("\n \n", "is empty")]
#[case::neither("{\"a\": 1}", "neither")]
#[case::both("{\"hash_ids\": [], \"input_tok_ids\": []}", "both")]
fn the_first_line_must_say_which_format(#[case] text: &str, #[case] words: &str) {
    let error = read(text).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

/// A file without line ends must not be read into memory as a whole.
#[test]
fn a_line_without_end_is_refused() {
    let endless = std::io::BufReader::new(std::io::repeat(b' '));
    let error = Trace::new("endless", endless).unwrap_err();
    assert_eq!(error.line(), Some(1));
    assert!(error.to_string().contains(&LINE_LEN_MAX.to_string()), "{error}");
}

#[test]
fn nothing_comes_after_an_error() {
    let text = format!("{HASHES}\nbad\n{HASHES}\n");
    let mut trace = Trace::new("t", std::io::Cursor::new(text)).unwrap();
    assert!(trace.next().unwrap().is_ok());
    assert!(trace.next().unwrap().is_err());
    assert!(trace.next().is_none());
}

#[test]
fn a_missing_file_is_named() {
    let error = Trace::open(Path::new("/nowhere/t.jsonl")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/t.jsonl"), "{error}");
    assert_eq!(error.line(), None);
    assert!(std::error::Error::source(&error).is_some());
}
