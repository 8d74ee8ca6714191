//! Token traces: the tokens of prompts and answers themselves.

use super::error::TraceError;
use super::fields::Fields;
use crate::arrival::{Arrival, WorkRequest};
use tierproof_core::{Nanos, Prompt, TokenPrompt};

/// The field that holds the time.
pub(super) const TIME: &str = "arrival_time_ns";

/// The request of one line.
pub(super) fn arrival(fields: &Fields<'_>) -> Result<Arrival, TraceError> {
    const IDS: &str = "a list of token ids, whole numbers of 32 bits";
    let at = Nanos(fields.get(TIME, "a whole number of nanoseconds")?);
    let input: Vec<i32> = fields.list("input_tok_ids", IDS)?;
    if input.is_empty() {
        return Err(fields.wrong("input_tok_ids", "is empty: a prompt has at least one token"));
    }
    let output = fields.list("output_tok_ids", IDS)?;
    let prompt = Prompt::Tokens(TokenPrompt::new(input));
    Ok(Arrival { at, request: WorkRequest { prompt, output } })
}
