//! Tests of a table stored in SQL, on a real SQLite: it answers byte for byte as the core over the same records, whatever
//! the records and the query, and nothing that comes late, twice or half makes it wrong.

mod changes;
mod doubt;
mod live;
mod parameters;
mod queries;
mod random;
mod records;
mod rows;
mod storm;

use ripple_core::record::schema::Resources;
use ripple_core::replica::stored::Table;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Source};
use ripple_test_kit::TestClock;
use ripple_test_kit::sqlite::{self, Sqlite};

/// A resource with members of several types, so that some have columns.
fn memory() -> Memory {
    let file =
        br#"{"title": "Project", "x-ripple": {"resource": "prj", "key": "prj_id"}, "type": "object", "properties":
        {"name": {"type": "string"}, "goal": {"type": "string"}, "term": {"type": "number"},
         "tags": {"type": "array", "items": {"type": "string"}}}}"#;
    let resources = Resources::read(&[("prj.json", file)]).expect("a resource");
    // As the edge has it: without the rules.
    let resources = Resources::of_summaries(resources.summaries()).expect("a summary");
    Memory::of(std::sync::Arc::clone(resources.first()))
}

/// A copy of a table.
type Copy<S> = Table<Sqlite, S, TestClock>;

/// Opens a copy, and reads the table until the copy answers.
async fn filled<S: Source>(sql: &Sqlite, store: S, clock: &TestClock) -> Copy<S> {
    let table = Table::open(sql.clone(), store, clock.clone()).expect("opened");
    while table.standing().expect("a state").wish.is_some() {
        table.tend(&mut Capacity::default()).await.expect("read");
    }
    table
}
