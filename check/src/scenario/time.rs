//! Scenarios with time: records at rest, expiry of history and idempotency records, and TTL that is late or absent.

use super::{ADD, DAY, GOAL, HOUR, ISSUE, Scenario, scenario};
use crate::model::record::Edit;
use crate::model::script::Setup::Created;
use crate::model::script::{Ask, External, Step};

pub(super) fn scenarios() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario("a record rests for 95 days, then two save other fields", Created, [&[], &[]])
            .then(95 * DAY, [&[put(&[GOAL])], &[put(&[ISSUE])]]),
        scenario("a record rests for 95 days, then two edit one list", Created, [&[], &[]])
            .then(95 * DAY, [&[put(&[Edit::Remove(0), ADD])], &[put(&[ADD])]]),
        scenario("a record rests for 95 days, is deleted, and is restored", Created, [&[], &[]])
            .then(95 * DAY, [&[asking(Ask::Delete, &[])], &[]])
            .then(HOUR, [&[], &[asking(Ask::Restore(-1), &[])]]),
        scenario(
            "a record is saved every 40 days, each time by one who read it the time before",
            Created,
            [&[put(&[GOAL])], &[]],
        )
        .then(40 * DAY, [&[put(&[ADD])], &[put(&[ISSUE]).after_reading()]])
        .then(40 * DAY, [&[put(&[GOAL])], &[put(&[ADD])]]),
        scenario(
            "two rows have expired when a program puts the item, and then it is saved",
            Created,
            [&[put(&[GOAL]), put(&[ADD]), put(&[ISSUE])], &[]],
        )
        .then(95 * DAY, [&[], &[]])
        .with_program(&[External::PutNew])
        .then(HOUR, [&[asking(Ask::Patch, &[GOAL]).after_reading()], &[]]),
        scenario(
            "the rows have expired when a program deletes the item, and then it is created again",
            Created,
            [&[put(&[GOAL]), put(&[ADD])], &[]],
        )
        .then(95 * DAY, [&[], &[]])
        .with_program(&[External::Delete])
        .then(HOUR, [&[asking(Ask::Create, &[])], &[]]),
        scenario(
            "a request comes with its Idempotency-Key again after 30 hours",
            Created,
            [&[asking(Ask::Patch, &[GOAL]).with_key("k")], &[]],
        )
        .then(HOUR, [&[], &[put(&[GOAL]).after_reading()]])
        .then(30 * HOUR, [&[asking(Ask::Repeat, &[]).with_key("k")], &[]]),
        scenario(
            "another request comes with an Idempotency-Key that was used 30 hours ago",
            Created,
            [&[asking(Ask::Patch, &[GOAL]).with_key("k")], &[]],
        )
        .then(30 * HOUR, [&[asking(Ask::Patch, &[ISSUE]).with_key("k")], &[]]),
        scenario("TTL deletes rows while a record that has rested is saved", Created, [&[put(&[GOAL])], &[]])
            .then(95 * DAY, [&[put(&[ADD])], &[put(&[ISSUE])]])
            .with_program(&[External::Expire]),
    ]
}
