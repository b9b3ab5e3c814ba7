//! Batches: one transaction of several records, and the time that a batch of single saves may take.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ripple_core::auth::{Caller, Scope};
use ripple_core::random::Random;
use ripple_core::record::change::Edit;
use ripple_core::record::decide::Change;
use ripple_core::record::history::Row;
use ripple_core::record::merge::Rules;
use ripple_core::record::outcome::{Outcome, OutcomeKind};
use ripple_core::record::schema::Resource;
use ripple_core::service::batch::{BatchError, Requested, save_all};
use ripple_core::service::{Author, Context, Metrics, Saved};
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Batch, BatchCommit, Capacity, Commit, IdempotencyKey, IdempotencyRecord, Store, Write};
use ripple_core::value::Members;
use ripple_core::{Api, Record, RequestContext, Timestamp, limits};

use crate::beside::Beside;
use crate::engine;
use crate::table::{attributes, commit, history, id, project, read, state};

on_both! {
    the_writes_of_a_batch_are_made_together
    a_batch_with_one_write_that_cannot_be_made_is_not_made
    a_batch_whose_own_claim_exists_is_not_made
    changes_of_several_records_are_one_transaction
    a_batch_starts_from_the_state_of_another_program
}

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn x(value: &str) -> Members {
    attributes(&[("x", value.into())])
}

async fn send(store: &impl Store, writes: &[(Option<&Record>, &Record)], claims: &[IdempotencyRecord]) -> BatchCommit {
    let row = |(before, after): &(Option<&Record>, &Record)| [Row::of_write(*before, after, None, Rules::default())];
    let rows: Vec<[Row; 1]> = writes.iter().map(row).collect();
    let token = engine::token();
    let mut parts: Vec<Write<'_>> = Vec::new();
    for ((before, after), rows) in writes.iter().zip(&rows) {
        parts.push(Write { before: *before, after, rows, claim: None, now: Timestamp(10), token });
    }
    let batch = Batch { writes: &parts, claims, now: Timestamp(10), token };
    store.commit_all(&batch, &mut Capacity::default()).await.expect("the store answers")
}

fn claim() -> IdempotencyRecord {
    IdempotencyRecord {
        key: "k".to_owned(),
        request: "r".to_owned(),
        id: id("a"),
        version: 0,
        outcome: Outcome::of(OutcomeKind::Unchanged),
        expires: Timestamp(100_000),
    }
}

async fn the_writes_of_a_batch_are_made_together(store: &impl Store, _: &impl Beside) {
    let (a, b) = (project("a", 1, 10, x("1")), project("b", 1, 10, x("2")));
    assert_eq!(send(store, &[(None, &a), (None, &b)], &[claim()]).await, BatchCommit::Done);
    assert_eq!((read(store, "a").await, read(store, "b").await), (Some(a.clone()), Some(b)));
    assert_eq!(state(store, "a", 1).await, Some(a));
    let found = store.claim("k", Timestamp(10), &mut Capacity::default()).await.expect("the store answers");
    assert_eq!(found, Some(claim()));
}

async fn a_batch_with_one_write_that_cannot_be_made_is_not_made(store: &impl Store, _: &impl Beside) {
    let there = project("b", 1, 10, x("2"));
    commit(store, None, &there).await;
    let (a, b) = (project("a", 1, 10, x("1")), project("b", 1, 11, x("3")));
    let refused = BatchCommit::Refused(1, Commit::Conflict(Some(there.clone())));
    assert_eq!(send(store, &[(None, &a), (None, &b)], &[claim()]).await, refused);
    // Row 1 of `b` exists, so another program has deleted the record.
    let (before, late) = (project("b", 1, 10, x("2")), project("b", 1, 12, x("3")));
    let taken = send(store, &[(None, &a), (Some(&before), &late)], &[]).await;
    assert_eq!(taken, BatchCommit::Refused(1, Commit::NumberTaken));
    assert_eq!((read(store, "a").await, state(store, "a", 1).await), (None, None));
    assert_eq!(read(store, "b").await, Some(there));
    assert_eq!(store.claim("k", Timestamp(10), &mut Capacity::default()).await.expect("the store answers"), None);
}

async fn a_batch_whose_own_claim_exists_is_not_made(store: &impl Store, _: &impl Beside) {
    store.remember(&claim(), Timestamp(10), &mut Capacity::default()).await.expect("the store answers");
    let a = project("a", 1, 10, x("1"));
    assert_eq!(send(store, &[(None, &a)], &[claim()]).await, BatchCommit::Claimed);
    assert_eq!(read(store, "a").await, None);
}

async fn save(
    store: &impl Store,
    key: Option<&IdempotencyKey>,
    batch: &[Requested<()>],
) -> Result<Vec<Saved>, BatchError> {
    let mut context = Context {
        store,
        author: Author { name: "Ann", person: None, lineage: "ann" },
        now: NOW,
        random: &mut Random::new(engine::token().repeat(2).try_into().expect("32 bytes")),
        idempotency: key,
        session: &mut Session::default(),
        metrics: &mut Metrics::default(),
    };
    save_all(&mut context, batch).await
}

fn requested(name: &str, change: Change) -> Requested<()> {
    Requested { id: id(name), change, expected: () }
}

fn edit(value: &str, base: i64) -> Change {
    Change::edit(Edit::Replace(x(value)), Some(base), false, &Resource::built_in().schema)
}

async fn changes_of_several_records_are_one_transaction(store: &impl Store, _: &impl Beside) {
    save(store, None, &[requested("b", Change::Import(x("1"))), requested("c", Change::Import(x("1")))])
        .await
        .expect("made");
    let batch = [
        requested("a", Change::Import(x("1"))),
        requested("b", edit("2", 1)),
        requested("c", Change::Delete),
        requested("b2", Change::Delete),
    ];
    let key = IdempotencyKey { key: "k".to_owned(), request: "r".to_owned(), lives: limits::CLAIM };
    let refused = save(store, Some(&key), &batch).await.expect_err("there is no b2");
    assert!(matches!(refused, BatchError::At(3, _)), "{refused}");
    assert_eq!((read(store, "a").await, history(store, "b", None, 9).await.len()), (None, 1));

    let first = save(store, Some(&key), &batch[..3]).await.expect("made");
    let versions = |saved: &[Saved]| saved.iter().map(|saved| saved.record.version).collect::<Vec<_>>();
    assert_eq!(versions(&first), [1, 2, 2]);
    assert!(read(store, "c").await.expect("a tombstone").is_deleted());
    let again = save(store, Some(&key), &batch[..3]).await.expect("made before");
    assert_eq!(versions(&again), [1, 2, 2]);
    assert_eq!(history(store, "b", None, 9).await.len(), 2);
}

async fn a_batch_starts_from_the_state_of_another_program(store: &impl Store, beside: &impl Beside) {
    save(store, None, &[requested("a", Change::Import(x("1"))), requested("b", Change::Import(x("1")))])
        .await
        .expect("made");
    beside.set("a", "y", "theirs").await;
    let saved = save(store, None, &[requested("a", edit("2", 1)), requested("b", edit("2", 1))]).await.expect("made");
    assert_eq!(saved.iter().map(|saved| saved.record.version).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(saved[0].record.attributes, attributes(&[("x", "2".into()), ("y", "theirs".into())]));
    assert_eq!(history(store, "a", None, 9).await.len(), 3);
}

/// A batch stops when the time for one request is over. Sent again, it makes the rest.
#[tokio::test]
async fn a_batch_that_takes_too_long_says_what_was_not_tried() {
    let store = Memory::new();
    let api = Api::new(store.clone());
    let record = |place: usize| {
        format!(
            r#"{{"op":"create","body":{{"prj_id":"p{place}","name":"n","goal":"g","issue":"i","description":"d","term":1,
                "term_unit":"week","create_date":"2026-03-01"}}}}"#
        )
    };
    let body = format!(r#"{{"operations":[{}]}}"#, (0..8).map(record).collect::<Vec<_>>().join(","));
    let mut told = Vec::new();
    for attempt in 0..2 {
        let now = NOW.after(Duration::from_secs(60 * attempt));
        store.set_time(now, Duration::from_secs(4));
        let request = Request::post("/prj/_batch").header("idempotency-key", "k").body(Bytes::from(body.clone()));
        let caller = Caller {
            key_id: "key".to_owned(),
            lineage: "key".to_owned(),
            name: "key".to_owned(),
            author: None,
            scopes: vec![Scope::Write].into(),
        };
        let context = RequestContext { now, random: [7; 32], caller: Some(caller) };
        let response = api.answer(request.expect("valid"), context).await;
        let answer: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        let results = answer["results"].as_array().expect("results").clone();
        told.push(results.iter().map(|result| result["status"].as_u64().expect("a number")).collect::<Vec<_>>());
        if attempt == 0 {
            assert_eq!(results[7]["problem"]["code"], "not_tried");
        }
    }
    // A commit takes 4 s here: after the fifth one, 18 s are over.
    assert_eq!(told, [[201, 201, 201, 201, 201, 503, 503, 503], [201; 8]]);
    assert_eq!(history(&store, "p0", None, 9).await.len(), 1);
}
