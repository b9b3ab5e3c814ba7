//! Tests of API keys in their table.

use ripple_core::Timestamp;
use ripple_core::auth::{KeyRecord, Scope, Usage};
use ripple_core::store::{Capacity, Keys as _, Store as _};
use ripple_test_kit::{api_key, key_record};

use crate::engine::Engine;

#[tokio::test]
async fn keys_are_added_listed_and_revoked() {
    let engine = Engine::start().await;
    let key = api_key(5);
    let record = KeyRecord { expires: Some(9), ..key_record(&key, "reader", &[Scope::Read]) };
    engine.store.add_key(&record).await.expect("added");
    engine.store.add_key(&record).await.expect_err("there is one");
    assert_eq!(engine.store.list_keys().await.expect("listed"), std::slice::from_ref(&record));
    engine.store.revoke_key(&record, Timestamp(5)).await.expect("revoked");
    engine.store.revoke_key(&record, Timestamp(6)).await.expect("revoked again");
    engine.store.expire_key(&record, Timestamp(12)).await.expect("earlier anyway");
    engine.store.expire_key(&record, Timestamp(7)).await.expect("set");
    let revoked = KeyRecord { revoked: Some(5), expires: Some(7), ..record };
    let found = engine.store.key(&key.hash(), &mut Capacity::default()).await.expect("looked up");
    assert_eq!(found, Some(revoked));
}

#[tokio::test]
async fn the_use_of_a_key_is_counted_by_days() {
    let engine = Engine::start().await;
    let (key, gone) = (api_key(5), api_key(6));
    let record = key_record(&key, "reader", &[Scope::Read]);
    engine.store.add_key(&record).await.expect("added");
    let usage = |reads, writes| Usage { reads, writes };
    let day = 24 * 60 * 60 * 1000;
    for (now, counted, expected) in [
        (9 * day, usage(3, 1), [usage(3, 1), usage(0, 0)]),
        (9 * day + 7, usage(2, 0), [usage(5, 1), usage(0, 0)]),
        (10 * day, usage(0, 4), [usage(0, 4), usage(5, 1)]),
        (13 * day, usage(1, 1), [usage(1, 1), usage(0, 0)]),
    ] {
        let mut cost = Capacity::default();
        engine.store.key_used(&key.hash(), counted, Timestamp(now), &mut cost).await.expect("noted");
        assert_eq!(cost.write, 1.0, "at {now}");
        let found = engine.store.key(&key.hash(), &mut cost).await.expect("looked up").expect("there");
        assert_eq!(found.last_used, Some(now));
        let all = engine.store.list_used_keys(now / day).await.expect("read");
        assert_eq!(all.iter().map(|(_, usage)| *usage).collect::<Vec<_>>(), [expected], "at {now}");
    }
    // A note for a deleted key creates nothing.
    engine
        .store
        .key_used(&gone.hash(), usage(1, 1), Timestamp(1), &mut Capacity::default())
        .await
        .expect("nothing to do");
    assert_eq!(engine.store.list_keys().await.expect("listed").len(), 1);
}
