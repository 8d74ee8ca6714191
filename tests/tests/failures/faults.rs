//! Faults by route: what a test asked to go wrong on the simulator, and what was sent.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use tierproof_core::{ErrorKind, Fault, Nanos, Tier, TransferId, TransferRequest};
use tierproof_sim::Verdict;

/// What is to become of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// All of its parts fail.
    Fail(ErrorKind),
    /// One of its parts fails.
    FailPart(u32, ErrorKind),
    Refuse(ErrorKind),
    Hang,
    Delay(Nanos),
}

impl Fate {
    fn verdict(self, parts: usize) -> Verdict {
        match self {
            Self::Fail(kind) => Verdict::Fail {
                parts: (0..parts as u32).map(|part| (part, Fault::new(kind))).collect(),
            },
            Self::FailPart(part, kind) => Verdict::Fail { parts: vec![(part, Fault::new(kind))] },
            Self::Refuse(kind) => Verdict::Refuse(kind),
            Self::Hang => Verdict::Hang,
            Self::Delay(span) => Verdict::Delay(span),
        }
    }
}

/// A request that was sent, or refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) id: TransferId,
    pub(crate) from: Tier,
    pub(crate) to: Tier,
}

#[derive(Debug)]
struct Wish {
    from: Tier,
    to: Tier,
    /// How many requests go well first.
    after: u32,
    fate: Fate,
    for_ever: bool,
}

#[derive(Debug)]
struct Script {
    /// The tier of each region, by its number.
    tiers: Vec<Tier>,
    wishes: Vec<Wish>,
    sent: Vec<Sent>,
}

impl Script {
    fn judge(&mut self, request: &TransferRequest, id: TransferId) -> Verdict {
        let part = &request.parts[0];
        let [from, to] = [part.source, part.target].map(|at| self.tiers[at.region.0 as usize]);
        self.sent.push(Sent { id, from, to });
        let mut on_route = |wish: &mut Wish| {
            let waits = wish.after > 0;
            let here = wish.from == from && wish.to == to;
            wish.after -= u32::from(here && waits);
            here && !waits
        };
        let Some(index) = self.wishes.iter_mut().position(&mut on_route) else {
            return Verdict::Proceed;
        };
        let fate = self.wishes[index].fate;
        if !self.wishes[index].for_ever {
            self.wishes.remove(index);
        }
        fate.verdict(request.parts.len())
    }
}

/// A handle to what goes wrong.
#[derive(Debug, Clone)]
pub(crate) struct Faults(Rc<RefCell<Script>>);

impl Faults {
    /// Nothing goes wrong yet; `tiers` are those of the regions, by number.
    pub(crate) fn none(tiers: Vec<Tier>) -> Self {
        Self(Rc::new(RefCell::new(Script { tiers, wishes: Vec::new(), sent: Vec::new() })))
    }

    pub(crate) fn source(&self) -> impl FnMut(&TransferRequest, TransferId) -> Verdict + 'static {
        let script = Rc::clone(&self.0);
        move |request, id| script.borrow_mut().judge(request, id)
    }

    fn wish(&self, (from, to): (Tier, Tier), after: u32, fate: Fate, for_ever: bool) {
        self.0.borrow_mut().wishes.push(Wish { from, to, after, fate, for_ever });
    }

    /// The next request on a route that no earlier wish is for.
    pub(crate) fn next(&self, route: (Tier, Tier), fate: Fate) {
        self.wish(route, 0, fate, false);
    }

    /// The next request on a route after `after` that go well.
    pub(crate) fn after(&self, after: u32, route: (Tier, Tier), fate: Fate) {
        self.wish(route, after, fate, false);
    }

    /// Every request on a route from now on.
    pub(crate) fn always(&self, route: (Tier, Tier), fate: Fate) {
        self.wish(route, 0, fate, true);
    }

    /// Nothing goes wrong any more; what hangs goes on hanging.
    pub(crate) fn heal(&self) {
        self.0.borrow_mut().wishes.clear();
    }

    /// Everything sent so far.
    pub(crate) fn sent(&self) -> Ref<'_, [Sent]> {
        Ref::map(self.0.borrow(), |script| &script.sent[..])
    }

    /// How many requests were sent on a route.
    pub(crate) fn count(&self, (from, to): (Tier, Tier)) -> usize {
        self.sent().iter().filter(|sent| sent.from == from && sent.to == to).count()
    }

    /// The last request on a route.
    pub(crate) fn last(&self, (from, to): (Tier, Tier)) -> TransferId {
        let sent = self.sent();
        let on_route = |sent: &&Sent| sent.from == from && sent.to == to;
        sent.iter().rev().find(on_route).expect("something was sent on the route").id
    }
}
