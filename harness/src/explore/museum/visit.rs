//! How many seeds it takes to see an exhibit.

use comfy_table::CellAlignment;
use tierproof_core::Result;

use crate::explore::run::{End, Ran, simulate, simulate_with};
use crate::explore::{Breach, Case, Scope};
use crate::report::table;

use super::exhibit::Exhibit;

/// What seeds made of an exhibit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The exhibit.
    pub id: &'static str,
    /// Seeds run, the one that broke a law included.
    pub seeds: u64,
    /// What broke first; `None` if nothing did.
    pub broke: Option<Breach>,
    /// How, in one line.
    pub what: String,
}

/// Runs seeds from 0 with an exhibit, with all the faults that they come with, until a law breaks that
/// would have held without it.
///
/// ```
/// use tierproof::explore::{Scope, museum};
/// let visit = museum::visit(&museum::CANARY, 100, &Scope::default())?;
/// assert!(visit.broke.is_some());
/// # Ok::<(), tierproof_core::Error>(())
/// ```
///
/// # Errors
/// What the settings of a case are refused with.
pub fn visit(exhibit: &Exhibit, seeds_max: u64, scope: &Scope) -> Result<Visit> {
    for seed in 0..seeds_max {
        let case = Case::of_seed(seed, scope);
        let ran = simulate_with(&case, exhibit)?;
        if let Some(broke) = ran.broke()
            && simulate(&case)?.broke().is_none()
        {
            let what = what(&ran);
            return Ok(Visit { id: exhibit.id, seeds: seed + 1, broke: Some(broke), what });
        }
    }
    Ok(Visit { id: exhibit.id, seeds: seeds_max, broke: None, what: String::new() })
}

fn what(ran: &Ran) -> String {
    match &ran.end {
        End::Broken { what, .. } => what.clone(),
        _ => String::new(),
    }
}

/// Visits as a table, and the median of the seeds that it took.
#[must_use]
pub fn board(visits: &[(&Exhibit, Visit)]) -> String {
    let mut table = table(&["exhibit", "what it was", "broke", "seeds"]);
    for (exhibit, visit) in visits {
        let broke = visit.broke.map_or("nothing".to_owned(), |broke| broke.to_string());
        table.add_row([exhibit.id, exhibit.was, &broke, &visit.seeds.to_string()]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut seeds: Vec<u64> = visits.iter().map(|(_, visit)| visit.seeds).collect();
    seeds.sort_unstable();
    let seen = visits.iter().filter(|(_, visit)| visit.broke.is_some()).count();
    let median = seeds.get(seeds.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    format!("{table}\n{seen} of {} exhibits seen, the median after {median} seeds\n", visits.len())
}
