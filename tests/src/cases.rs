//! The cases, by noun.

mod bad_input;
mod changes;
mod errors;
mod history;
mod http;
mod keys;
mod limits;
mod lists;
mod merging;
mod numbers;
mod paging;
mod records;
mod saving;
mod tags;

use crate::Case;

const ALL: &[&[Case]] = &[
    records::CASES,
    saving::CASES,
    merging::CASES,
    history::CASES,
    numbers::CASES,
    limits::CASES,
    lists::CASES,
    paging::CASES,
    changes::CASES,
    tags::CASES,
    keys::CASES,
    http::CASES,
    bad_input::CASES,
    errors::CASES,
];

/// All of them.
pub fn cases() -> impl Iterator<Item = Case> {
    ALL.iter().copied().flatten().copied()
}
