//! Tests of the merge: the law's paragraphs as golden cases, and its properties over generated records.

mod cases;
mod generate;
mod law;
mod lists;
mod properties;

use ripple_core::record::change::Edit;
use ripple_core::record::merge::Report;
use ripple_core::value::{Members, Value, parse};

/// Parses JSON as a record's attributes.
#[track_caller]
fn members(json: &str) -> Members {
    match parse(json.as_bytes()) {
        Ok(Value::Map(members)) => members,
        other => panic!("{json}: {other:?}"),
    }
}

/// Returns the members that a client sends after it changed `base` into `mine`.
fn sent(base: &Members, mine: &Members) -> Members {
    let gone = base.keys().filter(|name| !mine.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    mine.clone().into_iter().chain(gone).collect()
}

/// Merges an edit. Panics if it is too large.
#[track_caller]
fn merged(edit: &Edit, theirs: &Members, base: Option<&Members>, seed: &str) -> (Members, Report) {
    edit.merge_into(theirs, base, seed).expect("it is small")
}

/// Saves the whole record, edited from `base`. Members that `mine` lacks were removed.
#[track_caller]
fn save(base: &Members, theirs: &Members, mine: &Members) -> (Members, Report) {
    save_as("", base, theirs, mine)
}

/// Saves like [`save`], for one of several authors.
#[track_caller]
fn save_as(author: &str, base: &Members, theirs: &Members, mine: &Members) -> (Members, Report) {
    merged(&Edit::Replace(sent(base, mine)), theirs, Some(base), author)
}
