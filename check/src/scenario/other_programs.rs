//! Programs that write to the table beside ripple.

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
            [&[put(&[ADD, Edit::Tag("labels")])], &[put(&[Edit::Change(0, "text"), GOAL]).anew()]],
        )
        .beside(&[PutNew, PutNew]),
        scenario(
            "a record that another program puts while two save it",
            Created,
            [&[put(&[ADD]), put(&[ADD]).anew()], &[put(&[GOAL, Edit::Remove(0)])]],
        )
        .beside(&[PutNew]),
        scenario(
            "a record of another program, saved by two while that program edits it",
            External,
            [&[put(&[ADD])], &[put(&[Edit::Remove(0)])]],
        )
        .beside(&[PutEdited, PutEdited]),
        scenario(
            "a record of another program is deleted and created anew while that program puts it again",
            External,
            [&[asking(Ask::Delete, &[]), asking(Ask::Create, &[])], &[put(&[Edit::Set("note")])]],
        )
        .beside(&[PutNew, PutNew]),
        scenario(
            "two external states one after the other, a client on each",
            External,
            [&[put(&[ADD])], &[put(&[ISSUE])]],
        )
        .then(HOUR, [&[], &[]])
        .beside(&[PutEdited])
        .then(HOUR, [&[put(&[GOAL]), put(&[ADD])], &[put(&[Edit::Set("note")]).anew()]]),
        scenario("a program counts versions of its own", External, [&[], &[]])
            .then(HOUR, [&[], &[]])
            .beside(&[PutCounted(5), PutCounted(6)])
            .then(HOUR, [&[put(&[ADD]).anew()], &[]])
            .then(HOUR, [&[], &[]])
            .beside(&[PutCounted(8)])
            .then(HOUR, [&[put(&[ISSUE]).anew()], &[put(&[Edit::Set("note")])]]),
        scenario("a program has attributes that are named like ripple's", Created, [&[], &[]])
            .beside(&[PutNamesakes])
            .then(HOUR, [&[put(&[ISSUE]).anew()], &[put(&[ADD]).anew()]])
            .then(100 * DAY, [&[], &[put(&[ADD]).anew()]]),
    ]
}

/// Programs that set one attribute and leave all others.
fn single_attributes() -> Vec<Scenario> {
    let put = Step::put;
    vec![
        scenario("a program sets one field; two read that and save other fields", Created, [&[], &[]])
            .beside(&[Set("goal")])
            .then(HOUR, [&[put(&[GOAL]).anew()], &[put(&[ISSUE]).anew()]]),
        scenario(
            "a program sets one field while two save",
            Created,
            [&[put(&[ISSUE]), put(&[ADD])], &[put(&[Edit::Set("note")]).anew()]],
        )
        .beside(&[Set("goal")]),
        scenario("a program adds a field while two save", Created, [&[put(&[ISSUE]), put(&[ADD])], &[put(&[GOAL])]])
            .beside(&[Set("remark")]),
        scenario(
            "a save asks for what a program has set, and the program puts another item",
            Created,
            [&[put(&[Edit::Agree])], &[]],
        )
        .beside(&[SetAgreed, PutNew]),
        scenario(
            "two ask for what a program has set while it sets another field",
            External,
            [&[put(&[Edit::Agree])], &[put(&[Edit::Agree, ADD])]],
        )
        .beside(&[SetAgreed, Set("goal")]),
    ]
}

/// Programs that put an item back that they have read, ripple's attributes included.
fn kept_items() -> Vec<Scenario> {
    let put = Step::put;
    vec![
        scenario(
            "a program puts the item back that it has read while one saves",
            Created,
            [&[put(&[GOAL]), put(&[ADD])], &[put(&[ISSUE])]],
        )
        .beside(&[Keep, PutKept]),
        scenario(
            "a program puts an old item back, and two save after that",
            Created,
            [&[put(&[GOAL]), put(&[ADD])], &[]],
        )
        .beside(&[Keep, PutKept])
        .then(HOUR, [&[put(&[ISSUE]).anew()], &[put(&[ADD]).anew()]]),
        scenario(
            "a program puts the item back that it has read, edited, while two save",
            Created,
            [&[put(&[GOAL])], &[put(&[ISSUE]), put(&[ADD])]],
        )
        .beside(&[Keep, PutKeptEdited]),
        scenario(
            "a record that was copied with ripple's attributes is saved by two",
            Copied,
            [&[put(&[GOAL])], &[put(&[ISSUE])]],
        ),
    ]
}

/// Programs that delete the item, or write onto a tombstone.
fn deletions() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario(
            "a program deletes the item while two save it",
            Created,
            [&[put(&[GOAL])], &[put(&[ADD]), asking(Ask::Create, &[])]],
        )
        .beside(&[Delete]),
        scenario(
            "a record is deleted, and a program sets a field of the tombstone",
            Created,
            [&[asking(Ask::Delete, &[])], &[]],
        )
        .beside(&[Set("goal")])
        .then(HOUR, [&[], &[put(&[ADD]).anew()]])
        .then(98 * DAY, [&[], &[put(&[GOAL]).anew()]]),
        scenario(
            "a record is deleted while a program edits and puts it",
            Created,
            [&[asking(Ask::Delete, &[])], &[put(&[ADD])]],
        )
        .beside(&[PutEdited]),
    ]
}
