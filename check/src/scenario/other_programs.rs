//! Scenarios with other programs that write to the table.

use super::{ADD, DAY, GOAL, HOUR, ISSUE, Scenario, scenario};
use crate::model::record::Edit;
use crate::model::script::External::{
    Delete, Keep, PutCounted, PutEdited, PutKept, PutKeptEdited, PutNamesakes, PutNew, Set, SetAgreed,
};
use crate::model::script::Setup::{Copied, Created, External};
use crate::model::script::{Ask, Step};

pub(super) fn scenarios() -> Vec<Scenario> {
    [whole_items(), single_attributes(), kept_items(), deletions()].concat()
}

/// Programs that put whole items of their own.
fn whole_items() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario(
            "a record of another program, saved by two while that program puts it again",
            External,
            [&[put(&[ADD, Edit::Tag("labels")])], &[put(&[Edit::Change(0, "text"), GOAL]).after_reading()]],
        )
        .with_program(&[PutNew, PutNew]),
        scenario(
            "a record that another program puts while two save it",
            Created,
            [&[put(&[ADD]), put(&[ADD]).after_reading()], &[put(&[GOAL, Edit::Remove(0)])]],
        )
        .with_program(&[PutNew]),
        scenario(
            "a record of another program, saved by two while that program edits it",
            External,
            [&[put(&[ADD])], &[put(&[Edit::Remove(0)])]],
        )
        .with_program(&[PutEdited, PutEdited]),
        scenario(
            "a record of another program is deleted and created again while that program puts it again",
            External,
            [&[asking(Ask::Delete, &[]), asking(Ask::Create, &[])], &[put(&[Edit::Set("note")])]],
        )
        .with_program(&[PutNew, PutNew]),
        scenario(
            "two external states one after the other, a client on each",
            External,
            [&[put(&[ADD])], &[put(&[ISSUE])]],
        )
        .then(HOUR, [&[], &[]])
        .with_program(&[PutEdited])
        .then(HOUR, [&[put(&[GOAL]), put(&[ADD])], &[put(&[Edit::Set("note")]).after_reading()]]),
        scenario("a program counts versions of its own", External, [&[], &[]])
            .then(HOUR, [&[], &[]])
            .with_program(&[PutCounted(5), PutCounted(6)])
            .then(HOUR, [&[put(&[ADD]).after_reading()], &[]])
            .then(HOUR, [&[], &[]])
            .with_program(&[PutCounted(8)])
            .then(HOUR, [&[put(&[ISSUE]).after_reading()], &[put(&[Edit::Set("note")])]]),
        scenario("a program has attributes that are named like ripple's", Created, [&[], &[]])
            .with_program(&[PutNamesakes])
            .then(HOUR, [&[put(&[ISSUE]).after_reading()], &[put(&[ADD]).after_reading()]])
            .then(100 * DAY, [&[], &[put(&[ADD]).after_reading()]]),
    ]
}

/// Programs that set one attribute and leave all others.
fn single_attributes() -> Vec<Scenario> {
    let put = Step::put;
    vec![
        scenario("a program sets one field; two read that and save other fields", Created, [&[], &[]])
            .with_program(&[Set("goal")])
            .then(HOUR, [&[put(&[GOAL]).after_reading()], &[put(&[ISSUE]).after_reading()]]),
        scenario(
            "a program sets one field while two save",
            Created,
            [&[put(&[ISSUE]), put(&[ADD])], &[put(&[Edit::Set("note")]).after_reading()]],
        )
        .with_program(&[Set("goal")]),
        scenario("a program adds a field while two save", Created, [&[put(&[ISSUE]), put(&[ADD])], &[put(&[GOAL])]])
            .with_program(&[Set("remark")]),
        scenario(
            "a save asks for what a program has set, and the program puts another item",
            Created,
            [&[put(&[Edit::Agree])], &[]],
        )
        .with_program(&[SetAgreed, PutNew]),
        scenario(
            "two ask for what a program has set while it sets another field",
            External,
            [&[put(&[Edit::Agree])], &[put(&[Edit::Agree, ADD])]],
        )
        .with_program(&[SetAgreed, Set("goal")]),
    ]
}

/// Programs that put back an item that they have read, with ripple's attributes.
fn kept_items() -> Vec<Scenario> {
    let put = Step::put;
    vec![
        scenario(
            "a program puts the item back that it has read while one saves",
            Created,
            [&[put(&[GOAL]), put(&[ADD])], &[put(&[ISSUE])]],
        )
        .with_program(&[Keep, PutKept]),
        scenario(
            "a program puts an old item back, and two save after that",
            Created,
            [&[put(&[GOAL]), put(&[ADD])], &[]],
        )
        .with_program(&[Keep, PutKept])
        .then(HOUR, [&[put(&[ISSUE]).after_reading()], &[put(&[ADD]).after_reading()]]),
        scenario(
            "a program puts the item back that it has read, edited, while two save",
            Created,
            [&[put(&[GOAL])], &[put(&[ISSUE]), put(&[ADD])]],
        )
        .with_program(&[Keep, PutKeptEdited]),
        scenario(
            "a record that was copied with ripple's attributes is saved by two",
            Copied,
            [&[put(&[GOAL])], &[put(&[ISSUE])]],
        ),
    ]
}

/// Programs that delete the item, or write to a tombstone.
fn deletions() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario(
            "a program deletes the item while two save it",
            Created,
            [&[put(&[GOAL])], &[put(&[ADD]), asking(Ask::Create, &[])]],
        )
        .with_program(&[Delete]),
        scenario(
            "a record is deleted, and a program sets a field of the tombstone",
            Created,
            [&[asking(Ask::Delete, &[])], &[]],
        )
        .with_program(&[Set("goal")])
        .then(HOUR, [&[], &[put(&[ADD]).after_reading()]])
        .then(98 * DAY, [&[], &[put(&[GOAL]).after_reading()]]),
        scenario(
            "a record is deleted while a program edits and puts it",
            Created,
            [&[asking(Ask::Delete, &[])], &[put(&[ADD])]],
        )
        .with_program(&[PutEdited]),
    ]
}
