//! Helpers for tests of the store.

use ripple_core::record::history::{Entry, Row};
use ripple_core::record::merge::Rules;
use ripple_core::store::{Capacity, Commit, Consistency, IdempotencyRecord, Store, Write};
use ripple_core::value::{Members, Number, Value};
use ripple_core::{Record, RecordId, Timestamp};

use crate::engine;

pub(crate) fn id(text: &str) -> RecordId {
    RecordId::parse(text).expect("a valid id")
}

pub(crate) fn project(name: &str, version: u64, at: u64, attributes: Members) -> Record {
    Record::new(id(name), attributes).written(None, version, Timestamp(at), "test")
}

pub(crate) fn attributes(pairs: &[(&str, Value)]) -> Members {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn every_type() -> Members {
    let number = |text: &str| Number::parse(text).expect("a number");
    attributes(&[
        ("s", "text".into()),
        ("empty", "".into()),
        ("n", Value::Number(number("12345678901234567890123456789012345678"))),
        ("tiny", Value::Number(number("-1e-130"))),
        ("b", Value::Binary(vec![0, 255])),
        ("bool", Value::Bool(false)),
        ("null", Value::Null),
        ("l", Value::List(vec![Value::Null, Value::List(vec![]), Value::Strings(["x".to_owned()].into())])),
        ("m", Value::Map(attributes(&[("ü", Value::Map(Members::new()))]))),
        ("ss", Value::Strings(["b".to_owned(), "a".to_owned()].into())),
        ("ns", Value::Numbers([number("1"), number("-2.5"), number("10")].into())),
        ("bs", Value::Binaries([vec![1], vec![2, 3]].into())),
    ])
}

pub(crate) async fn commit(store: &impl Store, before: Option<&Record>, after: &Record) -> Commit {
    commit_with(store, before, after, engine::token(), None, &mut Capacity::default()).await
}

pub(crate) async fn commit_with(
    store: &impl Store,
    before: Option<&Record>,
    after: &Record,
    token: [u8; 16],
    claim: Option<&IdempotencyRecord>,
    cost: &mut Capacity,
) -> Commit {
    let row = Row::of_write(before, after, before.map(|before| before.version), Rules::default());
    let now = after.updated_at.unwrap_or_default();
    let write = Write { before, after, rows: &[row], claim, now, token };
    store.commit(&write, cost).await.expect("the store answers")
}

pub(crate) async fn history(store: &impl Store, name: &str, before: Option<u64>, limit: usize) -> Vec<Entry> {
    store.entries(&id(name), before, limit, &mut Capacity::default()).await.expect("the store answers")
}

pub(crate) async fn state(store: &impl Store, name: &str, number: u64) -> Option<Record> {
    store.state(&id(name), number, &mut Capacity::default()).await.expect("the store answers")
}

pub(crate) async fn read(store: &impl Store, name: &str) -> Option<Record> {
    store.get(&id(name), Consistency::Strong, &mut Capacity::default()).await.expect("the store answers")
}
