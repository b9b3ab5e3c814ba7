//! Scenarios with lists of every kind, text of several lines, and other forms of requests.

use super::{ADD, GOAL, HOUR, Scenario, scenario};
use crate::model::record::Edit::{
    ClearLabels, Copy, Count, Flip, Hours, Line, Log, Many, Move, Place, Remove, SetBack, TagTwice,
};
use crate::model::script::Setup::{Created, External as Foreign, Lists};
use crate::model::script::{Ask, External, Step};

pub(super) fn scenarios() -> Vec<Scenario> {
    let put = Step::put;
    let patch = |edits: &[_]| Step::asking(Ask::Patch, edits);
    vec![
        scenario("two tick two boxes of one list", Lists, [&[put(&[Flip("done", 0)])], &[put(&[Flip("done", 1)])]]),
        scenario(
            "two tick two boxes of a list inside an object, one by a patch",
            Lists,
            [&[put(&[Flip("boxes", 0)])], &[patch(&[Flip("boxes", 1)])]],
        ),
        scenario("two score at two places", Lists, [&[put(&[Count(0)])], &[patch(&[Count(1)])]]),
        scenario(
            "two tick boxes of one list, one of them the same",
            Lists,
            [&[put(&[Flip("done", 0), Flip("done", 1)])], &[put(&[Flip("done", 2), Flip("done", 1)])]],
        ),
        scenario(
            "two set the same place of a pair, one of them both places",
            Lists,
            [&[put(&[Place("at", 0)])], &[put(&[Place("at", 0), Place("at", 1)])]],
        ),
        scenario(
            "two set places of a list of lists",
            Lists,
            [&[put(&[Place("grid", 0)])], &[put(&[Place("grid", 1)])]],
        ),
        scenario("two add equal entries without an id", Lists, [&[put(&[Hours]).twice()], &[put(&[Hours])]]),
        scenario(
            "two with one API key and two Idempotency-Keys add equal entries without an id",
            Lists,
            [&[put(&[Hours]).keyed()], &[put(&[Hours]).keyed()]],
        )
        .with_one_api_key(),
        scenario("two copy one entry with its id", Lists, [&[put(&[Copy(0)])], &[put(&[Copy(0)])]]),
        scenario(
            "an entry is copied with its id while another moves it, and the request arrives twice",
            Lists,
            [&[put(&[Copy(0)]).twice()], &[put(&[Move(1)])]],
        ),
        scenario(
            "two move entries, one of them removes one, and the request arrives twice",
            Created,
            [&[put(&[ADD])], &[]],
        )
        .then(HOUR, [&[put(&[Move(2)])], &[put(&[Move(1), Remove(2)]).after_reading().twice()]]),
        scenario(
            "an entry without an id that holds a set and a binary is edited",
            Foreign,
            [&[put(&[Log])], &[put(&[GOAL])]],
        ),
        scenario("a set is emptied, and a program adds to it", Foreign, [&[put(&[ClearLabels])]])
            .with_program(&[External::AddLabel]),
        scenario("a set gets one text twice, and a program adds to it", Foreign, [&[put(&[TagTwice])]])
            .with_program(&[External::AddLabel]),
        scenario("two change lines that do not touch", Lists, [&[put(&[Line(0)])], &[put(&[Line(4)])]]),
        scenario(
            "two change one line, one of them another too",
            Lists,
            [&[put(&[Line(0), Line(2)])], &[patch(&[Line(2)])]],
        ),
        scenario(
            "a merge patch without a base removes from a list",
            Created,
            [&[Step::asking(Ask::MergePatch, &[Remove(0)]).without_base()], &[put(&[GOAL])]],
        ),
        scenario(
            "a record gets 120 members and is restored without them",
            Created,
            [&[put(&[Many(120)]), Step::asking(Ask::Restore(1), &[])], &[put(&[GOAL])]],
        ),
        scenario(
            "an edit and its revert wait in a queue, each with what its author saw",
            Created,
            [&[Step::asking(Ask::Edit, &[GOAL]).ahead(), Step::asking(Ask::Edit, &[SetBack]).ahead()], &[put(&[ADD])]],
        ),
        scenario(
            "an entry is added and removed again in a queue while another adds one",
            Created,
            [&[Step::asking(Ask::Edit, &[ADD]).ahead(), Step::asking(Ask::Edit, &[Remove(2)]).ahead()], &[put(&[ADD])]],
        ),
    ]
}
