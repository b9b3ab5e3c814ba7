//! Scenarios with writers who save through ripple: schedules and faults.

use super::{ADD, GOAL, ISSUE, Scenario, scenario};
use crate::model::record::{Edit, Id};
use crate::model::script::Setup::{Absent, Created};
use crate::model::script::{Ask, Step};

/// The scenarios with the most schedules.
pub(super) const GREATEST: [&str; 2] = [
    "a record is deleted, edited, restored and created again",
    "four writers save one version, each with an entry and a field",
];

pub(super) fn scenarios() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario(
            "two writers save twice each, entries and the same field",
            Created,
            [
                &[put(&[ADD, GOAL]), put(&[ADD]).after_reading()],
                &[put(&[ADD, GOAL]), put(&[Edit::Remove(0), GOAL]).after_reading()],
            ],
        ),
        scenario(
            "one entry is changed, changed otherwise and removed",
            Created,
            [
                &[put(&[Edit::Change(0, "text")])],
                &[asking(Ask::Patch, &[Edit::Change(0, "state"), Edit::Tag("tags")])],
                &[put(&[Edit::Remove(0), Edit::Link("docs")])],
            ],
        ),
        scenario(
            "saves that do not say on what they were made",
            Created,
            [
                &[put(&[ADD]).without_base()],
                &[put(&[Edit::Remove(0), ADD, Edit::Set("note")])],
                &[asking(Ask::Patch, &[ADD, GOAL]).without_base()],
            ],
        ),
        scenario(
            GREATEST[0],
            Created,
            [
                &[asking(Ask::Delete, &[])],
                &[put(&[ADD, GOAL]), put(&[ADD]).after_reading()],
                &[asking(Ask::Restore(0), &[]).after_reading(), asking(Ask::Create, &[])],
            ],
        ),
        scenario(
            "a deleted record is brought back while others edit it",
            Created,
            [
                &[asking(Ask::Delete, &[]), asking(Ask::Revive, &[ADD])],
                &[put(&[GOAL]), put(&[Edit::Change(0, "text")])],
            ],
        ),
        scenario(
            "one id is created by three, one of them with an Idempotency-Key",
            Absent,
            [
                &[asking(Ask::Create, &[])],
                &[asking(Ask::Create, &[]).keyed(), put(&[ADD]).after_reading()],
                &[asking(Ask::Create, &[])],
            ],
        ),
        scenario(
            "two writers, a fault anywhere, the same body once more",
            Created,
            [&[put(&[ADD, GOAL])], &[put(&[ADD, GOAL, Edit::Remove(0)])]],
        )
        .with_a_fault(),
        scenario(
            "two writers, a fault anywhere, the same Idempotency-Key once more",
            Created,
            [&[put(&[ADD, GOAL]).keyed()], &[put(&[ADD, GOAL, Edit::Remove(0)]).keyed()]],
        )
        .with_a_fault(),
        scenario(
            "a save that has nothing to do, sent twice with its Idempotency-Key, while another has",
            Created,
            [&[put(&[]).without_base().keyed().twice()], &[put(&[GOAL])]],
        ),
        scenario(
            "a creation and a deletion, a fault anywhere, sent once more with and without a key",
            Absent,
            [&[asking(Ask::Create, &[]).keyed(), asking(Ask::Delete, &[]).keyed()], &[asking(Ask::Create, &[])]],
        )
        .with_a_fault(),
        scenario(
            GREATEST[1],
            Created,
            [
                &[put(&[ADD, GOAL])],
                &[put(&[Edit::Add(0, Id::Writer), ISSUE])],
                &[put(&[Edit::Remove(1), GOAL])],
                &[asking(Ask::Patch, &[Edit::Change(1, "text"), Edit::Drop])],
            ],
        ),
    ]
}
