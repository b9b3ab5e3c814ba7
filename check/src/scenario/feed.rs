//! Scenarios with the feed: it reads the stream while others write.

use super::{ADD, GOAL, HOUR, ISSUE, Scenario, scenario};
use crate::model::record::Edit;
use crate::model::script::External::{Delete, Keep, PutEdited, PutKept, PutNew, Set};
use crate::model::script::Setup::{Created, External};
use crate::model::script::{Ask, Step};

pub(super) fn scenarios() -> Vec<Scenario> {
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario("the feed reads while a program puts twice and one saves", Created, [&[put(&[GOAL])]])
            .with_program(&[PutNew, PutEdited])
            .with_feed(1),
        scenario("the feed reads while a program sets a field and one saves another", External, [&[put(&[ISSUE])]])
            .with_program(&[Set("goal")])
            .with_feed(2),
        scenario("the feed reads while a program deletes the item and one saves", Created, [&[put(&[GOAL])]])
            .with_program(&[PutNew, Delete])
            .with_feed(1),
        scenario("the feed reads while a program puts an old item back and one saves", Created, [&[put(&[GOAL])]])
            .with_program(&[Keep, PutKept])
            .with_feed(1),
        scenario("a program puts over a save, and one restores it with a base", Created, [&[put(&[ADD, GOAL])]])
            .with_program(&[PutNew])
            .with_feed(0)
            .then(HOUR, [&[asking(Ask::Restore(0), &[]).after_reading(), put(&[Edit::Set("note")])]])
            .with_feed(1),
        scenario("a program puts twice, and a fault is anywhere in the feed", External, [&[]])
            .with_program(&[PutNew, PutNew])
            .with_feed(1)
            .with_a_fault(),
        scenario("a program deletes the item, and a fault is anywhere in the feed", Created, [&[]])
            .with_program(&[PutEdited, Delete])
            .with_feed(1)
            .with_a_fault(),
    ]
}
