//! An outcome as text for people.

use crate::below::Below;
use crate::outcome::Outcome;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

/// The summary of a replay: what was found where, what moved, what ran below, and what worked
/// otherwise than asked.
///
/// ```
/// let outcome = tierproof::Outcome { hits_device: 1_234_567, ..Default::default() };
/// assert!(tierproof::report(&outcome, [8, 0, 0]).contains("1 234 567"));
/// ```
#[must_use]
pub fn report(outcome: &Outcome, blocks: [u32; 3]) -> String {
    let mut text = format!(
        "{} on {}, {}, seed {}\n{}\n{}\n",
        outcome.workload,
        outcome.backend,
        outcome.policy,
        outcome.seed,
        found(outcome, blocks),
        facts(outcome),
    );
    for line in outcome.below.iter().flat_map(Below::lines) {
        text.push_str(&format!("below: {line}\n"));
    }
    for note in &outcome.fallback_notes {
        text.push_str(&format!("fallback: {note}\n"));
    }
    for broken in &outcome.broken {
        text.push_str(&format!("broken: {broken}\n"));
    }
    text
}

pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED.with_rounded_corners());
    if !columns.is_empty() {
        table.set_header(columns);
    }
    table
}

fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Where the blocks of prompts were found.
fn found(outcome: &Outcome, capacity: [u32; 3]) -> Table {
    let mut table = table(&["found", "tier of", "blocks", "share"]);
    let hits = [outcome.hits_device, outcome.hits_host, outcome.hits_disk];
    for ((tier, capacity), hits) in ["device", "host", "disk"].into_iter().zip(capacity).zip(hits) {
        let row =
            [tier.into(), grouped(capacity.into()), grouped(hits), share(hits, outcome.blocks)];
        table.add_row(row);
    }
    let misses = outcome.misses;
    table.add_row([
        "nowhere".into(),
        String::new(),
        grouped(misses),
        share(misses, outcome.blocks),
    ]);
    table.add_row(["all".into(), String::new(), grouped(outcome.blocks), String::new()]);
    align(&mut table);
    table
}

/// Everything else, a line each.
fn facts(outcome: &Outcome) -> Table {
    let mut table = table(&[]);
    let requests = match outcome.rejected {
        0 => grouped(outcome.requests),
        rejected => format!("{} and {} rejected", grouped(outcome.requests), grouped(rejected)),
    };
    table.add_row(["requests".into(), requests]);
    for (name, count) in [
        ("offloads", outcome.offloads),
        ("onboards", outcome.onboards),
        ("demotions", outcome.demotions),
        ("drops", outcome.drops),
    ] {
        table.add_row([name.into(), grouped(count)]);
    }
    table.add_row(["moved".into(), bytes(outcome.bytes_moved)]);
    table.add_row(["verified".into(), format!("{} blocks", grouped(outcome.blocks_verified))]);
    if outcome.durable {
        let (found, used) = (grouped(outcome.recovered), grouped(outcome.grafted));
        table.add_row(["recovered".into(), format!("{found} blocks, {used} found again")]);
        table.add_row(["published".into(), format!("{} blocks", grouped(outcome.published))]);
    }
    for (name, count) in [
        ("damaged records", outcome.records_damaged),
        ("corrupt", outcome.blocks_corrupt),
        ("lost", outcome.lost),
        ("fallbacks", outcome.fallbacks),
    ] {
        if count > 0 {
            table.add_row([name.into(), grouped(count)]);
        }
    }
    table.add_row(["device time".into(), span(outcome.virtual_ns)]);
    table.add_row(["wall time".into(), span(outcome.wall_ns)]);
    table.add_row(["in transfers".into(), span(outcome.backend_ns)]);
    let both = outcome.engine_ns.saturating_add(outcome.backend_ns);
    let own = format!("{}, {}", span(outcome.engine_ns), share(outcome.engine_ns, both));
    table.add_row(["in the engine".into(), own]);
    let hash = outcome.decision_hash.get(..16).unwrap_or(&outcome.decision_hash);
    table.add_row(["decisions", hash]);
    align(&mut table);
    table
}

/// `1 234 567`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `12.3 %`.
fn share(part: u64, whole: u64) -> String {
    let tenths = if whole == 0 { 0 } else { u128::from(part) * 1000 / u128::from(whole) };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `value` in the largest of `units` that leaves a whole number, with one decimal.
fn scaled(value: u64, units: &[(u64, &str)]) -> String {
    let largest = units.iter().rev().find(|(unit, _)| value >= *unit);
    match largest {
        Some(&(unit, name)) if unit > 1 => {
            let tenths = u128::from(value) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        _ => format!("{value} {}", units[0].1),
    }
}

/// `12.3 GiB`.
pub(crate) fn bytes(value: u64) -> String {
    scaled(
        value,
        &[(1, "B"), (1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB"), (1 << 40, "TiB")],
    )
}

fn span(nanos: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    scaled(
        nanos,
        &[(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (SECOND, "s"), (60 * SECOND, "min")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_scaled() {
        let cases = [(0, "0"), (999, "999"), (1000, "1 000"), (1234567, "1 234 567")];
        for (value, text) in cases {
            assert_eq!(grouped(value), text);
        }
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
        assert_eq!(span(0), "0 ns");
        assert_eq!(span(90_000_000_000), "1.5 min");
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!(share(0, 0), "0.0 %");
    }
}
