//! # ripple-check
//!
//! The laws of saving, checked. No edit is lost. A merged list holds every added entry once. ripple keeps attributes
//! that it does not know. Versions only go up. The history shows every state as it was.
//!
//! ```text
//!  choices ──▶ scheduler ──▶ the next participant, and the fate of each operation
//!                 │
//!   clients ── Api of ripple-core ── link ──▶ table: in memory, or any DynamoDB
//!      │                                        ▲            │
//!      │                        other programs ─┴─ TTL       │
//!      └── requests, responses ─────────────▶ judge ◀── states, history
//! ```
//!
//! Each participant is a future that stops before each operation on the table. Nothing else is concurrent, so a list of
//! choices determines a run. A small scenario runs with all lists of choices, in depth-first order
//! ([`every_schedule`]). A storm takes its choices from a seed ([`Storm`]). If a run breaks a law, its choices are
//! shrunk until the rest shows the reason ([`Counterexample`]).
//!
//! * `model` describes the record, its edits, the scripts and the transcript. Only `model::item` knows the layout of an
//!   item.
//! * `sim` runs scripts: scheduler, faults, clients, other programs, time.
//! * `judge` formulates the laws independently of the merge, and compares values only.
//!
//! In scope: writers, other programs, time, faults, schedules, laws. Out of scope: I/O and the command line;
//! `ripple check` is the front end.
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

#[cfg(test)]
mod replica;

pub use explore::{Counterexample, every_schedule, storm};
pub use judge::{Broken, Law};
pub use scenario::{Scenario, pending_scenarios, scenarios};
pub use sim::choices::Choices;
pub use sim::run::{Contest, Run};
pub use sim::store::Table;
pub use sim::storm::{Breadth, Storm};
