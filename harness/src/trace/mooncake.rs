//! Mooncake's hash-id traces: an id names a block together with all that comes before it.

use super::error::TraceError;
use super::fields::Fields;
use crate::arrival::Arrival;
use tierproof_core::Nanos;

/// The field that holds the time.
pub(super) const TIME: &str = "timestamp";

/// The request of one line.
///
/// Block sizes differ between traces of this format, so the only thing that is certain about
/// `input_length` is that every block holds at least one token.
pub(super) fn arrival(fields: &Fields<'_>) -> Result<Arrival, TraceError> {
    let millis: u64 = fields.get(TIME, "a whole number of milliseconds")?;
    let Some(nanos) = millis.checked_mul(1_000_000) else {
        return Err(fields.wrong(TIME, "is more than 64 bits of nanoseconds"));
    };
    let tokens: u64 = fields.get("input_length", "a whole number of tokens")?;
    let ids: Vec<u64> = fields.list("hash_ids", "a list of whole numbers below 2^64")?;
    if ids.is_empty() {
        return Err(fields.wrong("hash_ids", "is empty: a request has at least one block"));
    }
    if ids.len() as u64 > tokens {
        let problem = format!("{tokens} tokens can't fill the {} blocks of `hash_ids`", ids.len());
        return Err(fields.wrong("input_length", problem));
    }
    Ok(Arrival::of_hashes(Nanos(nanos), ids))
}
