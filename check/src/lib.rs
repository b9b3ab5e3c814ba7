//! # ripple-check
//!
//! The laws of saving, checked: no edit is lost, lists are merged and every addition is in them once, what ripple does
//! not know is kept, version numbers only go up, and the history tells it all as it was.
//!
//! ```text
//!  choices ──▶ scheduler ──▶ who goes on, and what becomes of each operation
//!                 │
//!   clients ── Api of ripple-core ── link ──▶ table: in memory, or any DynamoDB
//!      │                                        ▲            │
//!      │                        other programs ─┴─ TTL       │
//!      └── what was sent, what was heard ──▶ judge ◀── states, history
//! ```
//!
//! Participants are futures that stop before each operation on the table; nothing else is concurrent. So a run is decided
//! by its list of choices. A small scenario is run with all of them, in depth-first order ([`every_schedule`]). A storm
//! has them from a seed ([`Storm`]). Where a run breaks a law, its choices are made fewer and plainer until what is left
//! tells why ([`Counterexample`]).
//!
//! * `model` describes the record, its edits, the scripts and the transcript. Only `model::item` knows how an item is
//!   laid out.
//! * `sim` runs scripts: scheduler, faults, clients, programs beside ripple, time.
//! * `judge` knows the laws in other words than the merge's own, and compares values only.
//!
//! In scope: writers, other programs, time, faults, schedules, laws. Out of scope: I/O, the command line; `ripple check`
//! is the one in front of this.
//!
//! ```
//! use ripple_check::{Choices, Storm};
//! use ripple_core::store::memory::Memory;
//!
//! let run = Storm::default().run(Memory::new(), Choices::seeded(7));
//! assert_eq!(run.verdict, Ok(()));
//! ```

mod explore;
mod judge;
mod model;
mod scenario;
mod sim;

pub use explore::{Counterexample, every_schedule, storm};
pub use judge::{Broken, Law};
pub use scenario::{Scenario, pending_scenarios, scenarios};
pub use sim::choices::Choices;
pub use sim::run::{Breadth, Contest, Run, Storm};
pub use sim::store::Table;
