//! Which faults strike a subject, and which did.

use std::collections::BTreeMap;

use super::{FaultClass, FaultEntry, FaultPlan, Occasion, Subject};
use crate::draw::{Domain, Draw};

/// A fault that is to strike a subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) class: FaultClass,
    pub(super) detail: u64,
    /// By name, and not drawn.
    named: bool,
}

/// A plan at work.
#[derive(Debug)]
pub(super) struct Choices {
    draw: Draw,
    rates: BTreeMap<Occasion, Vec<(FaultClass, u32)>>,
    entries: BTreeMap<Subject, Vec<FaultEntry>>,
    fired: Vec<FaultEntry>,
    unrealised: BTreeMap<FaultClass, String>,
    over: bool,
}

impl Choices {
    pub(super) fn new(plan: &FaultPlan) -> Self {
        let mut rates: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (&class, &rate) in plan.rates.iter().filter(|(_, rate)| **rate > 0) {
            rates.entry(class.occasion()).or_default().push((class, rate));
        }
        let mut entries: BTreeMap<_, Vec<FaultEntry>> = BTreeMap::new();
        for &entry in &plan.entries {
            let about = entries.entry(entry.on).or_default();
            if about.iter().all(|other| other.class != entry.class) {
                about.push(entry);
            }
        }
        Self {
            draw: Draw::new(plan.seed),
            rates,
            entries,
            fired: Vec::new(),
            unrealised: BTreeMap::new(),
            over: false,
        }
    }

    /// Whether anything may still strike.
    pub(super) fn any(&self) -> bool {
        let anything = !self.rates.is_empty() || !self.entries.is_empty();
        anything && !self.over
    }

    /// Nothing strikes any more.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    /// What strikes `subject`, by class. A pure function of the plan and the subject.
    pub(super) fn of(&self, subject: Subject, occasion: Occasion) -> Vec<Choice> {
        let mut chosen = Vec::new();
        if self.over {
            return chosen;
        }
        if let Some(named) = self.entries.get(&subject) {
            let choice = |entry: &FaultEntry| Choice {
                class: entry.class,
                detail: entry.detail,
                named: true,
            };
            chosen.extend(named.iter().map(choice));
        }
        if let Some(rates) = self.rates.get(&occasion) {
            self.draw(subject, rates, &mut chosen);
        }
        chosen.sort_by_key(|choice| choice.class);
        chosen
    }

    fn draw(&self, subject: Subject, rates: &[(FaultClass, u32)], chosen: &mut Vec<Choice>) {
        let own = Draw::new(self.draw.at(Domain::Fault, &subject.words()));
        let named = chosen.len();
        for &(class, rate) in rates {
            let struck = own.up_to(999_999, Domain::Fault, &[class as u64]) < rate.into();
            if struck && chosen[..named].iter().all(|choice| choice.class != class) {
                let detail = own.at(Domain::FaultDetail, &[class as u64]);
                chosen.push(Choice { class, detail, named: false });
            }
        }
    }

    /// Notes that a fault had its effect.
    pub(super) fn fire(&mut self, on: Subject, choice: Choice) {
        self.fired.push(FaultEntry { class: choice.class, on, detail: choice.detail });
    }

    /// Notes that a fault asked for by name can't be had. One that was drawn has merely missed.
    pub(super) fn cannot(&mut self, choice: Choice, why: impl Into<String>) {
        if choice.named {
            self.missing(choice.class, why);
        }
    }

    /// Notes that a class can't be had.
    pub(super) fn missing(&mut self, class: FaultClass, why: impl Into<String>) {
        self.unrealised.entry(class).or_insert_with(|| why.into());
    }

    pub(super) fn fired(&self) -> &[FaultEntry] {
        &self.fired
    }

    pub(super) fn unrealised(&self) -> &BTreeMap<FaultClass, String> {
        &self.unrealised
    }

    /// Faults asked for by name that had no effect so far.
    pub(super) fn unfired(&self) -> Vec<FaultEntry> {
        let mut fired: Vec<_> = self.fired.iter().map(|entry| (entry.on, entry.class)).collect();
        fired.sort_unstable();
        let waits = |entry: &&FaultEntry| fired.binary_search(&(entry.on, entry.class)).is_err();
        self.entries.values().flatten().filter(waits).copied().collect()
    }
}
