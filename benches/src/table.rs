//! Figures as a Markdown table for people, and one line each for machines.

use crate::rounds::{Rounds, median};
use serde_json::{Map, Value, json};
use std::fmt;

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Nothing: it is there to compare with.
    None,
    /// At least this ratio.
    Ratio(f64),
    /// At least so many GB (10^9 bytes) a second.
    Rate(f64),
}

/// The medians of one contender.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    what: String,
    /// GB (10^9 bytes) a second.
    rate: f64,
    /// Against what it is compared with: the median, the lowest and the highest.
    ratio: Option<[f64; 3]>,
    target: Target,
}

/// What a row is about: the name of a column, and what is in it.
pub type Labels = Vec<(&'static str, String)>;

/// One table.
#[derive(Debug)]
pub struct Table {
    topic: String,
    rows: Vec<(Labels, Vec<Figure>)>,
}

impl Figure {
    /// The rate of a contender, and its ratio to `base`.
    #[must_use]
    pub fn of(
        rounds: &Rounds<'_>,
        contender: usize,
        base: Option<usize>,
        what: &str,
        target: Target,
    ) -> Self {
        let ratio = base.map(|base| {
            let ratios = rounds.ratios(contender, base);
            let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
            let high = ratios.iter().copied().fold(0.0, f64::max);
            [median(ratios), low, high]
        });
        Self { what: what.into(), rate: 1.0 / rounds.median(contender), ratio, target }
    }

    /// Whether it is what is wanted; `None` where nothing is.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::Ratio(least) => self.ratio.map(|[median, ..]| median >= least),
            Target::Rate(least) => Some(self.rate >= least),
        }
    }

    fn cell(&self) -> String {
        let rate = &self.rate;
        let missed = self.met() == Some(false);
        match (self.ratio, self.target) {
            (Some([ratio, ..]), Target::Ratio(least)) if missed => {
                format!("{rate:.2} ({ratio:.3}, below {least})")
            }
            (Some([ratio, ..]), Target::Rate(least)) if missed => {
                format!("{rate:.2}, below {least} ({ratio:.3})")
            }
            (None, Target::Rate(least)) if missed => format!("{rate:.2}, below {least}"),
            (Some([ratio, ..]), _) => format!("{rate:.2} ({ratio:.3})"),
            (None, _) => format!("{rate:.2}"),
        }
    }

    fn line(&self, topic: &str, labels: &[(&'static str, String)]) -> Value {
        let mut line = Map::new();
        line.insert("topic".into(), topic.into());
        for (name, value) in labels {
            line.insert((*name).into(), value.as_str().into());
        }
        line.insert("what".into(), self.what.as_str().into());
        line.insert("gb_per_s".into(), rounded(self.rate));
        if let Some([median, low, high]) = self.ratio {
            line.insert("ratio".into(), rounded(median));
            line.insert("ratios".into(), json!([rounded(low), rounded(high)]));
        }
        match self.target {
            Target::None => {}
            Target::Ratio(least) => drop(line.insert("ratio_wanted".into(), json!(least))),
            Target::Rate(least) => drop(line.insert("gb_per_s_wanted".into(), json!(least))),
        }
        if let Some(met) = self.met() {
            line.insert("met".into(), met.into());
        }
        line.into()
    }
}

fn rounded(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), rows: Vec::new() }
    }

    /// Adds a row, and prints its lines for machines.
    pub fn add(&mut self, labels: Labels, figures: Vec<Figure>) {
        for figure in &figures {
            println!("figure {}", figure.line(&self.topic, &labels));
        }
        self.rows.push((labels, figures));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n\nGB/s (times the first column's)\n", self.topic)?;
        let Some((labels, figures)) = self.rows.first() else { return Ok(()) };
        let names = labels.iter().map(|(name, _)| *name);
        let heads: Vec<&str> = names.chain(figures.iter().map(|figure| &*figure.what)).collect();
        writeln!(f, "| {} |", heads.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(heads.len()))?;
        for (labels, figures) in &self.rows {
            let labels = labels.iter().map(|(_, value)| value.clone());
            let cells: Vec<String> = labels.chain(figures.iter().map(Figure::cell)).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(rate: f64, ratio: Option<f64>, target: Target) -> Figure {
        let ratio = ratio.map(|ratio| [ratio, 0.5, 2.0]);
        Figure { what: "backend".into(), rate, ratio, target }
    }

    #[test]
    fn what_is_missed_says_so_and_what_it_was() {
        let cases = [
            (figure(5.0, None, Target::None), "5.00", None),
            (figure(5.0, Some(0.96), Target::Ratio(0.95)), "5.00 (0.960)", Some(true)),
            (figure(5.0, Some(0.9), Target::Ratio(0.95)), "5.00 (0.900, below 0.95)", Some(false)),
            (figure(5.0, Some(0.9), Target::Rate(45.0)), "5.00, below 45 (0.900)", Some(false)),
            (figure(5.0, None, Target::Rate(4.0)), "5.00", Some(true)),
        ];
        for (figure, cell, met) in cases {
            assert_eq!((figure.cell().as_str(), figure.met()), (cell, met));
        }
    }

    #[test]
    fn a_line_for_machines_has_labels_and_numbers() {
        let figure = figure(1.0 / 3.0, Some(0.5), Target::Ratio(0.95));
        let line = figure.line("gds", &[("way", "store".into())]).to_string();
        let expected = r#"{"gb_per_s":0.3333,"met":false,"ratio":0.5,"ratio_wanted":0.95,"ratios":[0.5,2.0],"topic":"gds","way":"store","what":"backend"}"#;
        assert_eq!(line, expected);
    }
}
