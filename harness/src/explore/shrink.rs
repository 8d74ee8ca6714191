//! Making a failing case small: fewer operations, faults, tenants and sizes, as long as the same law
//! still breaks.

use tierproof_core::Tier;

use crate::lockstep::driver::{Bytes, Pools, Setup};
use crate::lockstep::plan::{Op, PlanPrompt, PlanWindow};

use super::breach::Breach;
use super::campaign::named;
use super::case::{Case, Device};
use super::run::Ran;

/// Makes `case`, which breaks a law, smaller with at most `tries` runs. What it answers breaks that
/// law too.
///
/// `ran` is what `case` came to: its faults, drawn until now, are named first, so that each can be
/// left out by itself.
pub fn shrink(case: &Case, ran: &Ran, tries: u32, run: impl FnMut(&Case) -> Ran) -> Case {
    let Some(breach) = ran.broke() else { return case.clone() };
    let mut search = Search { best: case.clone(), breach, tries, run };
    let explicit = named(case, ran).faults;
    search.improve(|case| case.faults = explicit);
    loop {
        let before = search.best.clone();
        search.drop_some(|case| &mut case.crashes);
        search.drop_some(|case| &mut case.ops);
        search.drop_some(|case| &mut case.faults.entries);
        search.simplify();
        if search.best == before || search.tries == 0 {
            break;
        }
    }
    Case { broke: Some(breach), ..search.best }
}

/// The smallest case so far, and what may still be spent.
struct Search<F> {
    best: Case,
    breach: Breach,
    tries: u32,
    run: F,
}

impl<F: FnMut(&Case) -> Ran> Search<F> {
    /// Takes a change if the law still breaks.
    fn improve(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        let mut case = self.best.clone();
        change(&mut case);
        if self.tries == 0 || case == self.best || case.validate().is_err() {
            return false;
        }
        self.tries -= 1;
        let breaks = (self.run)(&case).broke() == Some(self.breach);
        if breaks {
            self.best = case;
        }
        breaks
    }

    /// Leaves stretches of a list out, halves first and single items last, from the end.
    fn drop_some<T>(&mut self, list: impl Fn(&mut Case) -> &mut Vec<T>) {
        let mut stretch = list(&mut self.best).len().div_ceil(2);
        while stretch > 0 {
            let mut end = list(&mut self.best).len();
            while end > 0 {
                let start = end.saturating_sub(stretch);
                self.improve(|case| drop(list(case).drain(start..end)));
                end = start.min(list(&mut self.best).len());
            }
            stretch /= 2;
        }
    }

    fn simplify(&mut self) {
        self.improve(|case| case.device = Device { seed: case.device.seed, ..Device::default() });
        self.improve(|case| case.setup = Setup { pools: Pools::Opaque, ..case.setup });
        self.improve(|case| case.setup = Setup { bytes: Bytes::Every, ..case.setup });
        self.improve(|case| case.ops.iter_mut().for_each(plain));
        self.improve(|case| case.ops.iter_mut().for_each(of_one_tenant));
        for window in (0..self.best.config.windows.len()).rev() {
            self.improve(|case| {
                case.config.windows.remove(window);
            });
        }
        for window in 0..self.best.config.windows.len() {
            for tier in [Tier::Disk, Tier::Host, Tier::Device] {
                while self.improve(|case| fewer(&mut case.config.windows[window], tier)) {}
            }
        }
    }
}

fn fewer(window: &mut PlanWindow, tier: Tier) {
    let blocks = match tier {
        Tier::Device => &mut window.device,
        Tier::Host => &mut window.host,
        Tier::Disk => &mut window.disk,
    };
    *blocks = blocks.saturating_sub(1);
}

/// One beam, no adapters and images, the default retention but for where it spills.
fn plain(op: &mut Op) {
    let Op::Add(add) = op else { return };
    (add.beams, add.cross_attention) = (1, false);
    add.retention.ranges.clear();
    if let PlanPrompt::Tokens(prompt) = &mut add.prompt {
        (prompt.extra_ids, prompt.lora, prompt.salt) = (None, None, None);
        prompt.multimodal.clear();
    }
}

fn of_one_tenant(op: &mut Op) {
    if let Op::Add(add) = op
        && let PlanPrompt::Tokens(prompt) = &mut add.prompt
    {
        prompt.tenant = 0;
    }
}
