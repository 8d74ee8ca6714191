//! Promise: `docs/faults.md` lists every class, and says of each what the code says.

use tierproof_sim::faults::FaultClass;

const PAGE: &str = include_str!("../../../docs/faults.md");

fn row(class: FaultClass) -> String {
    let over = if class.needs_power_cut() { "sim" } else { "any backend" };
    let trailers = if class.needs_trailers() { "yes" } else { "" };
    let (title, duty, lasts) = (class.title(), class.duty(), class.lasts());
    format!("| {class} | {title} | {over} | {duty} | {lasts} | {trailers} |")
}

#[test]
fn the_page_has_a_row_for_every_class_and_no_other() {
    let expected: Vec<_> = FaultClass::ALL.iter().map(|&class| row(class)).collect();
    let is_class = |line: &&str| {
        let id = line.trim_start_matches("| ").split(' ').next().unwrap_or_default();
        line.matches('|').count() == 7 && id.len() == 3 && id[1..].parse::<u8>().is_ok()
    };
    let found: Vec<_> = PAGE.lines().filter(is_class).collect();
    assert_eq!(found, expected, "the page should have\n{}", expected.join("\n"));
}
