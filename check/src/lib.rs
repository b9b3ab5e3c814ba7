//! # ripple-check
//!
//! The laws of saving, checked: no edit is lost, lists are merged and every addition is in them once, what ripple does
//! not know is kept, and the history tells it all as it was.
//!
//! ```text
//!  choices ──▶ world ──▶ who goes on, and what becomes of each operation
//!                │
//!   writers ── Api of ripple-core ── link ──▶ table: in memory, or any DynamoDB
//!      │                                        │
//!      └── what was sent, what was heard ──▶ judge ◀── states, history
//! ```
//!
//! Writers are futures that stop before each operation on the table; nothing else is concurrent. So a run is decided
//! by its list of choices. A small scenario is run with all of them, in depth-first order ([`every_schedule`]); a
//! storm has them from a seed ([`Storm`]), and where it breaks a law its choices are made fewer and plainer until what
//! is left tells why ([`Losing`]).
//!
//! In scope: writers, faults, schedules, the law in other words than the merge's own. Out of scope: I/O, the command
//! line; `ripple check` is the one in front of this.
//!
//! ```
//! use ripple_check::{Choices, Storm};
//! use ripple_core::store::memory::Memory;
//!
//! let run = Storm::default().run(Memory::new(), Choices::seeded(7));
//! assert_eq!(run.verdict, Ok(()));
//! ```

mod choice;
mod explore;
mod heard;
mod judge;
mod law;
mod scenario;
mod script;
mod storm;
mod table;
mod world;
mod writer;

pub use choice::Choices;
pub use explore::{Losing, every_schedule, storm};
pub use scenario::{Scenario, scenarios};
pub use storm::{Contest, Run, Storm};
pub use table::Table;
