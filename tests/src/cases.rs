//! The cases, by noun.

mod authors;
mod bad_input;
mod batches;
mod changes;
mod conditions;
mod deleting;
mod edit_input;
mod edits;
mod errors;
mod history;
mod http;
mod ids;
mod keys;
mod limits;
mod list_merging;
mod lists;
mod live;
mod merging;
mod numbers;
mod paging;
mod patching;
mod records;
mod resources;
mod retries;
mod saving;
mod sheets;
mod tags;
mod tasks;
mod text_merging;
mod trash;

use crate::Case;

const ALL: &[&[Case]] = &[
    records::CASES,
    ids::CASES,
    saving::CASES,
    patching::CASES,
    edits::CASES,
    edit_input::CASES,
    deleting::CASES,
    merging::CASES,
    list_merging::CASES,
    text_merging::CASES,
    retries::CASES,
    batches::CASES,
    sheets::CASES,
    history::CASES,
    authors::CASES,
    numbers::CASES,
    limits::CASES,
    lists::CASES,
    conditions::CASES,
    paging::CASES,
    trash::CASES,
    changes::CASES,
    live::CASES,
    tags::CASES,
    keys::CASES,
    http::CASES,
    bad_input::CASES,
    errors::CASES,
    tasks::CASES,
    resources::CASES,
];

/// Returns all cases.
pub fn cases() -> impl Iterator<Item = Case> {
    ALL.iter().copied().flatten().copied()
}
