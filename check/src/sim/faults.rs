//! Which faults may befall a run.

use std::cell::Cell;

use super::scheduler::Scheduler;

/// How much likelier an operation of a storm goes well than one of its faults.
pub(crate) const FAULT_ODDS: usize = 60;

/// How many faults there may be, and how likely each is.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    most: usize,
    odds: usize,
    left: Cell<usize>,
}

impl FaultPlan {
    /// At most so many faults, once they are let loose. `odds`: how many times likelier than each fault it is that an
    /// operation goes well, less one.
    pub(crate) fn new(most: usize, odds: usize) -> FaultPlan {
        FaultPlan { most, odds, left: Cell::new(0) }
    }

    /// Until this call there are none.
    pub(crate) fn let_loose(&self) {
        self.left.set(self.most);
    }

    /// Reports whether there have been faults.
    pub(crate) fn has_struck(&self) -> bool {
        self.left.get() < self.most
    }

    /// Chooses what becomes of an operation: mostly the first of these.
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
