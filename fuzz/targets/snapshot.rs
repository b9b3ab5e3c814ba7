//! Fuzzes a snapshot with changes and full reads, in any order, late and twice.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ripple_core::query::{Listing, Query, Row};
use ripple_core::record::schema::Resource;
use ripple_core::replica::snapshot::Snapshot;
use ripple_core::{Record, RecordId, Timestamp};
use ripple_fuzz::values::Attributes;

#[derive(Arbitrary, Debug)]
enum Step {
    Apply(State, u8),
    /// A full read: the records, when the read began, and how long it took.
    Fill(Vec<State>, u8, u8),
    /// A request for the whole list, which renders it.
    Render,
}

#[derive(Debug)]
struct State(Record);

impl<'a> Arbitrary<'a> for State {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<State> {
        let deleted = u.ratio(1, 4)?;
        let id = RecordId::stored((*u.choose(&["a", "b", "c", "d", "É /"])?).to_owned());
        let attributes = if deleted { Default::default() } else { u.arbitrary::<Attributes>()?.0 };
        Ok(State(Record {
            version: u.int_in_range(1..=5)?,
            updated_at: u.arbitrary::<Option<u8>>()?.map(|at| Timestamp(at.into())),
            updated_by: u.arbitrary()?,
            tombstone: deleted.then_some(Timestamp(1)),
            ..Record::new(id, attributes)
        }))
    }
}

/// Returns a time in steps of ten seconds, of which three are the overlap.
fn at(moment: u8) -> Timestamp {
    Timestamp(u64::from(moment) * 10_000)
}

fuzz_target!(|steps: Vec<Step>| {
    let mut snapshot = Snapshot::new(Resource::built_in());
    for step in steps {
        match step {
            Step::Apply(State(project), moment) => {
                let known = snapshot.get(&project.id).cloned();
                let news = snapshot.apply(project.clone(), at(moment));
                let newer = |known: &Record| {
                    known.version < project.version || known.version == project.version && *known != project
                };
                assert_eq!(news, known.as_ref().is_none_or(newer), "an older one replaces nothing");
                assert!(!news || snapshot.get(&project.id) == Some(&project));
            }
            Step::Fill(states, began, took) => {
                let read: Vec<Record> = states.into_iter().map(|State(project)| project).collect();
                let ids: Vec<RecordId> = read.iter().map(|project| project.id.clone()).collect();
                snapshot.fill(read, at(began), at(began.saturating_add(took)));
                assert!(ids.iter().all(|id| snapshot.get(id).is_some()), "what was read is known");
            }
            Step::Render => drop(snapshot.whole_page()),
        }
        sound(&mut snapshot);
    }
});

/// Checks that an updated snapshot equals a new one.
fn sound(snapshot: &mut Snapshot) {
    let projects: Vec<Record> = snapshot.records().cloned().collect();
    let resource = Resource::built_in();
    let rows: Vec<Row> = projects
        .iter()
        .filter(|project| !project.is_deleted())
        .cloned()
        .map(|record| Row::new(record, &resource))
        .collect();
    assert_eq!(snapshot.memory(), rows.iter().map(Row::memory).sum::<usize>());

    for text in ["", "q=x", "id=i", "sort=-version,a&limit=2", "fields=a,b"] {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let query = Query::parse(&pairs, &resource).expect("the target's own query");
        let mut listing = Listing::new(&query);
        projects.iter().for_each(|project| listing.add(project));
        let (expected, page) = (listing.finish(), snapshot.list(&query));
        assert_eq!((page.body, page.etag, page.next), (expected.body, expected.etag, expected.next), "{text}");
    }
}
