//! The faults of a run.

use std::cell::Cell;

use super::scheduler::Scheduler;

/// How much likelier success is than one particular fault, for an operation of a storm.
pub(crate) const FAULT_ODDS: usize = 60;

/// The number of possible faults, and their odds.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    most: usize,
    odds: usize,
    left: Cell<usize>,
}

impl FaultPlan {
    /// Plans at most this many faults. `odds` sets how much likelier success is than each fault, minus one. There are
    /// no faults before [`FaultPlan::allow`].
    pub(crate) fn new(most: usize, odds: usize) -> FaultPlan {
        FaultPlan { most, odds, left: Cell::new(0) }
    }

    /// Allows faults from now on.
    pub(crate) fn allow(&self) {
        self.left.set(self.most);
    }

    /// Reports whether there have been faults.
    pub(crate) fn has_occurred(&self) -> bool {
        self.left.get() < self.most
    }

    /// Chooses the fate of an operation. The first fate is the likeliest.
    pub(crate) fn fate<F: Copy>(&self, scheduler: &Scheduler, fates: &[F]) -> F {
        if self.left.get() == 0 {
            return fates[0];
        }
        let chosen = scheduler.below(fates.len() + self.odds).saturating_sub(self.odds);
        if chosen > 0 {
            self.left.set(self.left.get() - 1);
        }
        fates[chosen]
    }
}
