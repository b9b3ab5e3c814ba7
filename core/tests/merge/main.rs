//! The merge: the law's paragraphs as golden cases, and its properties over generated records.

mod generate;
mod law;
mod properties;

use ripple_core::record::merge::{Edit, Receipt};
use ripple_core::value::{Members, Value, parse};

/// JSON as a record's attributes.
#[track_caller]
fn members(json: &str) -> Members {
    match parse(json.as_bytes()) {
        Ok(Value::Map(members)) => members,
        other => panic!("{json}: {other:?}"),
    }
}

/// A save of the whole record, made on version 3, which was `base`. Members that `mine` lacks were removed.
fn save(base: &Members, theirs: &Members, mine: &Members) -> (Members, Receipt) {
    let gone = base.keys().filter(|name| !mine.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let sent = mine.clone().into_iter().chain(gone).collect();
    Edit::Replace(sent).merge_into(theirs, Some(base), Some(3))
}
