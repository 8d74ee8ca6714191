//! How much may be in flight: transfers of one backend, and descriptors of one backend, or of all in the
//! process where the library below them has one limit for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is left of both limits.
#[derive(Debug)]
pub(super) struct Budget {
    transfers: Limit,
    descriptors: Limit,
}

/// What is left of one limit.
#[derive(Debug)]
struct Limit {
    used: Used,
    max: usize,
}

#[derive(Debug, Clone)]
enum Used {
    Own(Arc<AtomicUsize>),
    Shared(&'static AtomicUsize),
}

/// What may be in flight until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    transfers: Share,
    descriptors: Share,
}

/// A share of one limit.
#[derive(Debug)]
struct Share {
    used: Used,
    count: usize,
}

impl Used {
    fn counter(&self) -> &AtomicUsize {
        match self {
            Self::Own(used) => used,
            Self::Shared(used) => used,
        }
    }
}

impl Budget {
    /// At most so many transfers, and so many descriptors beside those that `shared` counts.
    pub(super) fn new(
        transfers: usize,
        descriptors: usize,
        shared: Option<&'static AtomicUsize>,
    ) -> Self {
        let own = || Used::Own(Arc::default());
        Self {
            transfers: Limit { used: own(), max: transfers },
            descriptors: Limit { used: shared.map_or_else(own, Used::Shared), max: descriptors },
        }
    }

    /// The right to so many more; `None` while there is no room for all.
    pub(super) fn take(&self, transfers: usize, descriptors: usize) -> Option<Permit> {
        let transfers = self.transfers.take(transfers)?;
        Some(Permit { transfers, descriptors: self.descriptors.take(descriptors)? })
    }
}

impl Limit {
    fn take(&self, count: usize) -> Option<Share> {
        let more = |used: usize| used.checked_add(count).filter(|all| *all <= self.max);
        self.used.counter().fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Share { used: self.used.clone(), count })
    }

    #[cfg(test)]
    fn left(&self) -> usize {
        self.max - self.used.counter().load(Ordering::Acquire)
    }
}

impl Permit {
    /// The right to one transfer of so many descriptors, of these.
    ///
    /// # Panics
    /// If there are not as many.
    pub(super) fn split(&mut self, descriptors: usize) -> Self {
        let transfers = self.transfers.split(1);
        Self { transfers, descriptors: self.descriptors.split(descriptors) }
    }
}

impl Share {
    fn split(&mut self, count: usize) -> Self {
        self.count = self.count.checked_sub(count).expect("a permit is split into what it is for");
        Self { used: self.used.clone(), count }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.counter().fetch_sub(self.count, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_when_dropped_and_only_then() {
        static SHARED: AtomicUsize = AtomicUsize::new(0);
        for budget in [Budget::new(3, 10, None), Budget::new(3, 10, Some(&SHARED))] {
            let seven = budget.take(1, 7).unwrap();
            assert!(budget.take(1, 4).is_none());
            assert!(budget.take(1, usize::MAX).is_none());
            assert_eq!(budget.transfers.left(), 2, "a refusal takes nothing");
            assert!(budget.take(3, 1).is_none());
            let mut three = budget.take(2, 3).unwrap();
            assert_eq!((budget.transfers.left(), budget.descriptors.left()), (0, 0));
            drop(seven);
            drop(three.split(1));
            std::mem::forget(three);
            assert_eq!((budget.transfers.left(), budget.descriptors.left()), (2, 8));
        }
        let other = Budget::new(3, 10, Some(&SHARED));
        assert_eq!((other.transfers.left(), other.descriptors.left()), (3, 8));
    }
}
