//! Tests of the merge: the law's paragraphs as golden cases, and its properties over generated records and schemas.

mod cases;
mod generate;
mod law;
mod lists;
mod properties;
mod rules;
mod sheets;

use std::sync::Arc;

use ripple_core::record::change::Edit;
use ripple_core::record::merge::{Report, Rules};
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::value::{Members, Value};
use ripple_test_kit::members;

/// Returns the members that a client sends after it changed `base` into `mine`.
fn sent(base: &Members, mine: &Members) -> Members {
    let gone = base.keys().filter(|name| !mine.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    mine.clone().into_iter().chain(gone).collect()
}

/// Returns the resource whose file has these `properties` and these `entries` of `x-ripple`.
#[track_caller]
fn resource(properties: &str, entries: &str) -> Arc<Resource> {
    let own = format!(r#"{{"resource":"task","key":"ref","entries":{entries}}}"#);
    let file = format!(r#"{{"title":"Task","x-ripple":{own},"type":"object","properties":{properties}}}"#);
    let resources = Resources::read(&[("task.json", &file)]).unwrap_or_else(|faults| panic!("{file}: {faults:?}"));
    Arc::clone(resources.first())
}

/// Merges an edit without a schema. Panics if it is too large.
#[track_caller]
fn merged(edit: &Edit, theirs: &Members, base: Option<&Members>, seed: &str) -> (Members, Report) {
    edit.merge_into(theirs, base, seed, Rules::default()).expect("it is small")
}

/// Saves the whole record, edited from `base`. Members that `mine` lacks were removed.
#[track_caller]
fn save(base: &Members, theirs: &Members, mine: &Members) -> (Members, Report) {
    save_as("", base, theirs, mine)
}

/// Saves like [`save`], for one of several authors.
#[track_caller]
fn save_as(author: &str, base: &Members, theirs: &Members, mine: &Members) -> (Members, Report) {
    save_by(Rules::default(), author, [base, theirs, mine])
}

/// Saves like [`save_as`], by the rules of a schema.
#[track_caller]
fn save_by(rules: Rules<'_>, author: &str, [base, theirs, mine]: [&Members; 3]) -> (Members, Report) {
    let edit = Edit::Replace(sent(base, mine));
    edit.merge_into(theirs, Some(base), author, rules).expect("it is small")
}
