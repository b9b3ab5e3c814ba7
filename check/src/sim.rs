//! A simulation: one record in one table, its participants, time, and faults.

pub(crate) mod choices;
pub(crate) mod client;
pub(crate) mod external;
pub(crate) mod faults;
pub(crate) mod feed;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod store;
pub(crate) mod storm;

use crate::model::transcript::Transcript;
use faults::FaultPlan;
use scheduler::Scheduler;

/// The state that the participants of a run share.
pub(crate) struct Sim {
    pub(crate) scheduler: Scheduler,
    pub(crate) faults: FaultPlan,
    pub(crate) transcript: Transcript,
}
