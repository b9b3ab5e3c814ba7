//! Small scripts of which every schedule is tried.

use crate::script::{Ask, Edit, Foreign, Id, Script, Step};
use crate::storm::Setup;

/// Writers and what each does.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What is tried, in a few words.
    pub name: &'static str,
    pub(crate) setup: Setup,
    pub(crate) scripts: Vec<Script>,
    /// Faults that may befall it, each at every place.
    pub(crate) faults: usize,
}

const ADD: Edit = Edit::Add(9, Id::Ripple);
const GOAL: Edit = Edit::Set("goal");

fn scenario<const N: usize>(name: &'static str, setup: Setup, steps: [&[Step]; N]) -> Scenario {
    let scripts = steps.into_iter().map(|steps| Script::Writer(steps.to_vec())).collect();
    Scenario { name, setup, scripts, faults: 0 }
}

impl Scenario {
    fn with_a_fault(self) -> Scenario {
        Scenario { faults: 1, ..self }
    }

    fn beside_another_writer(mut self, times: usize, what: Foreign) -> Scenario {
        self.scripts.push(Script::Foreign(times, what));
        self
    }
}

/// All of them, the greatest last.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    use Foreign::{Anew, Edited};
    use Setup::{Absent, Created};
    let put = Step::put;
    let asking = Step::asking;
    vec![
        scenario(
            "two writers save twice each, entries and the same field",
            Created,
            [&[put(&[ADD, GOAL]), put(&[ADD]).anew()], &[put(&[ADD, GOAL]), put(&[Edit::Remove(0), GOAL]).anew()]],
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
            "a record is deleted, edited, restored and created anew",
            Created,
            [
                &[asking(Ask::Delete, &[])],
                &[put(&[ADD, GOAL]), put(&[ADD]).anew()],
                &[asking(Ask::Restore(0), &[]).anew(), asking(Ask::Create, &[])],
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
                &[asking(Ask::Create, &[]).keyed(), put(&[ADD]).anew()],
                &[asking(Ask::Create, &[])],
            ],
        ),
        scenario(
            "a record of another writer, saved by two while that one writes on",
            Setup::Foreign,
            [&[put(&[ADD, Edit::Tag("labels")])], &[put(&[Edit::Change(0, "text"), GOAL]).anew()]],
        )
        .beside_another_writer(2, Anew),
        scenario(
            "a record that another writer puts while two save it",
            Created,
            [&[put(&[ADD]), put(&[ADD]).anew()], &[put(&[GOAL, Edit::Remove(0)])]],
        )
        .beside_another_writer(1, Anew),
        scenario(
            "a record of another writer, saved by two while that one edits it",
            Setup::Foreign,
            [&[put(&[ADD])], &[put(&[Edit::Remove(0)])]],
        )
        .beside_another_writer(2, Edited),
        scenario(
            "a record of another writer is deleted and created anew while that one puts it again",
            Setup::Foreign,
            [&[asking(Ask::Delete, &[]), asking(Ask::Create, &[])], &[put(&[Edit::Set("note")])]],
        )
        .beside_another_writer(2, Anew),
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
            "four writers save one version, each with an entry and a field",
            Created,
            [
                &[put(&[ADD, GOAL])],
                &[put(&[Edit::Add(0, Id::Writer), Edit::Set("issue")])],
                &[put(&[Edit::Remove(1), GOAL])],
                &[asking(Ask::Patch, &[Edit::Change(1, "text"), Edit::Drop])],
            ],
        ),
    ]
}
